/** How a member of a role is written. */
import { describe, expect, it } from 'vitest'
import { generateSigningKey, nodeCrypto } from '../node.ts'
import { formatSpkiPem } from '../spki.ts'
import { members } from './members.ts'
import { ShapeError } from './shape.ts'

const publicKey = formatSpkiPem(generateSigningKey('ed25519'))
const identity = { issuer: 'https://issuer.example', san: 'https://ci.example/release' }
const read = (...written: readonly unknown[]) => members(nodeCrypto)(written, 'members')
const shapeError = (detail: string) =>
  expect.objectContaining({ constructor: ShapeError, detail: expect.stringContaining(detail) })

describe('a member', () => {
  it('has a key or an identity', () => {
    expect(read({ id: 'a', publicKey }, { id: 'b', identity })).toMatchObject([
      { id: 'a', operator: 'a', credential: { kind: 'key' }, from: 0, until: null },
      { id: 'b', operator: 'b', credential: { kind: 'identity', ...identity }, from: 0, until: null },
    ])
  })

  it.each<[string, object, string]>([
    ['both', { publicKey, identity }, 'not exactly one'],
    ['neither', {}, 'not exactly one'],
    ['no key in its key', { publicKey: 'x' }, 'publicKey'],
    [
      'a key that signs no entries',
      { publicKey: formatSpkiPem(generateSigningKey('ml-dsa-44')) },
      'do not sign entries',
    ],
    ['an end at its beginning', { publicKey, from: 5, until: 5 }, 'valid nowhere'],
    ['an end at 0', { publicKey, until: 0 }, 'valid nowhere'],
  ])('is refused with %s', (_, over, detail) => {
    expect(() => read({ id: 'a', ...over })).toThrow(shapeError(detail))
  })

  it('may be valid for one entry alone', () => {
    expect(read({ id: 'a', publicKey, from: 5, until: 6 })).toMatchObject([{ from: 5, until: 6 }])
  })

  it('a defect while its key is read is not taken for a refusal', () => {
    const sha256 = () => {
      throw new RangeError('broken')
    }
    expect(() => members({ ...nodeCrypto, sha256 })([{ id: 'a', publicKey }], 'members')).toThrow(RangeError)
  })
})

it('a role has at most 256 members', () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `m${at}`, identity }))
  expect(read(...many(256))).toHaveLength(256)
  expect(() => read(...many(257))).toThrow(ShapeError)
})
