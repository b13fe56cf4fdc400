import { describe, expect, test } from 'vitest'
import { generateSigningKey, nodeCrypto } from '../node.ts'
import { entryMessage, formatEntry, keyHint, parseEntry } from '../release/entry.ts'
import { formatStatement } from '../release/statement.ts'
import { entryOf, rememberedEntries } from './gather.ts'

function leafOf(reason: string): Uint8Array {
  const key = generateSigningKey('ed25519')
  const payload = formatStatement({ kind: 'waiver', product: 'example.com/notes', id: 'a'.repeat(64), reason })
  const signer = { kind: 'key' as const, hint: keyHint(nodeCrypto, key) }
  return formatEntry(nodeCrypto, { payload, signer, signature: key.sign(entryMessage(payload)) })
}

describe('entries remembered for a run', () => {
  test('are what reading them each time gives', () => {
    const entries = rememberedEntries(nodeCrypto)
    for (const leaf of [leafOf('one'), leafOf('two')]) {
      expect(entryOf({ crypto: nodeCrypto, entries }, leaf)).toEqual(parseEntry(nodeCrypto, leaf))
      expect(entryOf({ crypto: nodeCrypto, entries }, leaf)).toBe(entryOf({ crypto: nodeCrypto, entries }, leaf))
      expect(entryOf({ crypto: nodeCrypto }, leaf)).toEqual(parseEntry(nodeCrypto, leaf))
    }
  })

  test('are kept by the leaf, not by what it says: equal bytes elsewhere are read again', () => {
    const entries = rememberedEntries(nodeCrypto)
    const leaf = leafOf('one')
    expect(entries(leaf.slice())).not.toBe(entries(leaf))
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['no JSON', new Uint8Array([1])],
    ['a cut leaf', leafOf('one').slice(1)],
  ])('%s is refused each time', (_, leaf) => {
    const entries = rememberedEntries(nodeCrypto)
    for (let time = 0; time < 2; time++)
      expect(() => entries(leaf)).toThrow(expect.objectContaining({ fault: 'malformed' }))
  })
})
