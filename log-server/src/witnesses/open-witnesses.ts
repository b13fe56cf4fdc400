/** The witnesses of `--policy FILE`, put together from their parts. */
import { readFile } from 'node:fs/promises'
import { FormatError, NO_QUORUM } from '@samebits/core'
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
import { type LogPolicy, readLogPolicy } from './log-policy.ts'
import { Pace } from './pace.ts'
import { policyWitnesses } from './policy-witnesses.ts'
import { toBoth, witnessLines, witnessMetrics } from './witness-events.ts'

type WitnessOptions = Pick<
  LogServerOptions,
  | 'policy'
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
}

/** Without a policy: `quorum none`. @throws ProgramError POLICY_INVALID */
export async function openWitnesses(parts: OpenWitnessesParts): Promise<Witnessing> {
  const { options, signer, fetch, timing, operator, registry } = parts
  if (options.policy === '') return noWitnesses
  const log = await loadLogPolicy(options, signer)
  announce(parts, log)
  const { policy, services } = log
  const copyParts = { hasher: nodeCrypto, signer, fetch, timeoutMs: options.witnessTimeoutMs }
  const names = services.map(({ name }) => name)
  return policyWitnesses({
    policy,
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
  const { policy, services } = await loadLogPolicy(options, signer)
  return readCopies({ hasher: nodeCrypto, signer, fetch, timeoutMs: options.witnessTimeoutMs }, policy, services)
}

async function loadLogPolicy(
  { policy: path, witnessMonitoring }: Pick<WitnessOptions, 'policy' | 'witnessMonitoring'>,
  { keys }: HeadSigner,
): Promise<LogPolicy> {
  try {
    return readLogPolicy(nodeCrypto, { text: await readFile(path, 'utf8'), keys, monitoring: witnessMonitoring })
  } catch (cause) {
    const reason = cause instanceof FormatError ? cause.detail : cause instanceof Error ? cause.message : String(cause)
    const remedy =
      'Name a C2SP tlog-policy file with one log line, this log’s, and the submission URLs of its witnesses.'
    throw new ProgramError({ code: 'POLICY_INVALID', detail: `${path}: ${reason}`, remedy, cause })
  }
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
