import { alder, birch, cedar, log01, log06, ORIGIN, stranger, TIME } from './cast.ts'
import {
  canonical,
  digestOf,
  type EntryKey,
  ed25519Key,
  edit,
  idOf,
  type Json,
  type JsonObject,
  leafOf,
  p256Key,
  rebuild,
  release,
  trustStatement,
  waiver,
} from './release-tools.ts'
import {
  type Bytes,
  base64,
  broken,
  checkpointText,
  consistencyPath,
  cosignature,
  ed25519,
  entries,
  inclusionPath,
  type NamedKey,
  plainLine,
  sha256,
  treeHash,
  vkey,
} from './tools.ts'
import { elder, trustFile } from './trust.ts'

interface Case {
  readonly desc: string
  readonly file: string
  /** Names of the keys that the checker brings; `trust` stands for the trust file. */
  readonly keys?: readonly string[]
  readonly verdict?: 'convicts' | 'question' | 'nothing'
  /** Kind and name of the convicted. */
  readonly convicted?: string
  readonly bothSides?: readonly string[]
  readonly error?: 'malformed' | 'unknown-type' | 'too-large' | 'proof'
}

/** The other key of a witness. */
const alder06: NamedKey = { ...cedar, name: alder.name }
/** Another log, and what it would sign. */
const mallory: NamedKey = { name: 'mallory.example/log', type: 1, key: ed25519('mallory') }
const keys: Readonly<Record<string, NamedKey>> = { log01, log06, alder, alder06, birch, cedar, stranger, mallory }

const ours = entries(11)
/** Another history, from index 3 on. */
const theirs = ours.map((leaf, index) => (index < 3 ? leaf : Buffer.from(`forged ${index}`)))

type Signer = readonly [key: NamedKey, time?: number]

/** A checkpoint of the first `size` leaves, signed by the log and cosigned by witnesses at their times. */
function tree(
  leaves: readonly Bytes[],
  size: number,
  cosigners: readonly Signer[] = [],
  root = treeHash(leaves.slice(0, size)),
  by = log01,
): string {
  const text = checkpointText(ORIGIN, size, root)
  return `${text}\n${plainLine(by, text)}${cosigners.map(([key, time = TIME]) => cosignature(key, text, time)).join('')}`
}

const file = (kind: string, members: JsonObject): JsonObject => ({
  mediaType: 'application/vnd.samebits.evidence+json;version=1',
  kind,
  origin: ORIGIN,
  ...members,
})

const convicts = (
  desc: string,
  value: Json,
  convicted: string,
  bothSides: readonly string[],
  using: readonly string[],
): Case => ({
  desc,
  file: canonical(value),
  keys: using,
  verdict: 'convicts',
  convicted,
  bothSides: [...bothSides].sort(),
})
const nothing = (desc: string, value: Json, using: readonly string[]): Case => ({
  desc,
  file: canonical(value),
  keys: using,
  verdict: 'nothing',
})

const log = `log ${ORIGIN}`
const withLog = ['log01', 'alder', 'birch', 'cedar']

const forkAt = (size: number, oldLeaves: readonly Bytes[] = theirs): JsonObject =>
  file('fork', {
    a: tree(ours, size, [[alder], [birch]]),
    b: tree(theirs, 11, [[birch], [cedar]]),
    oldRoot: base64(treeHash(oldLeaves.slice(0, size))),
    proof: consistencyPath(size, theirs).map(base64),
  })
const fork = forkAt(6)
const split = file('split', { a: tree(ours, 7, [[alder], [birch], [cedar]]), b: tree(theirs, 7, [[cedar], [birch]]) })
/** Two trees under the origin of a log, signed by the key of another. */
const byMallory = (leaves: readonly Bytes[]) => tree(leaves, 7, [], treeHash(leaves.slice(0, 7)), mallory)
const framed = file('split', { a: byMallory(ours), b: byMallory(theirs) })
const wrongEmpty = file('empty-root', { a: tree(ours, 0, [[alder]], sha256('something')) })

