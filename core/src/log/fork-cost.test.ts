import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { outcome } from '../../../scripts/vectors/load.ts'
import { bruteForkCost, MOST_WITNESSES, randomPolicy } from '../../../scripts/vectors/random-policy.ts'
import { nodeCrypto } from '../node.ts'
import { forkCost } from './fork-cost.ts'
import { checkTrustPolicy } from './trust-policy.ts'
import { makeVkey } from './vkey.ts'

const publicKeys = Array.from({ length: MOST_WITNESSES }, (_, index) => new Uint8Array(32).fill(index))
const log = { key: makeVkey(nodeCrypto, 'log.example', 1, new Uint8Array(32).fill(99)) }

describe('forkCost', () => {
  test.each(['distinct', 'grouped'] as const)('is what trying all pairs of sets finds: %s key names', (keyNames) => {
    const found = new Set<number>()
    fc.assert(
      fc.property(randomPolicy(nodeCrypto, publicKeys, keyNames), (policy) => {
        const cost = forkCost(policy)
        expect(cost).toBe(bruteForkCost(policy))
        found.add(cost)
      }),
      { numRuns: 3000 },
    )
    expect([...found].sort()).toEqual(expect.arrayContaining([0, 1, 2, 3]))
  })

  test('is never above it, however key names are spread', () => {
    let below = 0
    fc.assert(
      fc.property(randomPolicy(nodeCrypto, publicKeys, 'any'), (policy) => {
        const brute = bruteForkCost(policy)
        expect(forkCost(policy)).toBeLessThanOrEqual(brute)
        if (forkCost(policy) < brute) below++
      }),
      { numRuns: 3000 },
    )
    expect(below).toBeGreaterThan(0)
  })

  test('is exact for every policy that a trust file may have', () => {
    let accepted = 0
    fc.assert(
      fc.property(randomPolicy(nodeCrypto, publicKeys, 'any'), (policy) => {
        const trusted = outcome(() => checkTrustPolicy({ ...policy, logs: [log] }))
        if ('error' in trusted) return
        accepted++
        expect(trusted.forkCost).toBe(bruteForkCost(policy))
        expect(trusted.forkCost).toBeGreaterThan(0)
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })
})
