import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadVectors, outcome } from '../../../scripts/vectors/load.ts'
import { fromBase64, toBase64 } from '../bytes.ts'
import { generateSigningKey, nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import {
  type Checkpoint,
  checkEmptyRoot,
  formatCheckpoint,
  logSigner,
  openCheckpoint,
  parseCheckpoint,
  parseSignedCheckpoint,
  signCheckpoint,
} from './checkpoint.ts'
import { emptyRoot } from './compact-range.ts'
import { parseVkey } from './vkey.ts'

interface Vectors {
  origin: string
  keys: string[]
  bodies: {
    desc: string
    body: string
    origin?: string
    size?: number
    root?: string
    extensions?: string[]
    error?: string
  }[]
  signed: { desc: string; text: string; verified?: (number | null)[]; error?: string }[]
}
const vectors = loadVectors<Vectors>('checkpoint')
const refusals = (cases: { error?: string }[]) => cases.filter(({ error }) => error !== undefined).length

test('refuses more than it accepts', () => {
  for (const cases of [vectors.bodies, vectors.signed]) expect(2 * refusals(cases)).toBeGreaterThan(cases.length)
})

test.each(vectors.bodies)('note text: $desc', ({ body, error, root = '', origin, size, extensions }) => {
  const got = outcome(() => parseCheckpoint(body))
  if (error !== undefined) return expect(got).toEqual({ error })
  expect(got).toEqual({ origin, size, root: fromBase64(root), extensions })
  expect(formatCheckpoint(got as Checkpoint)).toBe(body)
})

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('signed checkpoints, %s', (_, crypto) => {
  const keys = vectors.keys.map((text) => parseVkey(crypto, text))

  test.each(vectors.signed)('$desc', ({ text, verified, error }) => {
    const got = outcome(() =>
      openCheckpoint(crypto, text, keys, vectors.origin).verified.map(({ timestamp }) => timestamp),
    )
    expect(got).toEqual(error === undefined ? verified : { error })
  })

  test('what a log signs opens under each of its keys', () => {
    const origin = 'example.com/log'
    const signers = [
      logSigner(crypto, origin, generateSigningKey('ed25519')),
      logSigner(crypto, origin, generateSigningKey('ml-dsa-44')),
    ]
    const checkpoint = { origin, size: 3, root: new Uint8Array(32).fill(3), extensions: [] }
    const signed = signCheckpoint(checkpoint, signers, 1_795_000_000)
    expect(parseSignedCheckpoint(signed.text)).toEqual(signed)
    for (const { key } of signers) expect(openCheckpoint(crypto, signed.text, [key]).verified).toHaveLength(1)
    const all = openCheckpoint(
      crypto,
      signed.text,
      signers.map(({ key }) => key),
      origin,
    )
    expect(all.verified.map(({ timestamp }) => timestamp)).toEqual([null, 1_795_000_000])
    expect(all.text).toBe(signed.text)
  })
})

describe('the empty tree', () => {
  const empty = { origin: 'o', size: 0, root: emptyRoot(nodeCrypto), extensions: [] }
  test('has the hash of nothing as its root', () => {
    expect(toBase64(empty.root)).toBe('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')
    checkEmptyRoot(nodeCrypto, empty)
  })
  test('has no other', () => {
    const got = outcome(() => checkEmptyRoot(nodeCrypto, { ...empty, root: new Uint8Array(32) }))
    expect(got).toEqual({ error: 'PROOF_INVALID' })
  })
  test('is not the question for other sizes', () => {
    checkEmptyRoot(nodeCrypto, { ...empty, size: 1, root: new Uint8Array(32) })
  })
})

const good: Checkpoint = { origin: 'example.com/log', size: 7, root: new Uint8Array(32), extensions: [] }
const unformattable: [string, Partial<Checkpoint>][] = [
  ['an empty origin', { origin: '' }],
  ['a newline in the origin', { origin: 'a\nb' }],
  ['a long origin', { origin: 'a'.repeat(256) }],
  ['a negative size', { size: -1 }],
  ['a fractional size', { size: 1.5 }],
  ['a size of 2^53', { size: 2 ** 53 }],
  ['no size', { size: Number.NaN }],
  ['a short root', { root: new Uint8Array(31) }],
  ['an empty extension line', { extensions: [''] }],
  ['a newline in an extension line', { extensions: ['a\nb'] }],
  ['a lone surrogate', { extensions: ['\udfff'] }],
]
test.each(unformattable)('what could not be parsed is not formatted: %s', (_, wrong) => {
  expect(outcome(() => formatCheckpoint({ ...good, ...wrong }))).toEqual({ error: 'FORMAT_INVALID' })
})

test('a log cannot sign where its key cannot: other algorithms, an origin that is no key name', () => {
  expect(outcome(() => logSigner(nodeCrypto, 'o', generateSigningKey('ecdsa-p256')))).toEqual({
    error: 'FORMAT_INVALID',
  })
  expect(outcome(() => logSigner(nodeCrypto, 'o o', generateSigningKey('ed25519')))).toEqual({
    error: 'FORMAT_INVALID',
  })
})

const line = fc.string({ unit: fc.constantFrom(...'aZ0 +=—ü漢😀\ufeff\u0085'), minLength: 1, maxLength: 30 })
const checkpoint = fc.record({
  origin: line,
  size: fc.maxSafeNat(),
  root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  extensions: fc.array(line, { maxLength: 3 }),
})

describe('any checkpoint', () => {
  test('parse after format is the identity', () => {
    fc.assert(
      fc.property(checkpoint, (value) => {
        expect(parseCheckpoint(formatCheckpoint(value))).toEqual(value)
      }),
    )
  })

  test('changed anywhere is either refused or formats to itself', () => {
    const junk = fc.constantFrom('', '\n', ' ', '0', '+', '=', '\r\n', '\t', '\0', 'A')
    fc.assert(
      fc.property(checkpoint, fc.nat(), fc.nat(2), junk, (value, position, deleted, inserted) => {
        const text = formatCheckpoint(value)
        const at = position % (text.length + 1)
        const changed = text.slice(0, at) + inserted + text.slice(at + deleted)
        const parsed = outcome(() => parseCheckpoint(changed))
        if ('error' in parsed) expect(parsed.error).toBe('FORMAT_INVALID')
        else expect(formatCheckpoint(parsed)).toBe(changed)
      }),
      { numRuns: 500 },
    )
  })
})