const tlogProof = (
  leaves: readonly Bytes[],
  index: number,
  size: number,
  checkpoint = tree(leaves, size, [[alder], [birch]]),
): string => {
  const path = inclusionPath(index, leaves.slice(0, size))
  return `c2sp.org/tlog-proof@v1\nindex ${index}\n${path.map((hash) => `${base64(hash)}\n`).join('')}\n${checkpoint}`
}
const conflict = file('leaf-conflict', {
  a: tlogProof(ours, 5, 9),
  b: tlogProof(theirs, 5, 11),
  leaves: [base64(ours[5] ?? Buffer.alloc(0)), base64(theirs[5] ?? Buffer.alloc(0))],
})

const rollback = file('witness-rollback', { a: tree(ours, 9, [[alder, TIME]]), b: tree(ours, 4, [[alder, TIME + 5]]) })
const witnessSplit = file('witness-split', { a: tree(ours, 9, [[cedar]]), b: tree(theirs, 9, [[cedar, TIME + 5]]) })
const unproven = file('unproven', { a: tree(ours, 4, [[alder]]), b: tree(theirs, 9, [[alder]]) })

const aboutTrees: readonly Case[] = [
  convicts('a fork', fork, log, [birch.name], withLog),
  convicts(
    'a fork from a power of two, where the proof has no old root of its own',
    forkAt(4),
    log,
    [birch.name],
    withLog,
  ),
  convicts('a fork, checked without keys of witnesses', fork, log, [], ['log01']),
  nothing('a fork, checked with the key of another log', fork, ['stranger']),
  nothing("a fork, checked with the log's other key, which has not signed", fork, ['log06']),
  nothing('a fork, checked with keys of witnesses alone', fork, ['alder', 'birch']),
  nothing('a fork, checked without keys', fork, []),
  nothing(
    'two trees of one history as a fork',
    edit(edit(fork, 'a', tree(theirs, 6)), 'oldRoot', base64(treeHash(theirs.slice(0, 6)))),
    withLog,
  ),
  nothing('a fork with a hash flipped', edit(fork, 'proof.0', base64(sha256('x'))), withLog),
  nothing('a fork with a hash too few', edit(fork, 'proof.0', undefined), withLog),
  nothing('a fork with any old root', edit(fork, 'oldRoot', base64(sha256('x'))), withLog),
  nothing('a fork from a power of two with any old root', edit(forkAt(4), 'oldRoot', base64(sha256('x'))), withLog),
  nothing("a fork whose old root is A's, which does not lead to B", forkAt(6, ours), withLog),
  nothing(
    'a fork from the empty tree',
    edit(edit(edit(fork, 'a', tree(ours, 0)), 'proof', []), 'oldRoot', base64(sha256('x'))),
    withLog,
  ),
  nothing(
    'a fork with the larger tree first',
    edit(edit(fork, 'a', String(fork['b'])), 'b', String(fork['a'])),
    withLog,
  ),
  nothing('a fork of one checkpoint', edit(fork, 'b', String(fork['a'])), withLog),
  nothing(
    'a fork with a broken signature',
    edit(fork, 'a', String(fork['a']).replace(/— log[^\n]*\n/, broken)),
    withLog,
  ),
  nothing('a fork of another origin', edit(fork, 'origin', 'other.example'), withLog),

  convicts('a split', split, log, [birch.name, cedar.name], withLog),
  convicts('a split, checked with the trust file', split, log, [birch.name], ['trust']),
  convicts('a split by a log whose key is not named like its origin', framed, log, [], ['mallory']),
  nothing('a split that another log made up, checked with the keys of both', framed, ['mallory', 'log01']),
  nothing('a split that another log made up, checked with its key and the trust file', framed, ['mallory', 'trust']),
  nothing('a split of one root', edit(split, 'b', tree(ours, 7)), withLog),
  nothing('a split of two sizes', edit(split, 'b', tree(theirs, 8)), withLog),
  nothing(
    'a split that only witnesses have signed',
    edit(split, 'b', String(split['b']).replace(/— log[^\n]*\n/, '')),
    withLog,
  ),

  convicts('an empty tree with a root', wrongEmpty, log, [alder.name], withLog),
  nothing('an empty tree with its root', edit(wrongEmpty, 'a', tree(ours, 0)), withLog),
  nothing('a tree of one entry as an empty one', edit(wrongEmpty, 'a', tree(ours, 1)), withLog),

  convicts('two leaves at one index', conflict, log, [alder.name, birch.name], withLog),
  nothing(
    'one leaf twice',
    edit(edit(conflict, 'b', String(conflict['a'])), 'leaves.1', base64(ours[5] ?? Buffer.alloc(0))),
    withLog,
  ),
  nothing(
    'two leaves at two indices',
    edit(edit(conflict, 'b', tlogProof(theirs, 6, 11)), 'leaves.1', base64(theirs[6] ?? Buffer.alloc(0))),
    withLog,
  ),
  nothing('a leaf that the proof is not about', edit(conflict, 'leaves.1', base64(Buffer.from('x'))), withLog),
  nothing(
    'two leaves, one under a checkpoint of a stranger',
    edit(conflict, 'b', String(conflict['b']).replace(/— log[^\n]*\n/, '')),
    withLog,
  ),
  nothing('a proof that is none', edit(conflict, 'b', 'c2sp.org/tlog-proof@v1\n'), withLog),

  convicts('a witness that went back', rollback, `witness ${alder.name}`, [alder.name], ['alder']),
  convicts(
    'a witness that went back, the later checkpoint first',
    edit(edit(rollback, 'a', String(rollback['b'])), 'b', String(rollback['a'])),
    `witness ${alder.name}`,
    [alder.name],
    ['alder'],
  ),
  nothing('a witness that went forward', edit(rollback, 'b', tree(ours, 4, [[alder, TIME - 5]])), ['alder']),
  nothing('a witness that went back within a second', edit(rollback, 'b', tree(ours, 4, [[alder, TIME]])), ['alder']),
  nothing('a witness that states no time for the larger tree', edit(rollback, 'a', tree(ours, 9, [[alder, 0]])), [
    'alder',
  ]),
  nothing('a witness that states no time for the smaller tree', edit(rollback, 'b', tree(ours, 4, [[alder, 0]])), [
    'alder',
  ]),
  nothing('two witnesses, one tree each', edit(rollback, 'b', tree(ours, 4, [[birch, TIME + 5]])), ['alder', 'birch']),
  nothing('a rollback, checked with the key of the log', rollback, ['log01']),
  nothing('a rollback on another log', edit(rollback, 'origin', 'other.example'), ['alder']),

  convicts(
    'a witness that signed two trees of one size',
    witnessSplit,
    `witness ${cedar.name}`,
    [cedar.name],
    ['cedar'],
  ),
  convicts(
    'a witness that signed two trees of one size, each with another key',
    edit(edit(witnessSplit, 'a', tree(ours, 9, [[alder]])), 'b', tree(theirs, 9, [[alder06]])),
    `witness ${alder.name}`,
    [alder.name],
    ['alder', 'alder06'],
  ),
  nothing('a witness that signed one tree twice', edit(witnessSplit, 'b', tree(ours, 9, [[cedar, TIME + 5]])), [
    'cedar',
  ]),
  nothing('a witness that signed two sizes', edit(witnessSplit, 'b', tree(theirs, 10, [[cedar]])), ['cedar']),
  nothing('a witness split, checked with the key of another witness', witnessSplit, ['alder']),

  {
    desc: 'two trees and no proof: a question',
    file: canonical(unproven),
    keys: withLog,
    verdict: 'question',
    bothSides: [alder.name],
  },
  nothing('a question about a log that has not signed', unproven, ['stranger']),
]

