import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { utf8 } from './bytes.ts'
import type { KeyAlgorithm } from './crypto.ts'
import { FormatError } from './errors.ts'
import { generateSigningKey, nodeCrypto, signingKeyFromPem, signingKeyToPem } from './node.ts'

const message = utf8('message')

describe('key files', () => {
  test.each<[KeyAlgorithm]>([['ed25519'], ['ml-dsa-44'], ['ecdsa-p256'], ['ecdsa-p384']])(
    'sign with %s',
    (algorithm) => {
      const key = generateSigningKey(algorithm)
      const read = signingKeyFromPem(signingKeyToPem(key))
      expect(read.publicKey).toEqual(key.publicKey)
      expect(read.algorithm).toBe(algorithm)
      expect(nodeCrypto.verify(key, message, read.sign(message))).toBe(true)
    },
  )

  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const ed25519 = generateKeyPairSync('ed25519')
  test.each<[string, string]>([
    ['nothing', ''],
    ['a public key', ed25519.publicKey.export({ format: 'pem', type: 'spki' }).toString()],
    [
      'an encrypted key',
      ed25519.privateKey
        .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' })
        .toString(),
    ],
    ['an RSA key', rsa.export({ format: 'pem', type: 'pkcs8' }).toString()],
    ['a PKCS #1 key', rsa.export({ format: 'pem', type: 'pkcs1' }).toString()],
    ['two keys', signingKeyToPem(generateSigningKey('ed25519')).repeat(2)],
    ['a key and a word', `${signingKeyToPem(generateSigningKey('ed25519'))}word`],
    ['a key with headers', signingKeyToPem(generateSigningKey('ed25519')).replace('\n', '\nA: b\n\n')],
    ['a key that is cut short', signingKeyToPem(generateSigningKey('ed25519')).slice(0, 60)],
    [
      'a secp256k1 key',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
        .privateKey.export({ format: 'pem', type: 'pkcs8' })
        .toString(),
    ],
    ['an Ed448 key', generateKeyPairSync('ed448').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()],
    [
      'an ML-DSA-65 key',
      generateKeyPairSync('ml-dsa-65').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    ],
  ])('%s is refused', (_, pem) => {
    expect(() => signingKeyFromPem(pem)).toThrow(FormatError)
  })

  test('a refusal does not quote the file', () => {
    const pem = signingKeyToPem(generateSigningKey('ed25519'))
    const secret = pem.split('\n')[1] as string
    for (const damaged of [`x${pem}`, pem.replace(secret, `${secret.slice(4)}!!!!`)]) {
      let seen = ''
      try {
        signingKeyFromPem(damaged)
      } catch (error) {
        seen = inspect(error, { depth: 10 })
      }
      expect(seen).toContain('FORMAT_INVALID')
      expect(seen).not.toContain(secret.slice(8, 40))
    }
  })

  test('a printed key shows its public half only', () => {
    const key = generateSigningKey('ed25519')
    const secret = signingKeyToPem(key).split('\n')[1] as string
    expect(inspect(key, { depth: 10, showHidden: true }) + JSON.stringify(key)).not.toContain(secret)
    expect(() => signingKeyToPem({ ...key })).toThrow(TypeError)
  })
})

describe('the key cache', () => {
  test('forgets old keys, not their answers', () => {
    const key = generateSigningKey('ed25519')
    const signature = key.sign(message)
    for (let at = 0; at < 5000; at++) {
      const publicKey = nodeCrypto.sha256(utf8(`${at}`))
      expect(nodeCrypto.verify({ algorithm: 'ed25519', publicKey }, message, signature)).toBe(false)
    }
    expect(nodeCrypto.verify(key, message, signature)).toBe(true)
  })

  test('is not moved by a key whose bytes are changed later', () => {
    const [key, other] = [generateSigningKey('ed25519'), generateSigningKey('ed25519')]
    const publicKey = key.publicKey.slice()
    expect(nodeCrypto.verify({ algorithm: 'ed25519', publicKey }, message, key.sign(message))).toBe(true)
    publicKey.set(other.publicKey)
    expect(nodeCrypto.verify({ algorithm: 'ed25519', publicKey }, message, key.sign(message))).toBe(false)
    expect(nodeCrypto.verify({ algorithm: 'ed25519', publicKey }, message, other.sign(message))).toBe(true)
  })
})
