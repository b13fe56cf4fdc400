import { describe, expect, test } from 'vitest'
import { loadVectors, outcome } from '../../../scripts/vectors/load.ts'
import { toBase64 } from '../bytes.ts'
import { generateSigningKey, nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import { formatCheckpoint, parseCheckpoint, parseSignedCheckpoint, signCheckpoint } from './checkpoint.ts'
import {
  checkCosignature,
  cosignatureSigner,
  ed25519CosignatureMessage,
  mlDsa44CosignatureMessage,
  verifyCosignature,
} from './cosignature.ts'
import { parseVkey } from './vkey.ts'

interface Vectors {
  cases: { desc: string; key: string; body: string; line: string; timestamp?: number; verdict?: string }[]
  messages: { type: number; name: string; body: string; timestamp: number; message: string }[]
}
const vectors = loadVectors<Vectors>('cosignature')

test('refuses more than it accepts', () => {
  expect(2 * vectors.cases.filter(({ verdict }) => verdict !== undefined).length).toBeGreaterThan(vectors.cases.length)
})

test.each(vectors.messages)('the message of type $type at $timestamp', ({ type, name, body, timestamp, message }) => {
  const bytes =
    type === 4
      ? ed25519CosignatureMessage(body, timestamp)
      : mlDsa44CosignatureMessage(name, parseCheckpoint(body), timestamp)
  expect(toBase64(bytes)).toBe(message)
})

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('cosignatures, %s', (_, crypto) => {
  test.each(vectors.cases)('$desc', ({ key, body, line, timestamp, verdict }) => {
    const vkey = parseVkey(crypto, key)
    const signed = parseSignedCheckpoint(`${body}\n${line}`)
    const [{ signature = new Uint8Array(0) } = {}] = signed.note.signatures
    expect(checkCosignature(crypto, vkey, signed, signature)).toEqual(verdict ?? { timestamp })
    expect(verifyCosignature(crypto, vkey, signed, signature)).toEqual(verdict === undefined ? { timestamp } : null)
  })

  test.each(['ed25519', 'ml-dsa-44'] as const)('what %s signs verifies', (algorithm) => {
    const signer = cosignatureSigner(crypto, 'witness.example/w', generateSigningKey(algorithm))
    const checkpoint = { origin: 'o', size: 5, root: new Uint8Array(32), extensions: [] }
    const signed = signCheckpoint(checkpoint, [signer], 1_795_000_000)
    const [{ signature = new Uint8Array(0) } = {}] = signed.note.signatures
    expect(verifyCosignature(crypto, signer.key, signed, signature)).toEqual({ timestamp: 1_795_000_000 })
    expect(signer.key.type).toBe(algorithm === 'ed25519' ? 4 : 6)
  })

  test('keys of other types do not count', () => {
    const { body, line } = vectors.cases[0] ?? { body: '', line: '' }
    const signed = parseSignedCheckpoint(`${body}\n${line}`)
    const key = { name: 'a', keyId: 1, type: 1, publicKey: new Uint8Array(32) }
    for (const type of [0, 1, 2, 5, 7, 255]) {
      expect(checkCosignature(crypto, { ...key, type }, signed, new Uint8Array(72))).toBe('uncounted')
    }
  })
})

test('a cosignature may state no time, and names may have 255 bytes', () => {
  const longest = 'w'.repeat(255)
  const checkpoint = { origin: longest, size: 5, root: new Uint8Array(32), extensions: [] }
  const signer = cosignatureSigner(nodeCrypto, longest, generateSigningKey('ml-dsa-44'))
  const signed = signCheckpoint(checkpoint, [signer], 0)
  const [{ signature = new Uint8Array(0) } = {}] = signed.note.signatures
  expect(verifyCosignature(nodeCrypto, signer.key, signed, signature)).toEqual({ timestamp: 0 })
})

describe('a cosignature is not made', () => {
  const checkpoint = { origin: 'o', size: 5, root: new Uint8Array(32), extensions: [] }
  const signer = (algorithm: 'ed25519' | 'ml-dsa-44') =>
    cosignatureSigner(nodeCrypto, 'w', generateSigningKey(algorithm))
  const subject = (extensions: string[]) => ({
    checkpoint: { ...checkpoint, extensions },
    body: formatCheckpoint({ ...checkpoint, extensions }),
  })

  test.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('at time %s', (time) => {
    expect(outcome(() => signer('ed25519').sign(subject([]), time))).toEqual({ error: 'FORMAT_INVALID' })
  })

  test('under ML-DSA-44 over extension lines', () => {
    expect(outcome(() => signer('ml-dsa-44').sign(subject(['x']), 1))).toEqual({ error: 'FORMAT_INVALID' })
    expect(signer('ed25519').sign(subject(['x']), 1).signature).toHaveLength(72)
  })

  test.each(['ecdsa-p256', 'ecdsa-p384'] as const)('by %s', (algorithm) => {
    const call = () => cosignatureSigner(nodeCrypto, 'w', generateSigningKey(algorithm))
    expect(outcome(call)).toEqual({ error: 'FORMAT_INVALID' })
    expect(call).toThrow('do not sign checkpoints')
  })

  test.each(['', 'w w', 'w+w', 'w\n', 'w'.repeat(256)])('under the name %j', (name) => {
    expect(outcome(() => cosignatureSigner(nodeCrypto, name, generateSigningKey('ed25519')))).toEqual({
      error: 'FORMAT_INVALID',
    })
  })

  test('over an origin that the message cannot carry', () => {
    const long = { ...checkpoint, origin: 'o'.repeat(256) }
    expect(outcome(() => mlDsa44CosignatureMessage('w', long, 1))).toEqual({ error: 'FORMAT_INVALID' })
    expect(outcome(() => mlDsa44CosignatureMessage('', checkpoint, 1))).toEqual({ error: 'FORMAT_INVALID' })
  })
})
