import { describe, expect, test } from 'vitest'
import { type KeyAlgorithm, utf8 } from './index.ts'
import { generateSigningKey, nodeCrypto, signInPool, verifyInPool } from './node.ts'

const algorithms: readonly KeyAlgorithm[] = ['ed25519', 'ml-dsa-44', 'ecdsa-p256', 'ecdsa-p384']
const message = utf8('a message')

describe.each(algorithms)('verifyInPool with %s', (algorithm) => {
  const key = generateSigningKey(algorithm)
  const signature = key.sign(message)
  const flipped = signature.with(10, (signature[10] ?? 0) ^ 1)

  test.each<[string, Uint8Array, Uint8Array, Uint8Array]>([
    ['its own signature', key.publicKey, message, signature],
    ['another message', key.publicKey, utf8('another'), signature],
    ['a flipped bit', key.publicKey, message, flipped],
    ['an empty signature', key.publicKey, message, new Uint8Array(0)],
    ['a signature that is too long', key.publicKey, message, new Uint8Array(signature.length + 1)],
    ['another key', generateSigningKey(algorithm).publicKey, message, signature],
    ['a key that is too short', key.publicKey.slice(1), message, signature],
    ['a key of zeros', new Uint8Array(key.publicKey.length), message, signature],
  ])('says what verify says of %s', async (what, publicKey, text, bytes) => {
    const verdict = await verifyInPool({ algorithm, publicKey }, text, bytes)
    expect(verdict).toBe(nodeCrypto.verify({ algorithm, publicKey }, text, bytes))
    expect(verdict).toBe(what === 'its own signature')
  })
})

describe('signInPool', () => {
  test.each(algorithms)('signs as the key itself does, with %s', async (algorithm) => {
    const key = generateSigningKey(algorithm)
    const signature = await signInPool(key, message)
    expect(nodeCrypto.verify(key, message, signature)).toBe(true)
    expect(nodeCrypto.verify(key, utf8('another'), signature)).toBe(false)
  })

  test('refuses an object that only looks like a key', async () => {
    const { algorithm, publicKey } = generateSigningKey('ed25519')
    await expect(signInPool({ algorithm, publicKey, sign: () => message }, message)).rejects.toThrow(TypeError)
  })
})
