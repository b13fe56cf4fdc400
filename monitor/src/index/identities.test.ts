import { type Entry, type Identity, type JsonObject, utf8 } from '@samebits/core'
import { expect, it } from 'vitest'
import { rememberingIdentities } from './identities.ts'

const certificate = { kind: 'certificate', certificate: utf8('c'), timestamps: [] }
const entry = (leaf: string, signer: object = certificate) => ({ leaf: utf8(leaf), signer }) as unknown as Entry

/** Says who signed by the leaf and the root, and how often it was asked. */
function counting() {
  const asked: string[] = []
  const verifier = {
    identify({ leaf }: Entry, root: JsonObject): Identity | null {
      const key = `${new TextDecoder().decode(leaf)} ${JSON.stringify(root)}`
      asked.push(key)
      return key.startsWith('stranger') ? null : { issuer: 'i', san: key }
    },
  }
  return { asked, verifier }
}

it('asks once for an entry under one trusted root, however often that was parsed; nobody is an answer too', () => {
  const { asked, verifier } = counting()
  const identities = rememberingIdentities(verifier)
  for (let times = 0; times < 3; times++) {
    expect(identities.identify(entry('a'), { x: 1 })?.san).toBe('a {"x":1}')
    expect(identities.identify(entry('a'), { x: 2 })?.san).toBe('a {"x":2}')
    expect(identities.identify(entry('stranger'), { x: 1 })).toBeNull()
  }
  expect(asked).toHaveLength(3)
})

it('forgets the oldest, and never mixes up two entries', () => {
  const { asked, verifier } = counting()
  const identities = rememberingIdentities(verifier, 2)
  for (const leaf of ['a', 'b', 'c', 'c', 'b', 'a'])
    expect(identities.identify(entry(leaf), {})?.san).toBe(`${leaf} {}`)
  expect(asked.map((key) => key[0])).toEqual(['a', 'b', 'c', 'a'])
})

it('is not asked about keys', () => {
  const { asked, verifier } = counting()
  expect(rememberingIdentities(verifier).identify(entry('a', { kind: 'key', hint: 'h' }), {})).toBeNull()
  expect(asked).toEqual([])
})
