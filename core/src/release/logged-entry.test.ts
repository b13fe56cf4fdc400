import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../bytes.ts'
import { ProofError } from '../errors.ts'
import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import { nodeCrypto } from '../node.ts'
import { type LoggedEntry, openLoggedEntry } from './logged-entry.ts'
import { StatementError } from './statement.ts'
import { parseUpdateBundle } from './update-bundle.ts'

const { cases } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/update-bundle.json', import.meta.url), 'utf8'),
) as { cases: readonly { desc: string; file: string }[] }
const file = cases.find(({ desc }) => desc === 'an entry that is no statement: nobody has looked yet')?.file ?? ''
const [view] = parseUpdateBundle(utf8(file)).views
if (view === undefined) throw new Error('no view')
const [release, vote, stray] = view.entries as [LoggedEntry, LoggedEntry, LoggedEntry]
const tree = parseSignedCheckpoint(view.checkpoint).checkpoint

describe('an entry of a bundle is opened', () => {
  it('once it is in the tree', () => {
    expect(openLoggedEntry(nodeCrypto, release, tree).statement.kind).toBe('release')
    expect(openLoggedEntry(nodeCrypto, vote, tree).statement.kind).toBe('rebuild')
  })

  it('and refused as an entry where it is in the tree and no statement', () => {
    expect(() => openLoggedEntry(nodeCrypto, stray, tree)).toThrow(StatementError)
  })
})

describe('an entry that is not in the tree is never parsed', () => {
  it.each<[string, LoggedEntry, Partial<typeof tree>]>([
    ['another leaf', { ...release, leaf: vote.leaf }, {}],
    ['a leaf that is no statement either', { ...release, leaf: utf8('{') }, {}],
    ["another entry's proof", { ...release, inclusion: vote.inclusion }, {}],
    ['another index', { ...release, index: 6 }, {}],
    ['an index past the size', { ...release, index: 11 }, {}],
    ['a hash too few', { ...release, inclusion: release.inclusion.slice(1) }, {}],
    ['a hash too many', { ...release, inclusion: [...release.inclusion, tree.root] }, {}],
    ['another root', release, { root: new Uint8Array(32) }],
    ['a size that has a shorter path', release, { size: 8 }],
    ['an empty tree', release, { size: 0 }],
    ['an inner node as a leaf', { index: 0, inclusion: [], leaf: tree.root }, { size: 1 }],
  ])('%s', (_, entry, other) => {
    expect(() => openLoggedEntry(nodeCrypto, entry, { ...tree, ...other })).toThrow(ProofError)
  })
})
