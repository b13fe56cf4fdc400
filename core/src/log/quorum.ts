/**
 * Whether a policy accepts a checkpoint, and how old the quorum says it is (C2SP tlog-policy; docs/decision.md,
 * "Terms").
 *
 * Two questions, answered apart. *Satisfied* asks which witnesses cosigned, whatever time they state. The *quorum time*
 * q asks for time alone: time(witness) is its timestamp, minus infinity where it is missing, invalid or 0; time(k of n)
 * is the k-th largest of the members' times; q is time(quorum), the latest time as of which the witnesses that state it
 * or a later one satisfy the quorum. So a timestamp in the future raises q no further than enough others agree, and
 * none decides acceptance.
 */
import type { SignatureVerifier } from '../crypto.ts'
import { NoteError, type NoteErrorCode } from '../errors.ts'
import { type SignedCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import { requireSingleLines } from './note.ts'
import { NO_QUORUM, type Policy, type PolicyGroup, type PolicyWitness } from './policy.ts'

/** A witness of the policy whose cosignature verified. */
export interface Cosigner {
  readonly witness: PolicyWitness
  /** Unix seconds; 0 states no time. The latest, where one witness cosigned the same tree more than once. */
  readonly timestamp: number
}

/** Why a checkpoint is not one of the policy's logs: `WRONG_ORIGIN` where no log of the policy has this origin. */
export interface CheckpointProblem {
  readonly code: NoteErrorCode
  readonly detail: string
}

/** What a policy says about a checkpoint. It is accepted when `logOk` and `satisfied` both hold. */
export interface QuorumResult {
  /** The origin is a log's of this policy, that log has signed, and no line of a known key fails to verify. */
  readonly logOk: boolean
  /** Why `logOk` is false; null where it is true. */
  readonly problem: CheckpointProblem | null
  /** Enough witnesses cosigned. False where `logOk` is false. */
  readonly satisfied: boolean
  /**
   * The quorum time in Unix seconds. 0 stands for minus infinity: too few witnesses state a time, so the view is older
   * than any limit. Null with `quorum none`, which knows no time, and where `logOk` is false.
   */
  readonly q: number | null
  /** Each witness once, in the order of the policy. */
  readonly cosigners: readonly Cosigner[]
}

/**
 * Judges a parsed checkpoint by a policy. The origin comes first, then the log's signature, then every line of a known
 * witness (one that fails refuses the checkpoint, quorum or not), then the quorum. A log's key may sign once only;
 * a witness that cosigned at several times counts once.
 */
export function evaluateQuorum(verifier: SignatureVerifier, policy: Policy, signed: SignedCheckpoint): QuorumResult {
  try {
    requireLog(verifier, policy, signed)
    const cosigners = findCosigners(verifier, policy, signed)
    return { logOk: true, problem: null, cosigners, ...judgeQuorum(policy, cosigners) }
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    const problem = { code: error.code, detail: error.detail }
    return { logOk: false, problem, satisfied: false, q: null, cosigners: [] }
  }
}

/**
 * Like `evaluateQuorum`, for callers to whom every refusal is the same.
 * @throws NoteError the problem's code, or `NO_QUORUM`
 */
export function requireQuorum(verifier: SignatureVerifier, policy: Policy, signed: SignedCheckpoint): QuorumResult {
  const result = evaluateQuorum(verifier, policy, signed)
  if (result.problem !== null) throw new NoteError(result.problem.code, result.problem.detail)
  if (!result.satisfied) throw new NoteError('NO_QUORUM', 'too few witnesses have cosigned this checkpoint')
  return result
}

/** Whether these witnesses (by the policy's names for them) would suffice, e.g. to ask before signing. */
export function satisfiesQuorum(policy: Policy, names: ReadonlySet<string>): boolean {
  const present = policy.witnesses.filter(({ name }) => names.has(name))
  return judgeQuorum(
    policy,
    present.map((witness) => ({ witness, timestamp: 0 })),
  ).satisfied
}

function requireLog(verifier: SignatureVerifier, policy: Policy, signed: SignedCheckpoint): void {
  const { origin } = signed.checkpoint
  const keys = policy.logs.map(({ key }) => key).filter(({ name }) => name === origin)
  if (keys.length === 0) throw new NoteError('WRONG_ORIGIN', 'no log of the policy has this origin')
  const verified = verifyCheckpoint(verifier, signed, keys)
  if (verified.length === 0) throw new NoteError('UNSIGNED', "the log's key has not signed this checkpoint")
  requireSingleLines(verified)
}

function findCosigners(verifier: SignatureVerifier, policy: Policy, signed: SignedCheckpoint): Cosigner[] {
  const keys = policy.witnesses.map(({ key }) => key)
  const verified = verifyCheckpoint(verifier, signed, keys)
  return policy.witnesses.flatMap((witness) => {
    const times = verified.filter(({ key }) => key === witness.key).map(({ timestamp }) => timestamp ?? 0)
    return times.length === 0 ? [] : [{ witness, timestamp: Math.max(...times) }]
  })
}

/** What a witness or group amounts to. */
interface Standing {
  readonly satisfied: boolean
  /** Unix seconds; 0, below which no time is, stands for minus infinity. */
  readonly time: number
}

const ABSENT: Standing = { satisfied: false, time: 0 }

function judgeQuorum(policy: Policy, cosigners: readonly Cosigner[]): { satisfied: boolean; q: number | null } {
  if (policy.quorum === NO_QUORUM) return { satisfied: true, q: null }
  const standings = new Map<string, Standing>()
  for (const { witness, timestamp } of cosigners) standings.set(witness.name, { satisfied: true, time: timestamp })
  // Groups name only what is defined before them, so one pass in order settles every member before its group.
  for (const group of policy.groups) standings.set(group.name, standingOf(group, standings))
  const { satisfied, time } = standings.get(policy.quorum) ?? ABSENT
  return { satisfied, q: time }
}

function standingOf({ threshold, members }: PolicyGroup, standings: ReadonlyMap<string, Standing>): Standing {
  const found = members.map((member) => standings.get(member) ?? ABSENT)
  const times = found.map(({ time }) => time).sort((a, b) => b - a)
  return {
    satisfied: found.filter(({ satisfied }) => satisfied).length >= threshold,
    time: times[threshold - 1] ?? 0,
  }
}
