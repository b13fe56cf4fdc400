/** Checkpoints and cosignatures that others made and published, under the keys that they published. */
import {
  makeVkey,
  openCheckpoint,
  parseSignedCheckpoint,
  parseVkey,
  TYPE_COSIGNATURE_ED25519,
  TYPE_ED25519,
  verifyCheckpoint,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { portableCrypto } from '@samebits/core/portable'
import { describe, expect, it } from 'vitest'

/** The Go checksum database (transparency-dev/formats, `note` tests). */
const sumdb = {
  vkey: 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8',
  text: `go.sum database tree
6476701
mb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=

— sum.golang.org Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=
`,
}

/**
 * Pixel's log of factory images, cosigned by two ArmoredWitness devices (transparency-dev/witness, README; keys from
 * transparency-dev/armored-witness, `devices/prod`). The log's own line is ECDSA, which no key here is of.
 */
const pixel = {
  vkeys: [
    'ArmoredWitness-small-breeze+7b3ada3a+AQAWYpUjfGGPQiWOgt6sLWap0P9rVOe+Ofu2uNZbO4FD',
    'ArmoredWitness-autumn-wood+863571a5+AesIVCbad7gbU07JnA6YfZD0qg4B1c8xF4ISdnt9vjip',
  ],
  times: [1_738_713_836, 1_738_713_829],
  text: `developers.google.com/android/binary_transparency/0
611
2GZ1zmS5VkfUZmn2ZyR4KZXwHLD+xnwBIWzql/cD50w=

— pixel_transparency_log csh42zBFAiAd3Y1FwqNTt5RglY0uG7heC6Yu1gEbXXPYmZ7LdOILMAIhAIt68PnR/3TADAaC7hvrSHbpziV7TmpIwOUydLmcjyTQ
— ArmoredWitness-small-breeze nRq5UQAAAABnoqrsRIofXn68vTohcAm2KG4ACGyRPNePUk02BSWD0WKV5ElejTk5Z+Tm3GmJ5j/etA+fkL9XuaQsnTyZbr437sF4AQ==
— ArmoredWitness-autumn-wood qZb5XQAAAABnoqrl57G9CblEl3lwwuqzbaJvVMqNiZCbYZseYT1YZHYmls3CmT1wxZ1fNgM4RxHuUxjAwcI2ghTx6R5aCg+L0DGPBA==
`,
}

/** The published keys are of the plain kind; their cosignatures carry the ID of the same key as a witness's (C2SP tlog-cosignature). */
const witnessKeys = pixel.vkeys.map((vkey) => {
  const { name, publicKey, type } = parseVkey(nodeCrypto, vkey)
  expect(type).toBe(TYPE_ED25519)
  return makeVkey(nodeCrypto, name, TYPE_COSIGNATURE_ED25519, publicKey)
})

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('what others signed, by %s', (_, crypto) => {
  it('verifies: a tree head of the Go checksum database', () => {
    const { checkpoint } = openCheckpoint(crypto, sumdb.text, [parseVkey(crypto, sumdb.vkey)], 'go.sum database tree')
    expect(checkpoint.size).toBe(6_476_701)
  })

  it('verifies: two cosignatures on a checkpoint of Pixel', () => {
    const signed = parseSignedCheckpoint(pixel.text)
    const verified = verifyCheckpoint(crypto, signed, witnessKeys)
    expect(verified.map(({ key, timestamp }) => [key.name, timestamp])).toEqual(
      witnessKeys.map(({ name }, at) => [name, pixel.times[at]]),
    )
    expect([signed.checkpoint.origin, signed.checkpoint.size]).toEqual([
      ...['developers.google.com/android/binary_transparency/0', 611],
    ])
  })

  it('does not verify with another size, root, or time', () => {
    const opened = (text: string) =>
      openCheckpoint(crypto, text, [parseVkey(crypto, sumdb.vkey)], 'go.sum database tree')
    expect(() => opened(sumdb.text.replace('6476701', '6476702'))).toThrow()
    expect(() => opened(sumdb.text.replace('mb8Q', 'mb8R'))).toThrow()
    const later = pixel.text.replace('AAAABnoqrs', 'AAAABnoqrt')
    expect(later).not.toBe(pixel.text)
    expect(() => verifyCheckpoint(crypto, parseSignedCheckpoint(later), witnessKeys)).toThrow()
  })
})
