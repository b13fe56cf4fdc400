/** Both implementations of crypto.ts, held against each other and against what every implementation must refuse. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex, utf8 } from './bytes.ts'
import type { Crypto, KeyAlgorithm, VerificationKey } from './crypto.ts'
import { generateSigningKey, nodeCrypto, verifyInPool } from './node.ts'
import { portableCrypto } from './portable.ts'

const implementations: readonly [string, Crypto][] = [
  ['node:crypto', nodeCrypto],
  ['noble', portableCrypto],
]
const message = utf8('the same bits')

/** The one answer of both implementations. */
function verdict(key: VerificationKey, signed: Uint8Array, signature: Uint8Array): boolean {
  const [node, portable] = implementations.map(([, { verify }]) => verify(key, signed, signature))
  expect(node, `${toHex(key.publicKey)} ${toHex(signature)}`).toBe(portable)
  return node === true
}

describe.each(implementations)('hashing with %s', (_, crypto) => {
  const reference = (...parts: Uint8Array[]) =>
    new Uint8Array(
      createHash('sha256')
        .update(concat(...parts))
        .digest(),
    )

  test('sha256', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        expect(crypto.sha256(data)).toEqual(reference(data))
      }),
    )
  })

  test.each([0, 1, 65_534, 65_535, 65_536, 65_537, 1_000_000])('leaf hash of %i bytes', (length) => {
    const entry = new Uint8Array(length).fill(7)
    expect(crypto.leafHashes([entry])).toEqual([reference(Uint8Array.of(0), entry)])
  })

  test('leaf hashes and parents of many', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 20 }), (entries) => {
        const hashes = crypto.leafHashes(entries)
        expect(hashes).toEqual(entries.map((entry) => reference(Uint8Array.of(0), entry)))
        const nodes = concat(...hashes, ...hashes)
        const parents = hashes.map((_hash, at) => reference(Uint8Array.of(1), nodes.slice(at * 64, at * 64 + 64)))
        expect(crypto.parents(nodes)).toEqual(concat(...parents))
      }),
    )
  })

  test('earlier results stay as they were', () => {
    const first = crypto.leafHashes([utf8('a'), utf8('b')])
    const before = first.map(toHex)
    crypto.leafHashes([utf8('c'), utf8('d')])
    crypto.parents(concat(...first))
    expect(first.map(toHex)).toEqual(before)
  })

  test.each([1, 32, 63, 65, 96])('%i bytes have no parents', (length) => {
    expect(() => crypto.parents(new Uint8Array(length))).toThrow(RangeError)
  })
})

describe.each<[KeyAlgorithm]>([['ed25519'], ['ml-dsa-44'], ['ecdsa-p256'], ['ecdsa-p384']])('%s', (algorithm) => {
  const key = generateSigningKey(algorithm)
  const signature = key.sign(message)

  test('a signature verifies', () => {
    expect(verdict(key, message, signature)).toBe(true)
    expect(verdict(key, new Uint8Array(0), key.sign(new Uint8Array(0)))).toBe(true)
  })

  test('one bit changed anywhere is refused', () => {
    const flip = (bytes: Uint8Array, bit: number) => bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)))
    const bit = (bytes: Uint8Array) => fc.nat(bytes.length * 8 - 1)
    fc.assert(
      fc.property(bit(signature), bit(message), bit(key.publicKey), (inSignature, inMessage, inKey) => {
        expect(verdict(key, message, flip(signature, inSignature))).toBe(false)
        expect(verdict(key, flip(message, inMessage), signature)).toBe(false)
        expect(verdict({ algorithm, publicKey: flip(key.publicKey, inKey) }, message, signature)).toBe(false)
      }),
      { numRuns: 30 },
    )
  })

  test.each<[string, Uint8Array]>([
    ['empty', new Uint8Array(0)],
    ['cut short', signature.slice(0, -1)],
    ['too long', concat(signature, Uint8Array.of(0))],
    ['twice', concat(signature, signature)],
    ['zeros', new Uint8Array(signature.length)],
    ['ones', new Uint8Array(signature.length).fill(255)],
    ['one byte', Uint8Array.of(0x30)],
    ['of another key', generateSigningKey(algorithm).sign(message)],
  ])('a signature that is %s is refused', (_, wrong) => {
    expect(verdict(key, message, wrong)).toBe(false)
  })

  test.each<[string, Uint8Array]>([
    ['empty', new Uint8Array(0)],
    ['cut short', key.publicKey.slice(0, -1)],
    ['too long', concat(key.publicKey, Uint8Array.of(0))],
    ['zeros', new Uint8Array(key.publicKey.length)],
    ['ones', new Uint8Array(key.publicKey.length).fill(255)],
  ])('a key that is %s is refused', (_, publicKey) => {
    expect(verdict({ algorithm, publicKey }, message, signature)).toBe(false)
  })

  test.each<[KeyAlgorithm]>([['ed25519'], ['ml-dsa-44'], ['ecdsa-p256'], ['ecdsa-p384']])(
    'is not taken for %s',
    (other) => {
      if (other === algorithm) return
      expect(verdict({ algorithm: other, publicKey: key.publicKey }, message, signature)).toBe(false)
    },
  )
})

