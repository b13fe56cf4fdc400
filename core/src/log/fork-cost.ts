/**
 * What it costs to show two clients two histories under a policy: `forkCost` (docs/formats.md §2).
 *
 * A fork needs two sets of witnesses, one for each history, that both satisfy the quorum. Honest witnesses sign one
 * history only, so those in both sets must have been bought or broken. forkCost is the least number of witnesses in the
 * intersection:
 *
 *     forkCost(witness) = 1
 *     forkCost(k of n)  = sum of the max(0, 2k-n) smallest costs of its n members
 *
 * Why this is exact. Every name is a member once, so a quorum is a tree and its members share no witness: costs add up.
 * Satisfying a member for one history costs nothing (all its witnesses sign that one), for both at least its forkCost,
 * by induction. In "k of n" let s members stand for both histories and let the rest be split. Each history needs k
 * members, so 2k ≤ n + s, that is s ≥ 2k-n; and s = max(0, 2k-n) suffices, since the other n-s can be split so that
 * each side gets the k-s it lacks. Nothing is dearer than necessary if those s are the cheapest.
 *
 * Witnesses are counted by key name, the operator's, not by line: a group whose members all bear one key name is one
 * witness. Where a key name appears on other witness lines besides (which `checkTrustPolicy` refuses) its lines are
 * reckoned to cost nothing, so the result is a lower bound: the number may then be too small, never too large.
 */
import type { Policy, PolicyGroup } from './policy.ts'

/** The number of witnesses that must sign two histories before the policy accepts both; 0 with `quorum none`. */
export function forkCost(policy: Policy): number {
  const lines = countLines(policy)
  const costs = new Map<string, number>()
  const keyNames = new Map<string, string>()
  for (const { name, key } of policy.witnesses) {
    keyNames.set(name, key.name)
    costs.set(name, lines.get(key.name) === 1 ? 1 : 0)
  }
  for (const group of policy.groups) {
    const only = soleKeyName(group, keyNames)
    const complete = only !== null && lines.get(only) === group.members.length
    costs.set(group.name, complete ? 1 : cheapest(group, costs))
  }
  return costs.get(policy.quorum) ?? 0 // `none` is no name of the map
}

/** The key name that all members bear, or null where they differ or one is a group. */
export function soleKeyName(group: PolicyGroup, keyNames: ReadonlyMap<string, string>): string | null {
  const names = new Set(group.members.map((member) => keyNames.get(member)))
  const [name] = names
  return names.size === 1 && name !== undefined ? name : null
}

function countLines(policy: Policy): Map<string, number> {
  const lines = new Map<string, number>()
  for (const { key } of policy.witnesses) lines.set(key.name, (lines.get(key.name) ?? 0) + 1)
  return lines
}

function cheapest({ threshold, members }: PolicyGroup, costs: ReadonlyMap<string, number>): number {
  const sorted = members.map((member) => costs.get(member) ?? 0).sort((a, b) => a - b)
  return sorted.slice(0, Math.max(0, 2 * threshold - members.length)).reduce((sum, cost) => sum + cost, 0)
}
