/** What the servers of witnesses and mirrors are made of besides what they decide. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Suspicion } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { acquireLock, ProgramError, syncDirectory } from '@samebits/host'
import type { ServerLimits } from '../http/server-http.ts'
import type { Budget } from './budget.ts'
import type { Cosigner } from './cosigner.ts'
import type { LogList } from './log-list.ts'
import { LogListSource } from './log-list-source.ts'
import { demandNotBehind } from './not-behind.ts'
import { Suspicions } from './suspicions.ts'
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

const copyTimeoutMs = 10_000
const suspicionLimits = { perHour: 6, maxFiles: 10_000 }

/** A folder that one process at a time signs from. */
export interface StateFolder<Store extends WitnessStore> {
  readonly store: Store
  readonly evidence: string
  /** Frees the folder for another process. */
  close(): void
}

/**
 * @param name `witness` or `mirror`, which is also the file's
 * @throws ProgramError IN_USE; what `open` throws
 */
async function openStateFolder<Store extends WitnessStore>(
  dataDir: string,
  name: string,
  open: (path: string) => Store,
): Promise<StateFolder<Store>> {
  const evidence = join(dataDir, 'evidence')
  await mkdir(evidence, { recursive: true, mode: 0o700 })
  for (const folder of [dataDir, dirname(dataDir)]) await syncDirectory(folder)
  const lock = acquireLock(join(dataDir, 'lock'))
  if (lock === null) {
    const remedy = 'Stop the other process: two would cosign two histories.'
    throw new ProgramError({ code: 'IN_USE', detail: `another ${name} works in ${dataDir}`, remedy })
  }
  try {
    const store = open(join(dataDir, `${name}.db`))
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

/** Which logs are accepted, and where what was signed of them is published. */
export interface KnownLogsOptions {
  readonly logList: string
  /** Empty: copies are published nowhere else, and nothing is compared before a log is cosigned. */
  readonly monitoringUrl: string
}

/** A server of either kind. */
export interface ServerOptions extends KnownLogsOptions {
  readonly dataDir: string
  readonly host: string
  readonly port: number
  readonly prefix: string
  readonly globalPerSecond: number
  readonly maxPending: number
  /** How often the log list is looked at. */
  readonly refreshMs: number
  readonly limits: ServerLimits
}

export interface ServerDeps {
  /** None: a mirror without keys, a copy, which takes no uploads. */
  readonly signers: readonly Cosigner[]
  readonly timing: Timing
  readonly fetch: typeof globalThis.fetch
  readonly operator: OperatorLog
  /** Ties the keys to the state with this id, for good; throws where they have signed for another one. */
  readonly claimKeys: (stateId: string) => Promise<void>
}

export interface RunningServer {
  readonly port: number
  stop(): Promise<void>
}

/** For answers that are under way at the end. */
export const graceMs = 2000

/** Of all logs together, however few a second they are allowed. */
export const minBurst = 16

/** Runs `serve` on a folder that is open; closes it again where that fails. @throws what `open` and `serve` throw */
export async function servingFrom<Store extends WitnessStore>(
  { dataDir }: Pick<ServerOptions, 'dataDir'>,
  name: string,
  open: (path: string) => Store,
  serve: (state: StateFolder<Store>) => Promise<RunningServer>,
): Promise<RunningServer> {
  const state = await openStateFolder(dataDir, name, open)
  try {
    return await serve(state)
  } catch (error) {
    state.close()
    throw error
  }
}

export interface KnownLogsDeps {
  readonly signers: readonly Cosigner[]
  readonly store: WitnessStore
  /** As in {@link NotBehindParts}. */
  readonly signedAt: (origin: string) => number | null
  readonly budget: Budget
  readonly fetch: typeof globalThis.fetch
  readonly operator: OperatorLog
}

export function openKnownLogs(options: KnownLogsOptions, deps: KnownLogsDeps): Promise<LogListSource> {
  const { logList, monitoringUrl } = options
  const { signers, store, signedAt, budget, fetch, operator } = deps
  const notOurs = (origin: string) => operator.warn({ origin }, 'what is published as our copy bears no line of ours')
  const reach = { monitoringUrl, fetch, timeoutMs: copyTimeoutMs }
  const published = { crypto: nodeCrypto, store, signers, signedAt, notOurs, ...reach }
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

/** @param counted one signed checkpoint that does not fit, kept or dropped by a limit */
export function openSuspicions(
  folder: string,
  { timing, operator }: { readonly timing: Timing; readonly operator: OperatorLog },
  counted: (kind: Suspicion['kind'], kept: boolean) => void,
): Promise<Suspicions> {
  return Suspicions.open({
    ...{ folder, crypto: nodeCrypto, clock: timing.clock, ...suspicionLimits },
    kept: (origin, kind, path) => {
      counted(kind, true)
      operator.warn({ origin, kind, path }, 'a signed checkpoint does not fit; it was kept')
    },
    dropped: (_, kind) => counted(kind, false),
    failed: (error) => operator.error({ err: error }, 'what did not fit could not be kept'),
  })
}
