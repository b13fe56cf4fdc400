import { createPublicKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toHex } from './bytes.ts'
import type { KeyAlgorithm } from './crypto.ts'
import { FormatError } from './errors.ts'
import { generateSigningKey, signingKeyFromPem, signingKeyToPem } from './node.ts'
import { formatSpkiDer, formatSpkiPem, parseSpkiDer, parseSpkiPem } from './spki.ts'

const algorithms: readonly KeyAlgorithm[] = ['ed25519', 'ml-dsa-44', 'ecdsa-p256', 'ecdsa-p384']

describe.each(algorithms)('%s', (algorithm) => {
  const key = generateSigningKey(algorithm)
  const pem = formatSpkiPem(key)

  test('is written as OpenSSL writes it, and read back', () => {
    expect(createPublicKey(pem).export({ format: 'pem', type: 'spki' })).toBe(pem)
    const parsed = parseSpkiPem(pem)
    expect(parsed.key).toEqual({ algorithm, publicKey: key.publicKey })
    expect(toHex(parsed.der)).toBe(createPublicKey(pem).export({ format: 'der', type: 'spki' }).toString('hex'))
  })

  test('a private key survives PEM', () => {
    expect(signingKeyToPem(signingKeyFromPem(signingKeyToPem(key)))).toBe(signingKeyToPem(key))
  })

  test.each<[string, (pem: string) => string]>([
    ['nothing', () => ''],
    ['no line feed at the end', (text) => text.slice(0, -1)],
    ['two line feeds at the end', (text) => `${text}\n`],
    ['a line feed before', (text) => `\n${text}`],
    ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
    ['text before', (text) => `key:\n${text}`],
    ['a second key', (text) => text + text],
    ['another label', (text) => text.replaceAll('PUBLIC KEY', 'EC PUBLIC KEY')],
    ['a private key label', (text) => text.replaceAll('PUBLIC', 'PRIVATE')],
    ['a blank at a line end', (text) => text.replace('=\n', '= \n').replace('KEY-----\n', 'KEY----- \n')],
    ['lines of 76', (text) => text.replace(/\n(.{60})/, '\n$1\n')],
    ['an empty line in the middle', (text) => text.replace(/(-----\n)/, '$1\n')],
    ['no padding', (text) => text.replace(/=*\n-----END/, '\n-----END').replace('BEGIN', 'BEGIN ')],
    ['no key', () => '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n'],
    ['an empty key', () => '-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----\n'],
  ])('PEM with %s is refused', (_, damage) => {
    expect(damage(pem)).not.toBe(pem)
    expect(() => parseSpkiPem(damage(pem))).toThrow(FormatError)
  })

  test.each<[string, (der: Uint8Array) => Uint8Array]>([
    ['a byte short', (der) => der.slice(0, -1)],
    ['a byte too long', (der) => Uint8Array.of(...der, 0)],
    ['another outer length', (der) => der.with(1, (der[1] ?? 0) ^ 1)],
    ['unused bits in the bit string', (der) => der.with(der.length - key.publicKey.length - 1, 1)],
    ['another algorithm', (der) => der.with(8, (der[8] ?? 0) ^ 1)],
    ['no key', (der) => der.slice(0, der.length - key.publicKey.length)],
    ['no bytes', () => new Uint8Array(0)],
  ])('DER with %s is refused', (_, damage) => {
    expect(() => parseSpkiDer(damage(formatSpkiDer(key)))).toThrow(FormatError)
  })

  test('a raw key of another length has no DER', () => {
    expect(() => formatSpkiDer({ algorithm, publicKey: key.publicKey.slice(1) })).toThrow(RangeError)
  })
})

test('what is no PEM is called so', () => {
  for (const text of ['', 'ssh-ed25519 AAAA', formatSpkiPem(generateSigningKey('ed25519')).trimEnd()]) {
    expect(() => parseSpkiPem(text)).toThrow(/not one PEM block/)
  }
})

test.each([2, 3, 5, 6, 7])('a point that starts with %i is refused', (form) => {
  const der = formatSpkiDer(generateSigningKey('ecdsa-p256'))
  expect(() => parseSpkiDer(der.with(der.length - 65, form))).toThrow(FormatError)
})

test.each(['P-521', 'secp256k1'])('a key on %s is refused', async (namedCurve) => {
  const { generateKeyPairSync } = await import('node:crypto')
  const { publicKey } = generateKeyPairSync('ec', { namedCurve })
  expect(() => parseSpkiPem(publicKey.export({ format: 'pem', type: 'spki' }).toString())).toThrow(FormatError)
})
