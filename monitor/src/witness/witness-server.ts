/** A running witness, put together from its parts. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { nodeCrypto, verifyInPool } from '@samebits/core/node'
import { acquireLock, closeServer, listen, ProgramError, syncDirectory } from '@samebits/host'
import { createHttpServer, type ServerLimits } from '../http/server-http.ts'
import { Budget } from './budget.ts'
import type { Cosigner } from './cosigner.ts'
import type { LogList } from './log-list.ts'
import { LogListSource } from './log-list-source.ts'
import { demandNotBehind } from './not-behind.ts'
import { openSqliteWitnessStore } from './sqlite-witness-store.ts'
import { Suspicions } from './suspicions.ts'
import { Witness } from './witness.ts'
import { createWitnessMetrics, type WitnessMetrics } from './witness-metrics.ts'
import type { WitnessStore } from './witness-store.ts'

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
  /** Empty: copies are published nowhere else, and nothing is compared before a log is cosigned. */
  readonly monitoringUrl: string
  readonly globalPerSecond: number
  readonly maxPending: number
  /** How often the log list is looked at. */
  readonly refreshMs: number
  readonly limits: ServerLimits
}

export interface WitnessServerDeps {
  readonly signers: readonly Cosigner[]
  readonly timing: Timing
  readonly fetch: typeof globalThis.fetch
  readonly operator: OperatorLog
  /** Ties the keys to the state with this id, for good; throws where they have signed for another one. */
  readonly claimKeys: (stateId: string) => Promise<void>
}

export interface RunningWitness {
  readonly port: number
  stop(): Promise<void>
}

/** For answers that are under way at the end. */
const graceMs = 2000
const copyTimeoutMs = 10_000
const minBurst = 16
const suspicionLimits = { perHour: 6, maxFiles: 10_000 }

/** @throws ProgramError, StoreUnfitError, and the system's error where the port cannot be had */
export async function startWitness(options: WitnessServerOptions, deps: WitnessServerDeps): Promise<RunningWitness> {
  const state = await openState(options.dataDir)
  try {
    return await serve(options, deps, state)
  } catch (error) {
    state.close()
    throw error
  }
}

interface State {
  readonly store: WitnessStore
  readonly evidence: string
  /** Frees the folder for another process. */
  close(): void
}

async function openState(dataDir: string): Promise<State> {
  const evidence = join(dataDir, 'evidence')
  await mkdir(evidence, { recursive: true, mode: 0o700 })
  for (const folder of [dataDir, dirname(dataDir)]) await syncDirectory(folder)
  const lock = acquireLock(join(dataDir, 'lock'))
  if (lock === null) {
    const remedy = 'Stop the other process: two would cosign two histories.'
    throw new ProgramError({ code: 'IN_USE', detail: `another witness works in ${dataDir}`, remedy })
  }
  try {
    const store = openSqliteWitnessStore(join(dataDir, 'witness.db'))
    const close = () => {
      store.close()
      lock.release()
    }
    return { store, evidence, close }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function serve(options: WitnessServerOptions, deps: WitnessServerDeps, state: State): Promise<RunningWitness> {
  const { timing, operator } = deps
  await deps.claimKeys(state.store.id)
  const budget = new Budget({ clock: timing.clock, globalPerSecond: options.globalPerSecond, minBurst })
  const logs = await openLogs(options, deps, state.store, budget)
  const metrics = createWitnessMetrics()
  const suspicions = await openSuspicions(state.evidence, deps, metrics)
  const witness = new Witness({
    ...{ crypto: nodeCrypto, verify: verifyInPool, store: state.store, signers: deps.signers },
    maxPending: options.maxPending,
    ...{ now: timing.now, defer: timing.defer, logs: () => logs.list },
    suspect: (origin, suspicion) => void suspicions.keep(origin, suspicion),
    halted: (error) => operator.error({ err: error }, 'halted: nothing is cosigned until a restart'),
  })
  const gauges = { logs: () => logs.list.size, cosigned: () => witness.cosignedLogs }
  metrics.watch({ ...gauges, halted: () => witness.halted !== null })
  const onDefect = (error: unknown) => operator.error({ err: error }, 'a request met a defect')
  const { prefix, limits } = options
  const server = createHttpServer(
    { witness, budget, prefix, onDefect, onAnswer: metrics.answered, clock: timing.clock, logs: () => logs.list },
    { ready: () => witness.halted === null, metrics, onDefect },
    limits,
  )
  const port = await listen(server, options.host, options.port)
  const endRefresh = timing.every(options.refreshMs, () => void logs.refresh())
  return {
    port,
    async stop() {
      endRefresh()
      await closeServer(server, graceMs)
      state.close()
    },
  }
}

function openLogs(
  { logList, monitoringUrl }: WitnessServerOptions,
  { signers, fetch, operator }: WitnessServerDeps,
  store: WitnessStore,
  budget: Budget,
): Promise<LogListSource> {
  const notOurs = (origin: string) => operator.warn({ origin }, 'what is published as our copy bears no line of ours')
  const published = { crypto: nodeCrypto, store, signers, monitoringUrl, fetch, timeoutMs: copyTimeoutMs, notOurs }
  return LogListSource.open({
    path: logList,
    hasher: nodeCrypto,
    admit: async (added: LogList) => {
      if (monitoringUrl !== '') await demandNotBehind(published, added.keys())
    },
    changed: (list) => {
      budget.keep(list)
      operator.info({ logs: list.size }, 'a new log list is in force')
    },
    kept: (reason) => operator.warn({ reason }, 'the log list cannot be used; the one before stays in force'),
  })
}

function openSuspicions(
  folder: string,
  { timing, operator }: WitnessServerDeps,
  metrics: WitnessMetrics,
): Promise<Suspicions> {
  return Suspicions.open({
    ...{ folder, crypto: nodeCrypto, clock: timing.clock, ...suspicionLimits },
    kept: (origin, kind, path) => {
      metrics.suspected(kind, true)
      operator.warn({ origin, kind, path }, 'a signed checkpoint does not fit; it was kept')
    },
    dropped: (_, kind) => metrics.suspected(kind, false),
    failed: (error) => operator.error({ err: error }, 'what did not fit could not be kept'),
  })
}
