/** What a trust file demands of its policy beyond the specification (docs/formats.md §2, TRUST_INVALID). */
import { FormatError } from '../errors.ts'
import { forkCost, soleKeyName } from './fork-cost.ts'
import { NO_QUORUM, type Policy, type PolicyLog } from './policy.ts'
import { samePublicKey, TYPE_COSIGNATURE_ML_DSA_44, TYPE_ED25519 } from './vkey.ts'

/** The trust file's own permissions for weak policies. */
export interface TrustPolicyOptions {
  /** A quorum that honest witnesses alone could satisfy twice is accepted. */
  readonly forkable?: boolean
  /** `quorum none` is accepted. */
  readonly unwitnessed?: boolean
}

/** What the rules leave: the one log, and what a fork would cost. */
export interface TrustPolicy {
  readonly log: PolicyLog
  readonly forkCost: number
}

/**
 * Refuses a policy that a trust file may not have: more or fewer logs than one; a log key that is neither 0x01 nor
 * 0x06; the log as its own witness; one key name on two witness lines, unless both are in one group that holds nothing
 * else; `quorum none` without `unwitnessed`; a quorum of fork cost 0 without `forkable`. (Witness keys other than 0x04
 * and 0x06 are refused by `parsePolicy`.)
 * @throws FormatError `policy`
 */
export function checkTrustPolicy(policy: Policy, options: TrustPolicyOptions = {}): TrustPolicy {
  const [log, ...others] = policy.logs
  if (log === undefined || others.length > 0) throw new FormatError('policy', 'not exactly one log line')
  if (log.key.type !== TYPE_ED25519 && log.key.type !== TYPE_COSIGNATURE_ML_DSA_44) {
    throw new FormatError('policy', `a log key of type ${log.key.type}; 0x01 and 0x06 are accepted`)
  }
  refuseOwnWitness(policy, log)
  refuseSplitOperators(policy)
  const cost = forkCost(policy)
  if (policy.quorum === NO_QUORUM) {
    if (options.unwitnessed !== true) throw new FormatError('policy', 'quorum none without "unwitnessed"')
  } else if (cost === 0 && options.forkable !== true) {
    throw new FormatError('policy', 'honest witnesses alone could cosign two histories, without "forkable"')
  }
  return { log, forkCost: cost }
}

/** The log's own signature must not count as a cosignature. */
function refuseOwnWitness(policy: Policy, log: PolicyLog): void {
  if (policy.witnesses.some(({ key }) => key.name === log.key.name || samePublicKey(key, log.key))) {
    throw new FormatError('policy', 'the log is listed as its own witness')
  }
}

/** One operator's two keys must not count as two witnesses. */
function refuseSplitOperators(policy: Policy): void {
  const keyNames = new Map(policy.witnesses.map(({ name, key }) => [name, key.name]))
  const homes = new Map<string, string>()
  for (const group of policy.groups) {
    if (soleKeyName(group, keyNames) !== null) for (const member of group.members) homes.set(member, group.name)
  }
  const first = new Map<string, string>()
  for (const { name, key } of policy.witnesses) {
    const other = first.get(key.name)
    const home = homes.get(name)
    if (other !== undefined && (home === undefined || homes.get(other) !== home)) {
      throw new FormatError('policy', 'two witness lines of one key name, not in a group of their own')
    }
    first.set(key.name, name)
  }
}
