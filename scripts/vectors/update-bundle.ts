import { alder, birch, log01, ORIGIN, TIME } from './cast.ts'
import { canonical, ed25519Key, edit, type Json, type JsonObject, leafOf, rebuild, release } from './release-tools.ts'
import {
  type Bytes,
  base64,
  checkpointText,
  consistencyPath,
  cosignature,
  inclusionPath,
  plainLine,
  treeHash,
} from './tools.ts'
import { trustFile } from './trust.ts'

interface Case {
  readonly desc: string
  readonly file: string
  readonly views?: number
  readonly entries?: number
  readonly error?: 'malformed' | 'unknown-type' | 'too-large' | 'proof'
}

/** A log of eleven entries: the sixth is a release, the eighth a vote on it. */
const statements: Readonly<Record<number, string>> = {
  5: leafOf(canonical(release()), ed25519Key('alice')),
  7: leafOf(canonical(rebuild(null)), ed25519Key('carol')),
}
export const leaves: readonly Buffer[] = Array.from({ length: 11 }, (_, at) =>
  Buffer.from(statements[at] ?? `entry ${at}`),
)

/** A checkpoint of the first `size` leaves of `of`, with the log's signature and those of two witnesses. */
export function signedTree(of: readonly Bytes[], size = of.length, time = TIME): string {
  const text = checkpointText(ORIGIN, size, treeHash(of.slice(0, size)))
  return `${text}\n${plainLine(log01, text)}${cosignature(alder, text, time)}${cosignature(birch, text, time)}`
}

export function loggedEntry(index: number, of: readonly Bytes[], size = of.length): JsonObject {
  const inclusion = inclusionPath(index, of.slice(0, size)).map(base64)
  return { index, inclusion, entry: base64(of[index] ?? Buffer.alloc(0)) }
}

const consistency = (from: number, size: number): JsonObject => ({
  from,
  proof: consistencyPath(from, leaves.slice(0, size)).map(base64),
})

const view: JsonObject = {
  checkpoint: signedTree(leaves),
  consistency: [consistency(6, 11), consistency(4, 11)],
  entries: [loggedEntry(5, leaves), loggedEntry(7, leaves)],
}
const older: JsonObject = { checkpoint: signedTree(leaves, 6), consistency: [], entries: [loggedEntry(5, leaves, 6)] }
const bundle: JsonObject = {
  mediaType: 'application/vnd.samebits.update+json;version=1',
  views: [view],
  trust: [],
}

const good = (desc: string, value: Json): Case => {
  const { views } = value as unknown as { views: readonly { entries: readonly unknown[] }[] }
  return {
    desc,
    file: canonical(value),
    views: views.length,
    entries: views.reduce((sum, { entries }) => sum + entries.length, 0),
  }
}
const bad = (desc: string, value: Json, error: Case['error'] = 'malformed'): Case => ({
  desc,
  file: canonical(value),
  error: error ?? 'malformed',
})
const raw = (desc: string, file: string): Case => ({ desc, file, error: 'malformed' })
const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
const bare = (index: number): JsonObject => ({ index, inclusion: [], entry: '' })
const empty: JsonObject = { checkpoint: 'x', consistency: [], entries: [] }

const accepted: readonly Case[] = [
  good('one view', bundle),
  good('two views and a trust file', {
    ...bundle,
    views: [older, view],
    trust: [base64(Buffer.from(JSON.stringify(trustFile)))],
  }),
  good('a view without entries and proofs', edit(edit(bundle, 'views.0.entries', []), 'views.0.consistency', [])),
  good('an entry out of order', edit(bundle, 'views.0.entries', [loggedEntry(7, leaves), loggedEntry(5, leaves)])),
  good(
    'an entry that is no statement: nobody has looked yet',
    edit(bundle, 'views.0.entries.2', loggedEntry(0, leaves)),
  ),
  good('a checkpoint that is none: nobody has looked yet', edit(bundle, 'views.0.checkpoint', 'x')),
  good('an index past the size: nobody has looked yet', edit(bundle, 'views.0.entries.0.index', 99)),
  good('40 views', { ...bundle, views: times(40, () => empty) }),
  good('256 entries', edit(bundle, 'views.0.entries', times(256, bare))),
  good(
    '1,024 consistency proofs',
    edit(
      bundle,
      'views.0.consistency',
      times(1024, (at) => ({ from: at + 1, proof: [] })),
    ),
  ),
  good('64 signature lines', edit(bundle, 'views.0.checkpoint', `x\n${'\n— a b'.repeat(64)}\n`)),
]

const compact = canonical(bundle)
const texts: readonly Case[] = [
  raw('empty', ''),
  raw('not JSON', '<html>'),
  raw('a list', '[]'),
  raw('indented', JSON.stringify(JSON.parse(compact), null, 2)),
  raw('a newline at the end', `${compact}\n`),
  raw('members out of order', JSON.stringify(bundle)),
  raw('a member twice', compact.replace('{"mediaType"', '{"mediaType":0,"mediaType"')),
  raw('an index twice', compact.replace('"index":5', '"index":4,"index":5')),
  raw('an index with a leading zero', compact.replace('"index":5', '"index":05')),
  raw('an index with a fraction of nothing', compact.replace('"index":5', '"index":5.0')),
  raw('an escaped slash', compact.replace('/vnd', '\\/vnd')),
]

