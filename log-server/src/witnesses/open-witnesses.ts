/** The witnesses of `--policy FILE`, put together from their parts. */
import { readFile } from 'node:fs/promises'
import { FormatError, NO_QUORUM, type Policy } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { Registry } from 'prom-client'
import type { Timing } from '../log.ts'
import type { LogServerOptions } from '../options.ts'
import { consistencyProof } from '../proofs.ts'
import type { HeadSigner } from '../signer.ts'
import type { LogReader } from '../store.ts'
import { noWitnesses, type WitnessCopies, type Witnessing } from '../witnessing.ts'
import { WitnessAsker } from './asker.ts'
import { readCopies } from './copies.ts'
import { examiner } from './examine.ts'
import { jointPolicy } from './joint-policy.ts'
import { type LogPolicy, readLogPolicy } from './log-policy.ts'
import { Pace } from './pace.ts'
import { policyWitnesses } from './policy-witnesses.ts'
import { type Retirement, retirement } from './retirement.ts'
import { toBoth, witnessLines, witnessMetrics } from './witness-events.ts'

type WitnessOptions = Pick<
  LogServerOptions,
  | 'policy'
  | 'retiringPolicy'
  | 'witnessTimeoutMs'
  | 'witnessMinIntervalMs'
  | 'witnessRequestsPerDay'
  | 'witnessMonitoring'
  | 'witnessFailOpen'
>

export interface OpenWitnessesParts {
  readonly options: WitnessOptions
  readonly signer: HeadSigner
  readonly store: Pick<LogReader, 'head' | 'tile'>
  readonly fetch: typeof globalThis.fetch
  readonly timing: Timing
  readonly operator: Parameters<typeof witnessLines>[0]
  readonly registry: Registry
  /** Products that still need other witnesses than those of a policy; null where this log knows none, and a person decides. */
  readonly leftBehind: ((policy: Policy) => Promise<readonly string[]>) | null
}

export interface OpenedWitnesses {
  readonly witnessing: Witnessing
  /** To be called when a checkpoint was published. */
  issued(): void
}

/** Without a policy: `quorum none`. @throws ProgramError POLICY_INVALID */
export async function openWitnesses(parts: OpenWitnessesParts): Promise<OpenedWitnesses> {
  const { options, signer } = parts
  if (options.policy === '') return { witnessing: noWitnesses, issued: () => undefined }
  const next = await loadLogPolicy(options, options.policy, signer)
  announce(parts, next)
  if (options.retiringPolicy === '') {
    await warnLeftBehind(parts, next.policy)
    return { witnessing: assemble(parts, next, () => next.policy), issued: () => undefined }
  }
  const joint = jointPolicy(await loadLogPolicy(options, options.retiringPolicy, signer), next)
  const retiring = await openRetirement(parts, next.policy)
  const log = retiring.isOver ? next : joint
  const current = () => (retiring.isOver ? next.policy : joint.policy)
  return { witnessing: assemble(parts, log, current), issued: () => void retiring.look() }
}

/** Clients of a trust file that names other witnesses see nothing of what this log will publish. */
async function warnLeftBehind({ leftBehind, operator }: OpenWitnessesParts, policy: Policy): Promise<void> {
  const products = (await leftBehind?.(policy)) ?? []
  if (products.length > 0)
    operator.warn(
      { products },
      'the trust files in force want witnesses that this policy does not ask: see --retiring-policy',
    )
}

async function openRetirement({ leftBehind, operator }: OpenWitnessesParts, policy: Policy): Promise<Retirement> {
  const retiring = retirement({
    isDue: async () => leftBehind !== null && (await leftBehind(policy)).length === 0,
    over: () =>
      operator.info({}, 'the witnesses of the retiring policy are not asked any more: --retiring-policy can go'),
    failed: (err) => operator.warn({ err }, 'could not tell whether the retiring witnesses are still needed'),
  })
  await retiring.look()
  if (!retiring.isOver) operator.info({}, 'two policies: heads are published when the quorum of each is met')
  return retiring
}

