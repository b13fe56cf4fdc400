import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadVectors, outcome } from '../../../scripts/vectors/load.ts'
import { fromHex, toBase64 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import { parsePolicy } from './policy.ts'
import { checkTlogProof, formatTlogProof, parseTlogProof, type TlogProof } from './tlog-proof.ts'

interface Vectors {
  policy: string
  cases: {
    desc: string
    proof: string
    leafHash: string
    index?: number
    hashes?: number
    extra?: string
    q?: number
    error?: string
  }[]
}
const vectors = loadVectors<Vectors>('tlog-proof')
const accepted = vectors.cases.filter(({ error }) => error === undefined)

test('refuses more than it accepts', () => {
  expect(vectors.cases.length - accepted.length).toBeGreaterThan(accepted.length)
})

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('proofs, %s', (_, crypto) => {
  const policy = parsePolicy(crypto, vectors.policy)

  test.each(vectors.cases)('$desc', ({ proof, leafHash, error, q }) => {
    const got = outcome(() => checkTlogProof(crypto, policy, parseTlogProof(proof), fromHex(leafHash)))
    expect(got).toMatchObject(error === undefined ? { satisfied: true, q } : { error })
  })
})

test.each(accepted)('says: $desc', ({ proof, index, hashes, extra }) => {
  const parsed = parseTlogProof(proof)
  expect([parsed.index, parsed.hashes.length]).toEqual([index, hashes])
  expect(parsed.extra === undefined ? undefined : toBase64(parsed.extra)).toBe(extra)
  expect(formatTlogProof(parsed)).toBe(proof)
})

const good: TlogProof = parseTlogProof(accepted[3]?.proof ?? '')

test.each<[string, Partial<TlogProof>]>([
  ['a negative index', { index: -1 }],
  ['a fractional index', { index: 0.5 }],
  ['an index of 2^53', { index: 2 ** 53 }],
  ['empty extra data', { extra: new Uint8Array(0) }],
  ['extra data past the longest', { extra: new Uint8Array(65_536) }],
  ['a hash of 31 bytes', { hashes: [new Uint8Array(31)] }],
  ['65 hashes', { hashes: Array.from({ length: 65 }, () => new Uint8Array(32)) }],
])('what could not be parsed is not formatted: %s', (_, wrong) => {
  expect(outcome(() => formatTlogProof({ ...good, ...wrong }))).toEqual({ error: 'FORMAT_INVALID' })
})

test('the caps hold at their edge', () => {
  const hashes = Array.from({ length: 64 }, () => new Uint8Array(32))
  const edge = { ...good, hashes, extra: new Uint8Array(65_535) }
  expect(parseTlogProof(formatTlogProof(edge))).toEqual(edge)
  expect(outcome(() => parseTlogProof(formatTlogProof(good), 2))).toEqual({ error: 'TOO_MANY_SIGNATURES' })
  expect(outcome(() => parseTlogProof('x'.repeat(1 << 21)))).toEqual({ error: 'FORMAT_INVALID' })
})

const proof = fc.record(
  {
    extra: fc.uint8Array({ minLength: 1, maxLength: 50 }),
    index: fc.maxSafeNat(),
    hashes: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 5 }),
    checkpoint: fc.constant(good.checkpoint),
  },
  { requiredKeys: ['index', 'hashes', 'checkpoint'] },
)

describe('any proof', () => {
  test('parse after format is the identity', () => {
    fc.assert(
      fc.property(proof, (value) => {
        const parsed = parseTlogProof(formatTlogProof(value))
        expect(parsed).toEqual(value)
        expect(Object.keys(parsed)).toHaveLength(Object.keys(value).length)
      }),
    )
  })

  test('changed anywhere is either refused or formats to itself', () => {
    const junk = fc.constantFrom('', '\n', '\n\n', ' ', '0', '=', 'extra ', 'index ', '\r', 'A', '—')
    fc.assert(
      fc.property(proof, fc.nat(), fc.nat(3), junk, (value, position, deleted, inserted) => {
        const text = formatTlogProof(value)
        const at = position % (text.length + 1)
        const changed = text.slice(0, at) + inserted + text.slice(at + deleted)
        const parsed = outcome(() => parseTlogProof(changed))
        if ('error' in parsed) expect(parsed.error).toBe('FORMAT_INVALID')
        else expect(formatTlogProof(parsed)).toBe(changed)
      }),
      { numRuns: 500 },
    )
  })
})