const alice = ed25519Key('alice')
const carol = ed25519Key('carol')
const root = ed25519Key('root')
const body = Buffer.from(JSON.stringify(trustFile))

/** What is logged, by index: a statement and who signs it. */
type Log = Readonly<Record<number, readonly [statement: Json, key: EntryKey]>>

/** Evidence about the entries at `a` and `b` of a log of nine. */
function statements(
  kind: string,
  logged: Log,
  a: readonly number[],
  b: readonly number[],
  cosigners: readonly Signer[] = [[alder], [birch]],
  cosignersOfB = cosigners,
): JsonObject {
  const leaves = Array.from({ length: 9 }, (_, index) => {
    const [statement, key] = logged[index] ?? []
    return Buffer.from(
      statement === undefined || key === undefined ? `entry ${index}` : leafOf(canonical(statement), key),
    )
  })
  const proofs = (indices: readonly number[], by: readonly Signer[]) =>
    indices.map((index) => tlogProof(leaves, index, 9, tree(leaves, 9, by)))
  return file(kind, {
    a: proofs(a, cosigners),
    b: proofs(b, cosignersOfB),
    leaves: [...a, ...b].map((index) => base64(leaves[index] ?? Buffer.alloc(0))),
    trust: base64(body),
  })
}

const one = release()
const other = release({ version: '1.2.1' })
const oneId = idOf(canonical(one))
const publishers = 'publishers example.com/notes'
const both = [alder.name, birch.name]
const against = rebuild(oneId, { 'plugin.so': digestOf('what carol got') })

