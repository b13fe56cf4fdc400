/**
 * Policies with random nested groups, and what the words of the specification say about them, found by trying every
 * set.
 */
import fc from 'fast-check'
import { type Hasher, makeVkey, type Policy, type PolicyGroup, type PolicyWitness } from '../../core/src/index.ts'

/** At most this many witnesses, so that all their sets can be tried. */
export const MOST_WITNESSES = 7

/**
 * How witnesses bear key names: each its own; some share one with the members of a group of their own, as a trust file
 * allows; or anyhow.
 */
export type KeyNames = 'distinct' | 'grouped' | 'any'

/** @param publicKeys one for each witness, at least `MOST_WITNESSES` */
export function randomPolicy(
  hasher: Hasher,
  publicKeys: readonly Uint8Array[],
  keyNames: KeyNames,
): fc.Arbitrary<Policy> {
  const choices = fc.array(fc.nat(), { minLength: 60, maxLength: 60 })
  return fc.tuple(fc.integer({ min: 1, max: MOST_WITNESSES }), choices).map(([count, numbers]) => {
    const below = (bound: number) => (numbers.shift() ?? 0) % bound
    const operators = Array.from({ length: count }, (_, index) => (keyNames === 'distinct' ? index : below(count)))
    const witnesses = operators.map((operator, index): PolicyWitness => {
      const key = makeVkey(hasher, `operator${operator}.example`, 4, publicKeys[index] ?? new Uint8Array(32))
      return { name: `w${index}`, key }
    })
    const groups: PolicyGroup[] = []
    const group = (members: readonly string[]) => {
      const name = `g${groups.length}`
      groups.push({ name, threshold: 1 + below(members.length), members })
      return name
    }
    let open = witnesses.map(({ name }) => name)
    if (keyNames === 'grouped') {
      open = [...new Set(operators)].map((operator) => {
        const own = open.filter((_, index) => operators[index] === operator)
        return own.length > 1 ? group(own) : (own[0] ?? '')
      })
    }
    for (let round = 0; round < 6 && (open.length > 1 || below(3) === 0); round++) {
      const members = Array.from({ length: 1 + below(open.length) }, () => open.splice(below(open.length), 1)[0] ?? '')
      open.push(group(members))
    }
    return { text: '', logs: [], witnesses, groups, quorum: open.at(-1) ?? 'none' }
  })
}

/** Whether these witnesses satisfy the policy, by the words of C2SP tlog-policy, "Defining a witness group". */
export function satisfies(policy: Policy, name: string, cosigned: (witness: PolicyWitness) => boolean): boolean {
  const group = policy.groups.find((other) => other.name === name)
  if (group !== undefined) {
    return group.members.filter((member) => satisfies(policy, member, cosigned)).length >= group.threshold
  }
  return policy.witnesses.some((witness) => witness.name === name && cosigned(witness))
}

/** The least number of operators who are in both of two sets of witnesses that each satisfy the quorum. */
export function bruteForkCost(policy: Policy): number {
  const { witnesses, quorum } = policy
  const operators = [...new Set(witnesses.map(({ key }) => key.name))]
  const sets = Array.from({ length: 2 ** witnesses.length }, (_, set) => set)
    .filter((set) => satisfies(policy, quorum, (witness) => ((set >> witnesses.indexOf(witness)) & 1) === 1))
    .map((set) =>
      witnesses.reduce((mask, { key }, index) => mask | (((set >> index) & 1) << operators.indexOf(key.name)), 0),
    )
  const distinct = [...new Set(sets)]
  return Math.min(...distinct.flatMap((a) => distinct.map((b) => ones(a & b))))
}

function ones(mask: number): number {
  return mask === 0 ? 0 : (mask & 1) + ones(mask >> 1)
}