const hash = base64(Buffer.alloc(32, 7))
const edits: readonly (readonly [path: string, to: Json | undefined, desc: string, error?: Case['error']])[] = [
  ['mediaType', undefined, 'no media type'],
  ['mediaType', 'application/vnd.samebits.update+json;version=0', 'an older version', 'unknown-type'],
  ['mediaType', 'application/vnd.samebits.update+json;version=2', 'a newer version', 'unknown-type'],
  ['mediaType', 'application/vnd.samebits.update+json', 'no version', 'unknown-type'],
  ['mediaType', 'application/json', 'another media type', 'unknown-type'],
  ['views', undefined, 'no views'],
  ['views', [], 'an empty list of views'],
  ['views', {}, 'views that are no list'],
  ['trust', undefined, 'no list of trust files'],
  ['trust', [''], 'an empty trust file'],
  ['trust', ['e30'], 'a trust file in base64 without padding'],
  ['trust', [{}], 'a trust file that is an object'],
  ['verified', true, 'a mark that all has been verified'],
  ['views.0.checkpoint', undefined, 'a view without a checkpoint'],
  ['views.0.checkpoint', 7, 'a checkpoint that is no text'],
  ['views.0.checkpoint', `x\n${'\n— a b'.repeat(65)}\n`, '65 signature lines', 'too-large'],
  ['views.0.entries', undefined, 'a view without a list of entries'],
  ['views.0.consistency', undefined, 'a view without a list of consistency proofs'],
  ['views.0.verified', true, 'an unknown member of a view'],
  ['views.0.entries.0.index', undefined, 'an entry without an index'],
  ['views.0.entries.0.index', -1, 'a negative index', 'proof'],
  ['views.0.entries.0.index', 2 ** 53, 'an index past 2^53-1', 'proof'],
  ['views.0.entries.0.index', 0.5, 'a fractional index', 'proof'],
  ['views.0.entries.0.index', '5', 'an index in a string', 'proof'],
  ['views.0.entries.0.index', '05', 'an index with a leading zero, in a string', 'proof'],
  ['views.0.entries.0.index', 7, 'an index twice in a view'],
  ['views.0.entries.0.inclusion', undefined, 'an entry without a proof'],
  ['views.0.entries.0.inclusion', null, 'a proof of null'],
  ['views.0.entries.0.inclusion.0', base64(Buffer.alloc(31)), 'a hash of 31 bytes', 'proof'],
  ['views.0.entries.0.inclusion.0', base64(Buffer.alloc(33)), 'a hash of 33 bytes', 'proof'],
  ['views.0.entries.0.inclusion.0', hash.replace('=', ''), 'a hash without padding', 'proof'],
  ['views.0.entries.0.inclusion.0', hash.replace('c=', 'd='), 'a hash with unused bits set', 'proof'],
  ['views.0.entries.0.inclusion.0', Buffer.alloc(32, 7).toString('hex'), 'a hash in hex', 'proof'],
  ['views.0.entries.0.inclusion', times(65, () => hash), '65 hashes in a path', 'too-large'],
  ['views.0.entries.0.entry', undefined, 'an entry without its leaf'],
  ['views.0.entries.0.entry', 'e30', 'a leaf without padding'],
  ['views.0.entries.0.entry', 'e30=\n', 'a leaf before a newline'],
  ['views.0.entries.0.entry', base64(Buffer.alloc(65_536)), 'a leaf of 65,536 bytes'],
  ['views.0.entries.0.leafHash', hash, 'an unknown member of an entry'],
  ['views.0.consistency.0.from', 0, 'consistency from size 0', 'proof'],
  ['views.0.consistency.0.from', -1, 'consistency from a negative size', 'proof'],
  ['views.0.consistency.0.from', 4, 'consistency from one size twice'],
  ['views.0.consistency.0.from', undefined, 'consistency from nowhere'],
  ['views.0.consistency.0.proof', undefined, 'consistency without a proof'],
  ['views.0.consistency.0.proof.0', 'AAAA', 'a hash of 3 bytes', 'proof'],
  ['views.0.consistency.0.proof', times(65, () => hash), '65 hashes in a consistency proof', 'too-large'],
  ['views.0.consistency.0.root', hash, 'an unknown member of a consistency proof'],
  ['views', times(41, () => empty), '41 views', 'too-large'],
  ['views.0.entries', times(257, bare), '257 entries', 'too-large'],
  [
    'views',
    [
      { ...empty, entries: times(200, bare) },
      { ...empty, entries: times(57, bare) },
    ],
    '257 entries in two views',
    'too-large',
  ],
  ['views.0.consistency', times(1025, (at) => ({ from: at + 1, proof: [] })), '1,025 consistency proofs', 'too-large'],
  ['trust', times(65, () => 'e30='), '65 trust files', 'too-large'],
]

/** Update bundles, as their exact text. */
export function updateBundleVectors(): unknown {
  return {
    description:
      'Update bundles (docs/formats.md §3). file: the exact text. Accepted ones have the numbers of their views and entries, refused ones error: malformed, unknown-type, too-large or proof. Reading verifies nothing: an accepted bundle may still prove nothing.',
    cases: [...accepted, ...texts, ...edits.map(([path, to, desc, error]) => bad(desc, edit(bundle, path, to), error))],
  }
}
