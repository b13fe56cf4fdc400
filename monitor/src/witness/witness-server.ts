/** A running witness, put together from its parts. */
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { NoteSigner } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { acquireLock, ProgramError } from '@samebits/host'
import { handleHealth } from '../http/health-http.ts'
import { closeServer, listen } from '../http/listen-http.ts'
import { handleWitness } from '../http/witness-http.ts'
import { Budget } from './budget.ts'
import { LogListSource } from './log-list-source.ts'
import { demandNotBehind } from './not-behind.ts'
import { openSqliteWitnessStore } from './sqlite-witness-store.ts'
import { Suspicions } from './suspicions.ts'
import { Witness } from './witness.ts'
import { createWitnessMetrics } from './witness-metrics.ts'

/** Clock and timers of the process. */
export interface Timing {
  /** Unix seconds. */
  readonly now: () => number
  /** Seconds that only go up; fractions count. */
  readonly clock: () => number
  readonly defer: (work: () => void) => void
  /** Runs `work` again and again; returns how to end it. */
  readonly every: (milliseconds: number, work: () => void) => () => void
}

/** Structured lines for the operator; `pino` fits. */
export interface OperatorLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface WitnessServerOptions {
  readonly dataDir: string
  readonly logList: string
  readonly host: string
  readonly port: number
  readonly prefix: string
  /** Empty: copies are published nowhere else, and nothing is compared at start. */
  readonly monitoringUrl: string
  readonly globalPerSecond: number
  readonly maxPending: number
  readonly refreshMs: number
}

export interface WitnessServerDeps {
  readonly signers: readonly NoteSigner[]
  readonly timing: Timing
  readonly fetch: typeof globalThis.fetch
  readonly operator: OperatorLog
}

export interface RunningWitness {
  readonly port: number
  stop(): Promise<void>
}

/** Bytes of all headers of one request. */
const maxHeaderSize = 8192
const graceMs = 2000

/** @throws ProgramError */
export async function startWitness(options: WitnessServerOptions, deps: WitnessServerDeps): Promise<RunningWitness> {
  const { timing, operator } = deps
  const evidence = join(options.dataDir, 'evidence')
  await mkdir(evidence, { recursive: true, mode: 0o700 })
  const lock = acquireLock(join(options.dataDir, 'lock'))
  if (lock === null) throw inUse(options.dataDir)
  const store = openSqliteWitnessStore(join(options.dataDir, 'witness.db'))
  try {
    const logs = await openLogs(options, deps, (list) => budget.keep(list))
    await checkCopies(options, deps, store, logs)
    const budget = new Budget({ clock: timing.clock, globalPerSecond: options.globalPerSecond, minBurst: 16 })
    const suspicions = suspicionsOf(evidence, deps)
    const witness = new Witness({
      ...{ crypto: nodeCrypto, store, signers: deps.signers, maxPending: options.maxPending, logs: () => logs.list },
      ...{ now: timing.now, defer: timing.defer },
      suspect: (origin, suspicion) => void suspicions.keep(origin, suspicion),
    })
    const metrics = createWitnessMetrics({ logs: () => logs.list.size, halted: () => witness.halted !== null })
    const onDefect = (error: unknown) => operator.error({ err: error }, 'a request met a defect')
    const parts = {
      ...{ witness, budget, prefix: options.prefix, onDefect, onAnswer: metrics.answered, clock: timing.clock },
      ...{ logs: () => logs.list, originOf: (hash: string) => logs.originOf(hash) },
    }
    const server = createServer(
      { maxHeaderSize, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 60_000, noDelay: true },
      (req, res) => {
        if (!handleWitness(parts, req, res)) handleHealth({ ready: () => witness.halted === null, metrics }, req, res)
      },
    )
    const port = await listen(server, options.host, options.port)
    const endRefresh = timing.every(options.refreshMs, () => void logs.refresh())
    return {
      port,
      async stop() {
        endRefresh()
        await closeServer(server, graceMs)
        store.close()
        lock.release()
      },
    }
  } catch (error) {
    store.close()
    lock.release()
    throw error
  }
}

function inUse(folder: string): ProgramError {
  const remedy = 'Stop the other process: two would cosign two histories.'
  return new ProgramError({ code: 'IN_USE', detail: `another witness works in ${folder}`, remedy })
}

function openLogs(
  { logList }: WitnessServerOptions,
  { operator }: WitnessServerDeps,
  changed: (list: LogListSource['list']) => void,
): Promise<LogListSource> {
  return LogListSource.open({
    path: logList,
    hasher: nodeCrypto,
    changed: (list) => {
      changed(list)
      operator.info({ logs: list.size }, 'a new log list is in force')
    },
    kept: (reason) => operator.warn({ reason }, 'the log list cannot be used; the one before stays in force'),
  })
}

async function checkCopies(
  { monitoringUrl }: WitnessServerOptions,
  { signers, fetch }: WitnessServerDeps,
  store: ReturnType<typeof openSqliteWitnessStore>,
  logs: LogListSource,
): Promise<void> {
  if (monitoringUrl === '') return
  await demandNotBehind({
    crypto: nodeCrypto,
    store,
    signers,
    logs: logs.list,
    monitoringUrl,
    fetch,
    timeoutMs: 10_000,
  })
}

function suspicionsOf(folder: string, { timing, operator }: WitnessServerDeps): Suspicions {
  return new Suspicions({
    ...{ folder, crypto: nodeCrypto, clock: timing.clock, unprovenPerHour: 6 },
    kept: (origin, kind, path) =>
      operator.warn({ origin, kind, path }, 'a signed checkpoint does not fit; it was kept'),
    failed: (error) => operator.error({ err: error }, 'what did not fit could not be kept'),
  })
}