const equivocation = (logged: Log, cosigners?: readonly Signer[]) =>
  statements('equivocation', logged, [2], [4], cosigners)
const trustFork = (logged: Log) => statements('trust-fork', logged, [2], [4])
const mismatch = (logged: Log) => statements('mismatch', logged, [2], [4])
const t = ['trust']

const aboutStatements: readonly Case[] = [
  convicts('two releases of one sequence', equivocation({ 2: [one, alice], 4: [other, alice] }), publishers, both, t),
  convicts(
    'two releases of one sequence, of two publishers',
    equivocation({ 2: [one, alice], 4: [other, p256Key('bob')] }),
    publishers,
    both,
    t,
  ),
  convicts(
    'two releases of one sequence, one with two entries',
    statements('equivocation', { 2: [one, alice], 3: [one, p256Key('bob')], 4: [other, alice] }, [2, 3], [4]),
    publishers,
    both,
    t,
  ),
  convicts(
    'two releases of one sequence, each under its own two witnesses of three',
    statements(
      'equivocation',
      { 2: [one, alice], 4: [other, alice] },
      [2],
      [4],
      [[alder], [birch]],
      [[birch], [elder]],
    ),
    publishers,
    [birch.name],
    t,
  ),
  convicts(
    'two releases of one sequence, recorded under another trust file',
    edit(equivocation({ 2: [one, alice], 4: [other, alice] }), 'trust', base64(Buffer.from('{}'))),
    publishers,
    both,
    t,
  ),
  nothing('one release twice', equivocation({ 2: [one, alice], 4: [one, alice] }), t),
  nothing('two publishers of one release', equivocation({ 2: [one, alice], 4: [one, p256Key('bob')] }), t),
  nothing('two releases of two sequences', equivocation({ 2: [one, alice], 4: [release({ sequence: 8 }), alice] }), t),
  nothing(
    'two releases of two channels',
    equivocation({ 2: [one, alice], 4: [release({ channel: 'beta' }), alice] }),
    t,
  ),
  nothing(
    'two releases of another product',
    equivocation({
      2: [release({ product: 'example.com/other' }), alice],
      4: [release({ product: 'example.com/other', version: '2.0.0' }), alice],
    }),
    t,
  ),
  nothing('a rival that a stranger signed', equivocation({ 2: [one, alice], 4: [other, ed25519Key('mallory')] }), t),
  nothing('a rival that a rebuilder signed', equivocation({ 2: [one, alice], 4: [other, carol] }), t),
  nothing('a release and a waiver', equivocation({ 2: [one, alice], 4: [waiver(oneId), alice] }), t),
  nothing(
    'under a checkpoint with one witness of two',
    equivocation({ 2: [one, alice], 4: [other, alice] }, [[alder]]),
    t,
  ),
  nothing('two releases, checked without a trust file', equivocation({ 2: [one, alice], 4: [other, alice] }), [
    'log01',
  ]),
  nothing(
    'two releases, the leaves the other way round',
    edit(equivocation({ 2: [one, alice], 4: [other, alice] }), 'leaves', [
      base64(Buffer.from(leafOf(canonical(other), alice))),
      base64(Buffer.from(leafOf(canonical(one), alice))),
    ]),
    t,
  ),
  nothing(
    'two releases on one side',
    statements('equivocation', { 2: [one, alice], 3: [other, alice], 4: [other, alice] }, [2, 3], [4]),
    t,
  ),
  nothing('entries that are no statements', equivocation({}), t),
  nothing(
    'two releases in another log',
    edit(equivocation({ 2: [one, alice], 4: [other, alice] }), 'origin', 'other.example'),
    t,
  ),

  convicts(
    'two trust files of one version',
    trustFork({ 2: [trustStatement(2, 'a'), root], 4: [trustStatement(2, 'b'), root] }),
    'authority example.com/notes',
    both,
    t,
  ),
  nothing(
    'two trust files of two versions',
    trustFork({ 2: [trustStatement(2, 'a'), root], 4: [trustStatement(3, 'b'), root] }),
    t,
  ),
  nothing(
    'one trust file twice',
    trustFork({ 2: [trustStatement(2, 'a'), root], 4: [trustStatement(2, 'a'), root] }),
    t,
  ),
  nothing(
    'a trust file that a publisher signed',
    trustFork({ 2: [trustStatement(2, 'a'), root], 4: [trustStatement(2, 'b'), alice] }),
    t,
  ),
  nothing(
    'two trust files of another product',
    trustFork({
      2: [edit(trustStatement(2, 'a'), 'predicate.product', 'example.com/other'), root],
      4: [edit(trustStatement(2, 'b'), 'predicate.product', 'example.com/other'), root],
    }),
    t,
  ),
  nothing('a trust file and a release', trustFork({ 2: [trustStatement(2, 'a'), root], 4: [one, alice] }), t),

  convicts(
    'a vote against',
    mismatch({ 2: [one, alice], 4: [against, carol] }),
    'release example.com/notes 1.2.0',
    both,
    t,
  ),
  nothing('a vote for', mismatch({ 2: [one, alice], 4: [rebuild(oneId), carol] }), t),
  nothing(
    'a vote against another release',
    mismatch({ 2: [one, alice], 4: [rebuild(digestOf('release 6'), { 'plugin.so': digestOf('x') }), carol] }),
    t,
  ),
  nothing(
    'a vote that names no release',
    mismatch({ 2: [one, alice], 4: [rebuild(null, { 'plugin.so': digestOf('x') }), carol] }),
    t,
  ),
  nothing("a publisher's vote", mismatch({ 2: [one, alice], 4: [against, alice] }), t),
  nothing("a stranger's vote", mismatch({ 2: [one, alice], 4: [against, ed25519Key('mallory')] }), t),
  nothing(
    'a host build',
    mismatch({
      2: [one, alice],
      4: [edit(against, 'predicate.buildDefinition.buildType', 'https://samebits.dev/host-build/v1'), carol],
    }),
    t,
  ),
  nothing('a vote against a release that is not met', mismatch({ 2: [one, carol], 4: [against, carol] }), t),
  nothing(
    'a vote about another product',
    mismatch({
      2: [one, alice],
      4: [edit(against, 'predicate.buildDefinition.externalParameters.product', 'example.com/other'), carol],
    }),
    t,
  ),
]