function assemble(parts: OpenWitnessesParts, log: LogPolicy, current: () => Policy): Witnessing {
  const { options, signer, fetch, timing, operator, registry } = parts
  const { policy, services } = log
  const copyParts = { hasher: nodeCrypto, signer, fetch, timeoutMs: options.witnessTimeoutMs }
  const names = services.map(({ name }) => name)
  return policyWitnesses({
    policy: current,
    askers: askersOf(parts, log, copyParts),
    copies: () => readCopies(copyParts, policy, services),
    failOpen: options.witnessFailOpen,
    events: toBoth(witnessMetrics(registry, names, options.witnessFailOpen), witnessLines(operator)),
    sleep: sleeper(timing),
  })
}

function askersOf(
  { options, store, fetch, timing }: OpenWitnessesParts,
  { services }: LogPolicy,
  copyParts: Parameters<typeof readCopies>[0],
): WitnessAsker[] {
  const { witnessTimeoutMs: timeoutMs, witnessMinIntervalMs: minIntervalMs } = options
  const examine = examiner({ ...copyParts, store, clock: timing.clock })
  const prove = (from: number, to: number) => consistencyProof({ reader: store, hasher: nodeCrypto }, from, to)
  return services.map((service) => {
    const pace = new Pace({ minIntervalMs, requestsPerDay: options.witnessRequestsPerDay }, timing.clock)
    return new WitnessAsker({
      ...{ service, crypto: nodeCrypto, fetch, pace, timeoutMs, prove, examine },
      sleep: sleeper(timing),
    })
  })
}

/** What the witnesses hold of a log that is about to begin: it may not have begun before. @throws ProgramError POLICY_INVALID */
export async function copiesBeforeInit(
  options: Pick<WitnessOptions, 'policy' | 'witnessMonitoring' | 'witnessTimeoutMs'>,
  { signer, fetch }: Pick<OpenWitnessesParts, 'signer' | 'fetch'>,
): Promise<WitnessCopies> {
  if (options.policy === '') return noWitnesses.copies()
  const { policy, services } = await loadLogPolicy({ ...options, retiringPolicy: '' }, options.policy, signer)
  return readCopies({ hasher: nodeCrypto, signer, fetch, timeoutMs: options.witnessTimeoutMs }, policy, services)
}

/** @throws ProgramError POLICY_INVALID */
export async function loadLogPolicy(
  options: Pick<WitnessOptions, 'retiringPolicy' | 'witnessMonitoring'>,
  path: string,
  { keys }: HeadSigner,
): Promise<LogPolicy> {
  try {
    const text = await readFile(path, 'utf8')
    return readLogPolicy(nodeCrypto, { text, keys, monitoring: options.witnessMonitoring, ...ofTwo(options) })
  } catch (cause) {
    const reason = cause instanceof FormatError ? cause.detail : cause instanceof Error ? cause.message : String(cause)
    const remedy =
      'Name a C2SP tlog-policy file with one log line, this log’s, and the submission URLs of its witnesses.'
    throw new ProgramError({ code: 'POLICY_INVALID', detail: `${path}: ${reason}`, remedy, cause })
  }
}

/** With two files a monitoring prefix may be of a witness that only the other one has. */
function ofTwo({ retiringPolicy }: Pick<WitnessOptions, 'retiringPolicy'>): { strangers?: true } {
  return retiringPolicy === '' ? {} : { strangers: true }
}

function announce({ options, operator }: OpenWitnessesParts, { policy, services, forkCost }: LogPolicy): void {
  operator.info({ quorum: policy.quorum, forkCost, witnesses: services.map(({ name }) => name) }, 'witnesses are asked')
  if (policy.quorum !== NO_QUORUM && forkCost === 0)
    operator.warn({}, 'honest witnesses alone could cosign two histories under this policy: raise its thresholds')
  if (options.witnessFailOpen)
    operator.warn({}, 'WITNESSES FAIL OPEN: heads are published even without their quorum (--witness-fail-open)')
}

function sleeper({ after }: Timing): (milliseconds: number, signal: AbortSignal) => Promise<void> {
  return (milliseconds, signal) => {
    if (milliseconds <= 0 || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        cancel()
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = after(milliseconds, wake)
      signal.addEventListener('abort', wake)
    })
  }
}