describe('Ed25519 where implementations differ', { timeout: 30_000 }, () => {
  interface Case {
    description: string
    message: string
    publicKey: string
    signature: string
    accepted: boolean
  }
  const file = new URL('../../test/vectors/ed25519-speccheck.json', import.meta.url)
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }

  test('all twelve speccheck vectors are here', () => {
    expect(cases).toHaveLength(12)
  })

  test.each(cases)('$description: $accepted', (vector) => {
    const key: VerificationKey = { algorithm: 'ed25519', publicKey: fromHex(vector.publicKey) }
    expect(verdict(key, fromHex(vector.message), fromHex(vector.signature))).toBe(vector.accepted)
  })

  test('the thread pool judges them as well', async () => {
    for (const vector of cases) {
      const key: VerificationKey = { algorithm: 'ed25519', publicKey: fromHex(vector.publicKey) }
      const verdictInPool = await verifyInPool(key, fromHex(vector.message), fromHex(vector.signature))
      expect(verdictInPool, vector.description).toBe(vector.accepted)
    }
  })

  const { Point } = ed25519
  const order = Point.Fn.ORDER
  /** The eight points of small order, from a generator of the torsion group. */
  const torsion = Array.from({ length: 8 }, (_, times) => {
    const generator = Point.fromBytes(fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'))
    return times === 0 ? Point.ZERO : generator.multiplyUnsafe(BigInt(times))
  })
  const littleEndian = (value: bigint) => fromHex(value.toString(16).padStart(64, '0')).reverse()
  const number = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes.toReversed())}`)
  const challenge = (r: Uint8Array, a: Uint8Array, signed: Uint8Array) =>
    number(
      createHash('sha512')
        .update(concat(r, a, signed))
        .digest(),
    ) % order

  /** Secret a = 5 and nonce 7, with small-order parts added to A and R: valid with the cofactor, sometimes without. */
  function mixed(inKey: number, inR: number, signed: Uint8Array) {
    const a = Point.BASE.multiply(5n).add(torsion[inKey] ?? Point.ZERO)
    const r = Point.BASE.multiply(7n).add(torsion[inR] ?? Point.ZERO)
    const k = challenge(r.toBytes(), a.toBytes(), signed)
    const signature = concat(r.toBytes(), littleEndian((7n + k * 5n) % order))
    const holds = r.add(a.multiplyUnsafe(k)).equals(Point.BASE.multiply((7n + k * 5n) % order))
    return { key: { algorithm: 'ed25519', publicKey: a.toBytes() } as const, signature, holds }
  }

  test('keys and R with a small-order part: accepted exactly where the equation holds without the cofactor', () => {
    const seen = { true: 0, false: 0 }
    for (let inKey = 0; inKey < 8; inKey++) {
      for (let inR = 0; inR < 8; inR++) {
        for (const text of ['a', 'b', 'c']) {
          const { key, signature, holds } = mixed(inKey, inR, utf8(text))
          expect(verdict(key, utf8(text), signature)).toBe(holds)
          seen[`${holds}`]++
        }
      }
    }
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(8)
  })

  /** All encodings of the small-order points: canonical, with the sign of a zero x set, with y above the prime. */
  const encodings = new Set(
    torsion.flatMap((point) => {
      const bytes = point.toBytes()
      const [y, sign] = [number(bytes.with(31, (bytes[31] ?? 0) & 0x7f)), (bytes[31] ?? 0) & 0x80]
      const prime = 2n ** 255n - 19n
      const ys = y < 19n ? [y, y + prime] : [y]
      return ys.flatMap((value) =>
        [sign, sign ^ 0x80].map((bit) => {
          const encoded = littleEndian(value)
          return toHex(encoded.with(31, (encoded[31] ?? 0) | bit))
        }),
      )
    }),
  )

  test('no small-order key verifies anything, whatever R and S', () => {
    expect(encodings.size).toBe(14)
    for (const publicKey of encodings) {
      for (const r of encodings) {
        for (const signed of ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'].map(utf8)) {
          const key: VerificationKey = { algorithm: 'ed25519', publicKey: fromHex(publicKey) }
          expect(verdict(key, signed, concat(fromHex(r), new Uint8Array(32)))).toBe(false)
        }
      }
    }
  })

  test('no small-order R verifies, although the equation holds', () => {
    for (const r of encodings) {
      const a = Point.BASE.multiply(5n).toBytes()
      const k = challenge(fromHex(r), a, message)
      const signature = concat(fromHex(r), littleEndian((k * 5n) % order))
      expect(verdict({ algorithm: 'ed25519', publicKey: a }, message, signature)).toBe(false)
    }
  })

  test.each([1n, 2n, 8n, 15n])('S + %i times the order is refused', (times) => {
    const key = generateSigningKey('ed25519')
    const signature = key.sign(message)
    const s = number(signature.slice(32)) + times * order
    if (s >= 2n ** 256n) return
    expect(verdict(key, message, concat(signature.slice(0, 32), littleEndian(s)))).toBe(false)
  })

  test.each(Array.from({ length: 19 }, (_, y) => y))('a key with y = 2^255 - 19 + %i is refused', (y) => {
    for (const sign of [0, 0x80]) {
      const encoded = littleEndian(2n ** 255n - 19n + BigInt(y))
      const key: VerificationKey = { algorithm: 'ed25519', publicKey: encoded.with(31, (encoded[31] ?? 0) | sign) }
      const r = Point.BASE.multiply(7n).toBytes()
      expect(verdict(key, message, concat(r, littleEndian(7n)))).toBe(false)
    }
  })

  test('random bytes as keys: both decode the same ones', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        (publicKey, signature) => {
          expect(verdict({ algorithm: 'ed25519', publicKey }, message, signature)).toBe(false)
        },
      ),
    )
  })
})

describe('ML-DSA-44', () => {
  const { publicKey, secretKey } = ml_dsa44.keygen(new Uint8Array(32).fill(3))
  const key: VerificationKey = { algorithm: 'ml-dsa-44', publicKey }

  test('pure with an empty context, whoever signs', () => {
    expect(verdict(key, message, ml_dsa44.sign(message, secretKey))).toBe(true)
    expect(verdict(key, message, ml_dsa44.sign(message, secretKey, { extraEntropy: false }))).toBe(true)
  })

  test('another context is refused', () => {
    expect(verdict(key, message, ml_dsa44.sign(message, secretKey, { context: utf8('c') }))).toBe(false)
  })

  test('a message that carries the framing of an empty context is another message', () => {
    const signature = ml_dsa44.sign(message, secretKey)
    expect(verdict(key, concat(Uint8Array.of(0, 0), message), signature)).toBe(false)
  })

  test.each<[string, (signature: Uint8Array) => Uint8Array]>([
    ['hints that end before they begin', (bytes) => bytes.with(2419, 0).with(2418, 80)],
    ['more hints than 80', (bytes) => bytes.with(2419, 81)],
    ['a hint past the last one', (bytes) => bytes.with(2415, 9)],
    ['z out of range', (bytes) => bytes.fill(0, 32, 36)],
  ])('a signature with %s is refused', (_, damage) => {
    const signature = ml_dsa44.sign(message, secretKey)
    expect(verdict(key, message, damage(signature.slice()))).toBe(false)
  })
})

describe('ECDSA signatures that are not DER, or not in range', () => {
  const integer = (value: bigint, extra = '') => {
    const digits = value.toString(16)
    const even = digits.length % 2 === 0 ? digits : `0${digits}`
    const body = extra + (Number.parseInt(even.slice(0, 2), 16) > 127 ? `00${even}` : even)
    return `02${(body.length / 2).toString(16).padStart(2, '0')}${body}`
  }
  const sequence = (body: string) => `30${(body.length / 2).toString(16).padStart(2, '0')}${body}`
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

  /** A signature whose r and s both have 32 bytes or fewer, as numbers. */
  function signed() {
    const key = generateSigningKey('ecdsa-p256')
    const der = key.sign(message)
    const rLength = der[3] ?? 0
    const r = BigInt(`0x${toHex(der.slice(4, 4 + rLength))}`)
    const s = BigInt(`0x${toHex(der.slice(6 + rLength))}`)
    return { key, r, s }
  }
  const { key, r, s } = signed()

  test('r and s written anew verify, and so does the other s', () => {
    expect(verdict(key, message, fromHex(sequence(integer(r) + integer(s))))).toBe(true)
    expect(verdict(key, message, fromHex(sequence(integer(r) + integer(n - s))))).toBe(true)
  })

  const body = integer(r) + integer(s)
  test.each<[string, string]>([
    ['r = 0', sequence(integer(0n) + integer(s))],
    ['s = 0', sequence(integer(r) + integer(0n))],
    ['both 0', sequence(integer(0n) + integer(0n))],
    ['r + n', sequence(integer(r + n) + integer(s))],
    ['s + n', sequence(integer(r) + integer(s + n))],
    ['r = n', sequence(integer(n) + integer(s))],
    ['swapped', sequence(integer(s) + integer(r))],
    ['a zero before r', sequence(integer(r, '00') + integer(s))],
    ['two zeros before s', sequence(integer(r) + integer(s, '0000'))],
    ['a negative r', sequence(`0220${(2n ** 255n + (r % 2n ** 255n)).toString(16)}${integer(s)}`)],
    ['a length in long form', `3081${sequence(body).slice(2)}`],
    ['an indefinite length', `3080${body}0000`],
    ['a byte after it', `${sequence(body)}00`],
    ['a third integer', sequence(body + integer(1n))],
    ['one integer', sequence(integer(r))],
    ['an octet string', `04${sequence(body).slice(2)}`],
    ['a length beyond the end', `30ff${sequence(body).slice(4)}`],
    ['r || s without DER', r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0')],
  ])('%s', (_, signature) => {
    expect(verdict(key, message, fromHex(signature))).toBe(false)
  })

  test('a point that is not on the curve', () => {
    const publicKey = key.publicKey.with(64, (key.publicKey[64] ?? 0) ^ 1)
    expect(verdict({ algorithm: 'ecdsa-p256', publicKey }, message, key.sign(message))).toBe(false)
  })

  test.each([6, 7])('a point in hybrid form %i', (form) => {
    expect(
      verdict({ algorithm: 'ecdsa-p256', publicKey: key.publicKey.with(0, form) }, message, key.sign(message)),
    ).toBe(false)
  })
})