const bad = (desc: string, value: Json, error: Case['error'] = 'malformed'): Case => ({
  desc,
  file: canonical(value),
  error: error ?? 'malformed',
})
const about = equivocation({ 2: [one, alice], 4: [other, alice] })

const refused: readonly Case[] = [
  { desc: 'empty', file: '', error: 'malformed' },
  { desc: 'a list', file: '[]', error: 'malformed' },
  { desc: 'indented', file: JSON.stringify(JSON.parse(canonical(split)), null, 2), error: 'malformed' },
  { desc: 'a member twice', file: canonical(split).replace('{"a"', '{"a":0,"a"'), error: 'malformed' },
  bad('no media type', edit(split, 'mediaType', undefined)),
  bad('a newer version', edit(split, 'mediaType', 'application/vnd.samebits.evidence+json;version=2'), 'unknown-type'),
  bad('no kind', edit(split, 'kind', undefined), 'unknown-type'),
  bad('an unknown kind', edit(split, 'kind', 'rumour'), 'unknown-type'),
  bad('a kind that objects have', edit(split, 'kind', 'constructor'), 'unknown-type'),
  bad('no origin', edit(split, 'origin', undefined)),
  bad('a split with one checkpoint', edit(split, 'b', undefined)),
  bad('a split with a proof', edit(split, 'proof', [])),
  bad('a split with a verdict', edit(split, 'verdict', 'guilty')),
  bad('a split with lists', edit(split, 'a', [String(split['a'])])),
  bad('a checkpoint with 65 signature lines', edit(split, 'a', `x\n${'\n— a b'.repeat(65)}\n`), 'too-large'),
  bad('a fork without an old root', edit(fork, 'oldRoot', undefined)),
  bad('a fork with an old root of 31 bytes', edit(fork, 'oldRoot', base64(Buffer.alloc(31)))),
  bad('a fork without a proof', edit(fork, 'proof', undefined)),
  bad('a fork with a hash of 31 bytes', edit(fork, 'proof.0', base64(Buffer.alloc(31))), 'proof'),
  bad('a fork with 65 hashes', edit(fork, 'proof', Array(65).fill(base64(Buffer.alloc(32)))), 'too-large'),
  bad('an empty root with two checkpoints', edit(wrongEmpty, 'b', tree(ours, 0))),
  bad('a leaf conflict with one leaf', edit(conflict, 'leaves.1', undefined)),
  bad('a leaf conflict with three leaves', edit(conflict, 'leaves.2', 'AAAA'), 'too-large'),
  bad('a leaf of 65,536 bytes', edit(conflict, 'leaves.0', base64(Buffer.alloc(65_536)))),
  bad('releases without a trust file', edit(about, 'trust', undefined)),
  bad('releases with a trust file that is an object', edit(about, 'trust', {})),
  bad('releases with one proof that is no list', edit(about, 'a', 'c2sp.org/tlog-proof@v1')),
  bad('releases with an empty side', edit(edit(about, 'a', []), 'leaves.0', undefined)),
  bad('releases with a leaf too few', edit(about, 'leaves.1', undefined)),
  bad('releases with a leaf too many', edit(about, 'leaves.2', 'AAAA')),
]

/** Evidence, as its exact text, and what checking it comes to. */
export function evidenceVectors(): unknown {
  return {
    description:
      'Evidence (docs/formats.md §5). file: the exact text. Readable ones are checked with the keys that are named (trust: the trust file) and have verdict, convicted and bothSides, the sorted key names of the witnesses under both sides; unreadable ones have error: malformed, unknown-type, too-large or proof.',
    keys: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, vkey(key)])),
    trust: body.toString(),
    cases: [...aboutTrees, ...aboutStatements, ...refused],
  }
}
