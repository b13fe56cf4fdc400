/** A running monitor, put together from its parts: one follower a log, one state, and what tells people. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { nodeCrypto } from '@samebits/core/node'
import { acquireLock, closeServer, listen, ProgramError, syncDirectory } from '@samebits/host'
import { openSinks } from './alerts/open-sinks.ts'
import { Outbox } from './alerts/outbox.ts'
import type { ListenConfig } from './config/config-format.ts'
import type { FollowedLog, MonitorConfig } from './config/monitor-config.ts'
import { votesFrom } from './dashboard/release-votes.ts'
import { statusOf } from './dashboard/status.ts'
import { writeEvidenceFiles } from './evidence/evidence-folder.ts'
import { type EntryIndex, Follower } from './follow/follower.ts'
import { logSource } from './follow/log-source.ts'
import { Rounds } from './follow/rounds.ts'
import { RunWorkers } from './follow/run-workers.ts'
import { joined, Underway } from './follow/slots.ts'
import { Exchange } from './gossip/exchange.ts'
import { RateLimit } from './gossip/rate-limit.ts'
import { dashboardHandler } from './http/dashboard-http.ts'
import { gossipHandler } from './http/gossip-http.ts'
import { createHttpServer, defaultLimits, type Handler } from './http/server-http.ts'
import { CaseMaker } from './index/case-maker.ts'
import { hashOnly } from './index/hash-only.ts'
import { ProductIndex } from './index/product-index.ts'
import { createMonitorMetrics } from './monitor-metrics.ts'
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
  /** Where gossip, health and metrics are served; null where nothing listens. */
  readonly port: number | null
  /** Looks at every log once; resolves when all that was new is read. */
  pollAll(): Promise<void>
  /** Tries to deliver what is due. */
  flush(): Promise<void>
  /** Ends what is under way, and frees the data folder. */
  stop(): Promise<void>
}

const maxWorkers = 4
/** How often the outbox looks for what is due. */
const flushMs = 1000
/** For answers that are under way at the end. */
const graceMs = 2000
const gossipRates = { burst: 20, perHour: 240, burstOfAll: 200, perHourOfAll: 7200 }

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
  const { operator, stdout } = deps
  const { now, every } = deps.timing
  const ending = new AbortController()
  const fetch = endingWith(ending.signal, deps.fetch)
  const sinkParts = await openSinks(config.sinks, { store, fetch, now, stdout })
  const outbox = new Outbox({ store, sinks: sinkParts, now, operator })
  const workers = new RunWorkers(Math.min(maxWorkers, Math.max(1, deps.processors)))
  const sinks = config.sinks.map(({ name }) => name)
  const followers = config.logs.map(
    (log) =>
      new Follower({
        ...{ crypto: nodeCrypto, log, witnesses: config.witnesses, store, sinks, workers },
        ...{ fetch, now, clock: deps.timing.clock, sliceSeconds: config.pollSeconds, onProgress: deps.onProgress },
        index: indexOf(log, { store, sinks, fetch, now }),
      }),
  )
  const writeEvidence = () =>
    writeEvidenceFiles(state.evidence, store).catch((error: unknown) => {
      operator.error({ err: error }, 'evidence was not written to its folder; it stays in the state')
    })
  /** Whoever is told of evidence finds it there. */
  const told = new Underway()
  const tell = () =>
    told.add(
      writeEvidence().then(() => {
        void outbox.flush()
      }),
    )
  const exchange = new Exchange({ followers, store, fetch, taken: () => void tell() })
  const asks = config.monitors.map((url) => joined(() => askMonitor(exchange, url, operator)))
  const rounds = new Rounds({ followers, asks, tell, ending: ending.signal, operator })
  const server = config.listen === null ? null : await serve(config.listen, exchange, store, deps)
  const endPolls = every(config.pollSeconds * 1000, () => void rounds.all())
  const endFlushes = every(flushMs, () => void outbox.flush())
  void rounds.all()
  return {
    store,
    port: server?.port ?? null,
    pollAll: () => rounds.all(),
    flush: () => outbox.flush(),
    async stop() {
      endPolls()
      endFlushes()
      ending.abort()
      await server?.close()
      await workers.close()
      await Promise.all([rounds.end(), exchange.end()])
      await told.end() // what was found a moment ago is in its file
      await outbox.end()
      state.close()
    },
  }
}

/** What hangs holds no end up. */
function endingWith(ending: AbortSignal, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return (input, init) => {
    const signal = init?.signal == null ? ending : AbortSignal.any([ending, init.signal])
    return fetch(input, { ...init, signal })
  }
}

/** Never rejects. */
async function askMonitor(exchange: Exchange, url: string, operator: OperatorLog): Promise<void> {
  try {
    const failure = await exchange.ask(url)
    if (failure !== null) operator.warn({ url, failure }, 'another monitor gave no gossip')
  } catch (error) {
    operator.error({ err: error, url }, "another monitor's gossip met a defect")
  }
}

async function serve(
  { host, port: asked, trustedProxies }: ListenConfig,
  exchange: Exchange,
  store: MonitorStore,
  { timing, operator }: MonitorDeps,
): Promise<{ port: number; close(): Promise<void> }> {
  const onDefect = (error: unknown) => operator.error({ err: error }, 'a request met a defect')
  const limit = new RateLimit({ clock: timing.clock, ...gossipRates })
  let port = asked
  const baseUrl = () => `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const status = () => statusOf(store, votesFrom(store), timing.now())
  const handlers: Handler[] = [
    gossipHandler({ exchange, limit, trustedProxies, store, baseUrl, onDefect }),
    dashboardHandler({ status, clock: timing.clock, onDefect }),
  ]
  const health = { ready: () => true, metrics: createMonitorMetrics(store), onDefect }
  const server = createHttpServer((req, res) => handlers.some((handle) => handle(req, res)), health, defaultLimits)
  port = await listen(server, host, asked)
  return { port, close: () => closeServer(server, graceMs) }
}

function indexOf(
  log: FollowedLog,
  parts: { store: MonitorStore; sinks: readonly string[]; fetch: typeof globalThis.fetch; now: () => number },
): EntryIndex {
  if (log.entries === 'raw') return hashOnly
  const { store, fetch, now } = parts
  const places = [log.url, ...log.mirrors].filter((url) => url !== null)
  const sources = places.map((url) => logSource(url, fetch))
  const cases = new CaseMaker({ crypto: nodeCrypto, origin: log.origin, store, sources, now })
  return new ProductIndex({ ...parts, crypto: nodeCrypto, log, cases })
}

interface State {
  readonly store: MonitorStore
  /** Folder of the evidence as files. */
  readonly evidence: string
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
    return { store, evidence: join(dataDir, 'evidence'), close }
  } catch (error) {
    lock.release()
    throw error
  }
}
