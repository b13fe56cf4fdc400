/**
 * Two policies at once, while witnesses change (docs/formats.md §2, *Changing witnesses*): a head is published when the quorum
 * of each is met, so that clients of either trust version accept it. A witness that stands in both is asked once.
 */
import { type Policy, type PolicyGroup, type PolicyWitness, samePublicKey } from '@samebits/core'
import type { LogPolicy, WitnessService } from './log-policy.ts'

/** Of names that only the policy before knows; no name of a file begins so, since spaces separate them there. */
const before = ' '
const both = `${before}both`

/** What both ask for. Names of `next` stay; what only `old` has gets names of its own. */
export function jointPolicy(old: LogPolicy, next: LogPolicy): LogPolicy {
  const names = new Map(old.policy.witnesses.map((witness) => [witness.name, nameIn(next.policy, witness)]))
  const rename = (name: string) => names.get(name) ?? `${before}${name}`
  const only = old.policy.witnesses.filter(({ name }) => rename(name).startsWith(before))
  const renamed = only.map((witness) => ({ ...witness, name: rename(witness.name) }))
  const groups = old.policy.groups.map(({ name, threshold, members }) => ({
    name: `${before}${name}`,
    threshold,
    members: members.map(rename),
  }))
  const policy: Policy = {
    ...next.policy,
    witnesses: [...next.policy.witnesses, ...renamed],
    ...quorumOfBoth(old.policy, next.policy, groups, rename),
  }
  return { policy, services: servicesOfBoth(old, next, rename), forkCost: next.forkCost }
}

function quorumOfBoth(
  old: Policy,
  next: Policy,
  groups: readonly PolicyGroup[],
  rename: (name: string) => string,
): Pick<Policy, 'groups' | 'quorum'> {
  const asked = [
    ...(next.quorum === 'none' ? [] : [next.quorum]),
    ...(old.quorum === 'none' ? [] : [rename(old.quorum)]),
  ]
  const [first = 'none', ...others] = asked
  const all = [...next.groups, ...groups]
  if (others.length === 0) return { groups: all, quorum: first }
  return { groups: [...all, { name: both, threshold: asked.length, members: asked }], quorum: both }
}

function nameIn(policy: Policy, { key, name }: PolicyWitness): string {
  const same = policy.witnesses.find((other) => other.key.name === key.name && samePublicKey(other.key, key))
  return same?.name ?? `${before}${name}`
}

/** One request to each place, for the keys of both files behind it. */
function servicesOfBoth(old: LogPolicy, next: LogPolicy, rename: (name: string) => string): readonly WitnessService[] {
  const services = new Map(next.services.map((service) => [service.submission, service]))
  const asked = new Set(next.services.flatMap(({ witnesses }) => witnesses.map(({ name }) => name)))
  for (const service of old.services) {
    const own = service.witnesses
      .map((witness) => ({ ...witness, name: rename(witness.name) }))
      .filter(({ name }) => !asked.has(name))
    if (own.length === 0) continue
    const there = services.get(service.submission)
    const witnesses = [...(there?.witnesses ?? []), ...own]
    const { submission, monitoring } = there ?? service
    services.set(submission, { name: nameOf(witnesses), witnesses, submission, monitoring })
  }
  return [...services.values()]
}

function nameOf(witnesses: readonly PolicyWitness[]): string {
  return witnesses.map(({ name }) => name.trimStart()).join(',')
}
