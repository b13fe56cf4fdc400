/** A running monitor, put together from its parts: one follower a log, one state, and what tells people. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { nodeCrypto } from '@samebits/core/node'
import { acquireLock, ProgramError, syncDirectory } from '@samebits/host'
import { openSinks } from './alerts/open-sinks.ts'
import { Outbox } from './alerts/outbox.ts'
import type { MonitorConfig } from './config/monitor-config.ts'
import { Follower } from './follow/follower.ts'
import { RunWorkers } from './follow/run-workers.ts'
import { hashOnly } from './index/hash-only.ts'
import type { MonitorStore } from './state/monitor-store.ts'
import { openSqliteMonitorStore } from './state/sqlite-monitor-store.ts'
import type { OperatorLog, Timing } from './witness/server-parts.ts'

export interface MonitorDeps {
  readonly timing: Timing
  readonly fetch: typeof globalThis.fetch
  readonly operator: OperatorLog
  /** For the sink of that name. */
  readonly stdout: { write(text: string): unknown }
  /** Processors of the machine. */
  readonly processors: number
  readonly onProgress: (origin: string, readTo: number, size: number) => void
}

export interface RunningMonitor {
  readonly store: MonitorStore
  /** Polls every log once; resolves when all that was new is read. */
  pollAll(): Promise<void>
  /** Tries to deliver what is due. */
  flush(): Promise<void>
  /** Ends what is under way, and frees the data folder. */
  stop(): Promise<void>
}

/** Logs that are polled at once. */
const polledAtOnce = 8
const maxWorkers = 4
/** How often the outbox looks for what is due. */
const flushMs = 1000

/** Opens the data folder and begins to follow. @throws ProgramError IN_USE, StoreUnfitError, and the system's errors */
export async function startMonitor(config: MonitorConfig, dataDir: string, deps: MonitorDeps): Promise<RunningMonitor> {
  const state = await openState(dataDir)
  try {
    return await follow(config, state, deps)
  } catch (error) {
    state.close()
    throw error
  }
}

async function follow(config: MonitorConfig, state: State, deps: MonitorDeps): Promise<RunningMonitor> {
  const { store } = state
  const { fetch, operator, stdout } = deps
  const { now, every } = deps.timing
  const sinkParts = await openSinks(config.sinks, { store, fetch, now, stdout })
  const outbox = new Outbox({ store, sinks: sinkParts, now, operator })
  const workers = new RunWorkers(Math.min(maxWorkers, Math.max(1, deps.processors)))
  const ending = new AbortController()
  const sinks = config.sinks.map(({ name }) => name)
  const followers = config.logs.map(
    (log) =>
      new Follower({
        ...{ crypto: nodeCrypto, log, witnesses: config.witnesses, store, sinks, workers },
        ...{ fetch, now, index: hashOnly, onProgress: deps.onProgress },
      }),
  )
  const pollOne = async (follower: Follower) => {
    try {
      await follower.poll(ending.signal)
    } catch (error) {
      if (!ending.signal.aborted) operator.error({ err: error, origin: follower.origin }, 'a poll met a defect')
    }
    void outbox.flush()
  }
  let under: Promise<void> | null = null
  const pollAll = () => {
    under ??= eachOf(followers, polledAtOnce, pollOne).finally(() => {
      under = null
    })
    return under
  }
  const endPolls = every(config.pollSeconds * 1000, () => void pollAll())
  const endFlushes = every(flushMs, () => void outbox.flush())
  void pollAll()
  return {
    store,
    pollAll,
    flush: () => outbox.flush(),
    async stop() {
      endPolls()
      endFlushes()
      ending.abort()
      await Promise.all([under, outbox.end()])
      await workers.close()
      state.close()
    },
  }
}

/** Runs `work` over all, a few at a time. */
async function eachOf<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const next = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, next))
}

interface State {
  readonly store: MonitorStore
  close(): void
}

async function openState(dataDir: string): Promise<State> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  for (const folder of [dataDir, dirname(dataDir)]) await syncDirectory(folder)
  const lock = acquireLock(join(dataDir, 'monitor.lock'))
  if (lock === null) {
    const remedy = 'Stop the other process, or give this one a data folder of its own.'
    throw new ProgramError({ code: 'IN_USE', detail: `another monitor works in ${dataDir}`, remedy })
  }
  try {
    const store = openSqliteMonitorStore(join(dataDir, 'monitor.db'))
    const close = () => {
      store.close()
      lock.release()
    }
    return { store, close }
  } catch (error) {
    lock.release()
    throw error
  }
}
