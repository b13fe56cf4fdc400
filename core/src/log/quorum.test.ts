import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadVectors, outcome } from '../../../scripts/vectors/load.ts'
import { MOST_WITNESSES, randomPolicy, satisfies } from '../../../scripts/vectors/random-policy.ts'
import { generateSigningKey, nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import { logSigner, parseSignedCheckpoint, signCheckpoint } from './checkpoint.ts'
import { cosignatureSigner } from './cosignature.ts'
import { parsePolicy } from './policy.ts'
import { evaluateQuorum, requireQuorum, satisfiesQuorum } from './quorum.ts'

interface Vectors {
  quorum: {
    desc: string
    policy: string
    checkpoint: string
    problem?: string
    satisfied?: boolean
    q?: number | null
    cosigners?: Record<string, number>
  }[]
}
const { quorum } = loadVectors<Vectors>('policy')

test('refuses more than it accepts', () => {
  expect(quorum.filter(({ satisfied }) => satisfied !== true).length).toBeGreaterThan(quorum.length / 2)
})

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('the word of a policy, %s', (_, crypto) => {
  test.each(quorum)('$desc', ({ policy, checkpoint, problem, satisfied, q, cosigners }) => {
    const rules = parsePolicy(crypto, policy)
    const signed = parseSignedCheckpoint(checkpoint)
    const got = evaluateQuorum(crypto, rules, signed)
    const accepted = outcome(() => requireQuorum(crypto, rules, signed))
    if (problem !== undefined) {
      expect(got).toMatchObject({ logOk: false, problem: { code: problem }, satisfied: false, q: null, cosigners: [] })
      expect(accepted).toEqual({ error: problem })
      return
    }
    expect(got).toMatchObject({ logOk: true, problem: null, satisfied, q })
    expect(Object.fromEntries(got.cosigners.map(({ witness, timestamp }) => [witness.name, timestamp]))).toEqual(
      cosigners,
    )
    expect(accepted).toEqual(satisfied ? got : { error: 'NO_QUORUM' })
    expect(satisfiesQuorum(rules, new Set(got.cosigners.map(({ witness }) => witness.name)))).toBe(satisfied)
    expect(satisfiesQuorum(rules, new Set(['no such witness']))).toBe(rules.quorum === 'none')
  })
})

test('errors that are not about the note are not swallowed', () => {
  const [{ policy = '', checkpoint = '' } = {}] = quorum
  const broken = {
    ...nodeCrypto,
    verify: () => {
      throw new RangeError('out of memory')
    },
  }
  const rules = parsePolicy(nodeCrypto, policy)
  expect(() => evaluateQuorum(broken, rules, parseSignedCheckpoint(checkpoint))).toThrow(RangeError)
})

describe('any policy and any cosignatures', () => {
  const keys = Array.from({ length: MOST_WITNESSES }, () => generateSigningKey('ed25519'))
  const log = logSigner(nodeCrypto, 'log.example', generateSigningKey('ed25519'))
  const checkpoint = { origin: 'log.example', size: 7, root: new Uint8Array(32), extensions: [] }
  const policies = randomPolicy(
    nodeCrypto,
    keys.map(({ publicKey }) => publicKey),
    'any',
  )
  const time = fc.option(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 })), { freq: 3 })
  const times = fc.array(time, { minLength: MOST_WITNESSES, maxLength: MOST_WITNESSES })

  test('satisfied is what the words say; q is the latest time as of which the quorum stands', () => {
    fc.assert(
      fc.property(policies, times, (rules, stated) => {
        const policy = { ...rules, logs: [{ key: log.key }] }
        const cosigners = policy.witnesses.flatMap(({ key }, index) => {
          const signer = cosignatureSigner(nodeCrypto, key.name, keys[index] as (typeof keys)[number])
          const at = stated[index] ?? null
          return at === null
            ? []
            : [{ key, sign: (subject: Parameters<typeof signer.sign>[0]) => signer.sign(subject, at) }]
        })
        const result = evaluateQuorum(nodeCrypto, policy, signCheckpoint(checkpoint, [log, ...cosigners], 0))
        const timeOf = (index: number) => stated[index] ?? null
        const holds = (enough: (at: number) => boolean) =>
          satisfies(policy, policy.quorum, (witness) => {
            const at = timeOf(policy.witnesses.indexOf(witness))
            return at !== null && enough(at)
          })
        const latest = [9, 8, 7, 6, 5, 4, 3, 2, 1].find((limit) => holds((at) => at >= limit)) ?? 0
        expect([result.logOk, result.satisfied, result.q]).toEqual([true, holds(() => true), latest])
      }),
      { numRuns: 300 },
    )
  })
})
