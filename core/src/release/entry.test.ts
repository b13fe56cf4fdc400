import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromUtf8, toBase64, utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import { parseSpkiPem } from '../spki.ts'
import { formatEntry, MAX_ENTRY_BYTES, parseEntry, type Signer, verifyEntryWithKey } from './entry.ts'
import { StatementError } from './statement.ts'

interface Case {
  readonly desc: string
  readonly leaf: string
  readonly id?: string
  readonly signer?: unknown
  readonly verifies?: readonly string[]
  readonly error?: string
}
const { cases, keys } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/entry.json', import.meta.url), 'utf8'),
) as { cases: readonly Case[]; keys: Readonly<Record<string, string>> }

const written = (signer: Signer): unknown =>
  signer.kind === 'key'
    ? signer
    : { ...signer, certificate: toBase64(signer.certificate), timestamps: signer.timestamps.map(toBase64) }

describe('a leaf is read', () => {
  it.each(cases.filter(({ error }) => error === undefined))('$desc', ({ leaf, id, signer }) => {
    const entry = parseEntry(nodeCrypto, utf8(leaf))
    expect(entry.id).toBe(id)
    expect(written(entry.signer)).toEqual(signer)
    expect(fromUtf8(formatEntry(nodeCrypto, entry))).toBe(leaf)
  })
})

describe.each([
  ['node:crypto', nodeCrypto],
  ['noble', portableCrypto],
])('the signature holds under the keys that made it, and no other, by %s', (_, crypto) => {
  it.each(cases.filter(({ error }) => error === undefined))('$desc', ({ leaf, verifies }) => {
    const entry = parseEntry(crypto, utf8(leaf))
    const under = Object.entries(keys).filter(([, pem]) => verifyEntryWithKey(crypto, entry, parseSpkiPem(pem).key))
    expect(under.map(([name]) => name)).toEqual(verifies)
  })
})

describe('a leaf is refused', () => {
  it.each(cases.filter(({ error }) => error !== undefined))('$desc', ({ leaf, error }) => {
    let fault = 'accepted'
    try {
      parseEntry(nodeCrypto, utf8(leaf))
    } catch (thrown) {
      if (!(thrown instanceof StatementError)) throw thrown
      fault = thrown.fault
    }
    expect(fault).toBe(error)
  })

  it('by its length, before it is read', () => {
    const leaf = new Uint8Array(MAX_ENTRY_BYTES + 1)
    expect(() => parseEntry(nodeCrypto, leaf)).toThrow('above 65535 bytes')
  })

  it('where it is not UTF-8', () => {
    expect(() => parseEntry(nodeCrypto, Uint8Array.of(0xff))).toThrow(StatementError)
  })
})

it('an ML-DSA key never signs entries, whatever its signature', () => {
  const [good] = cases
  const entry = parseEntry(nodeCrypto, utf8(good?.leaf ?? ''))
  const key = { algorithm: 'ml-dsa-44', publicKey: new Uint8Array(1312) } as const
  expect(verifyEntryWithKey({ ...nodeCrypto, verify: () => true }, entry, key)).toBe(false)
})
