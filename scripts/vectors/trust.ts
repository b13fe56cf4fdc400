import { alder, birch, cedar, log01, log06, stranger } from './cast.ts'
import { digestOf, ed25519Key, edit, type Json, type JsonObject, p256Key, p384Key, pemOf } from './release-tools.ts'
import { base64, ed25519, mlDsa44, type NamedKey, sha256, vkey } from './tools.ts'

interface Case {
  readonly desc: string
  readonly file: string
  readonly sha256?: string
  readonly version?: number
  readonly origin?: string
  readonly forkCost?: number
  readonly error?: 'malformed' | 'unknown-format'
}

const member = (id: string, key: { readonly spki: Uint8Array }, more: JsonObject = {}): JsonObject => ({
  id,
  publicKey: pemOf(key),
  ...more,
})
const person = (id: string, more: JsonObject = {}): JsonObject => member(id, ed25519Key(id), more)

const witness = (name: string, key: NamedKey) => `witness ${name} ${vkey(key)}\n`
const log = (key: NamedKey) => `log ${vkey(key)} https://log.example.com/\n`
/** A third Ed25519 witness. */
export const elder: NamedKey = { name: 'elder.example/witness', type: 4, key: ed25519('elder') }
const witnesses = `${witness('alder', alder)}${witness('birch', birch)}${witness('elder', elder)}`
const tlogPolicy = `${log(log01)}${witnesses}group all3 2 alder birch elder\nquorum all3\n`

/** A trust file with everything that is required, and nothing else. */
export const trustFile: JsonObject = {
  format: 1,
  version: 1,
  product: 'example.com/notes',
  channels: ['stable', 'beta'],
  tlogPolicy,
  authority: { threshold: 1, members: [person('root')] },
  publishers: { threshold: 1, members: [person('alice'), member('bob', p256Key('bob'))] },
  rebuilders: {
    threshold: 2,
    members: [person('carol'), member('dave', p384Key('dave')), person('erin')],
    onMismatch: 'refuse',
  },
  freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' },
  history: { mode: 'complete' },
  heads: {},
}

const text = (value: Json) => JSON.stringify(value, null, 2)
const good = (desc: string, value: Json, forkCost = 1, file = text(value)): Case => {
  const { version } = value as { version: number }
  return { desc, file, sha256: sha256(file).toString('hex'), version, origin: log01.name, forkCost }
}
const bad = (desc: string, value: Json): Case => ({ desc, file: text(value), error: 'malformed' })
const raw = (desc: string, file: string, error: Case['error'] = 'malformed'): Case => ({
  desc,
  file,
  error: error ?? 'malformed',
})

const head = { sequence: 7, id: digestOf('release 7') }
const replaces = { origin: 'old.example.com/log', size: 400, root: base64(sha256('old root')) }
const identity = {
  issuer: 'https://token.actions.githubusercontent.com',
  san: 'https://github.com/example/notes/.github/workflows/release.yml@refs/heads/main',
}
const withIdentity = edit(edit(trustFile, 'publishers.members.1', { id: 'ci', identity }), 'trustedRoot', {
  mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
})
const unwitnessed = {
  ...trustFile,
  tlogPolicy: `${log(log01)}quorum none\n`,
  unwitnessed: true,
  freshness: { clockSkew: '5m' },
}
const forkable = { ...trustFile, tlogPolicy: `${log(log01)}${witnesses}group some 1 alder birch elder\nquorum some\n` }
const twoKeys: NamedKey = { ...cedar, name: alder.name, type: 6 }
const oneOperator = (rest: string) => ({
  ...trustFile,
  tlogPolicy: `${log(log01)}${witness('a1', alder)}${witness('a2', twoKeys)}${witness('birch', birch)}${rest}`,
})
const successor = { ...trustFile, version: 2, replaces, heads: { stable: head, beta: head } }

const accepted: readonly Case[] = [
  good('what is required', trustFile),
  good('without white space', trustFile, 1, JSON.stringify(trustFile)),
  good(
    'with an ML-DSA log key and an ML-DSA witness',
    {
      ...trustFile,
      tlogPolicy: `${log(log06)}${witness('alder', alder)}${witness('cedar', cedar)}group g all alder cedar\nquorum g\n`,
    },
    2,
  ),
  good('with heads', { ...trustFile, heads: { beta: head, stable: head } }),
  good('a channel named constructor', { ...trustFile, channels: ['constructor'], heads: { constructor: head } }),
  good('offered history until a leap day', { ...trustFile, history: { mode: 'offered', expires: '2028-02-29' } }),
  good('with offlineMaxAge', edit(trustFile, 'freshness.offlineMaxAge', '90d')),
  good('mirrors', { ...trustFile, mirrors: ['https://mirror.example.com/log/', 'http://127.0.0.1:8080/'] }),
  good('nobody rebuilds', { ...trustFile, rebuilders: { threshold: 0, members: [], onMismatch: 'report' } }),
  good('a platform without rebuilders', edit(trustFile, 'rebuilders.platforms', { 'darwin-arm64': 0, any: 3 })),
  good('one operator with two keys, and another one', {
    ...trustFile,
    publishers: {
      threshold: 2,
      members: [
        person('alice-2025', { operator: 'alice', until: 12 }),
        person('alice-2026', { operator: 'alice', from: 12 }),
        person('bob'),
      ],
    },
  }),
  good('an operator in two roles, with two keys', edit(trustFile, 'authority.members.0.operator', 'alice')),
  good('an identity', withIdentity),
  good('a log that replaces another', successor),
  good('a log that replaces one whose origin has 255 bytes', edit(successor, 'replaces.origin', 'o'.repeat(255))),
  good('a log that replaces an empty one', {
    ...successor,
    replaces: { ...replaces, size: 0, root: base64(sha256()) },
  }),
  good('a quorum that costs nothing to fork, allowed', { ...forkable, forkable: true }, 0),
  good('unwitnessed', unwitnessed, 0),
  good('all witnesses', { ...trustFile, tlogPolicy: tlogPolicy.replace(' 2 ', ' all ') }, 3),
  good(
    "one operator's two keys, in a group of their own",
    oneOperator('group a any a1 a2\ngroup q all a birch\nquorum q\n'),
    2,
  ),
  good('a later version', { ...trustFile, version: 9 }),
]

const compact = JSON.stringify(trustFile)
const texts: readonly Case[] = [
  raw('empty', ''),
  raw('not JSON', '{'),
  raw('a list', '[]'),
  raw('null', 'null'),
  raw('a byte order mark', `\ufeff${compact}`),
  raw('a comment', `${compact} // trust`),
  raw('two files', compact + compact),
  raw('a member twice', compact.replace('"version":1', '"version":1,"version":1')),
  raw('a member twice, once escaped', compact.replace('"version":1', '"version":1,"versio\\u006e":2')),
  raw('a member twice, deep down', compact.replace('"mode":"complete"', '"mode":"complete","mode":"complete"')),
  raw('version 1.0', compact.replace('"version":1', '"version":1.0')),
  raw('version 1e0', compact.replace('"version":1', '"version":1e0')),
  raw('a version past 2^53-1', compact.replace('"version":1', '"version":9007199254740993')),
  raw('minus zero', compact.replace('"threshold":2', '"threshold":-0')),
  raw('a member named __proto__', compact.replace('{"format":1', '{"__proto__":{},"format":1')),
  raw('format 2, whatever else it says', '{"format":2,"hello":["world"]}', 'unknown-format'),
  raw('format 2, with every member of format 1', compact.replace('"format":1', '"format":2'), 'unknown-format'),
  raw('format 2, with a member twice', '{"format":2,"a":1,"a":2}'),
  raw('format 0', compact.replace('"format":1', '"format":0')),
  raw('format in a string', compact.replace('"format":1', '"format":"1"')),
  raw('no format', compact.replace('"format":1,', '')),
]

const edits: readonly (readonly [path: string, to: Json | undefined, desc: string])[] = [
  ...[
    'version',
    'product',
    'channels',
    'tlogPolicy',
    'authority',
    'publishers',
    'rebuilders',
    'freshness',
    'history',
    'heads',
  ].map((name) => [name, undefined, `no ${name}`] as const),
  ['comment', 'hello', 'an unknown member'],
  ['version', 0, 'version 0'],
  ['version', -1, 'version -1'],
  ['version', '1', 'a version in a string'],
  ['product', '../notes', 'a product that climbs'],
  ['product', 'Notes', 'a product in upper case'],
  ['channels', [], 'no channel'],
  ['channels.1', 'stable', 'a channel twice'],
  ['channels.1', 'a/b', 'a channel with a slash'],
  ['authority.threshold', 0, 'threshold 0 for the authority'],
  ['publishers.threshold', 0, 'threshold 0 for publishers'],
  ['publishers.threshold', -1, 'a negative threshold'],
  ['publishers.threshold', '1', 'a threshold in a string'],
  ['publishers.threshold', 3, 'a threshold above the members'],
  ['publishers.members', [], 'no publisher'],
  ['publishers.onMismatch', 'refuse', 'a rule of rebuilders for publishers'],
  ['publishers.platforms', {}, 'platforms for publishers'],
  ['rebuilders.threshold', 4, 'a threshold above the rebuilders'],
  ['rebuilders.onMismatch', undefined, 'no onMismatch'],
  ['rebuilders.onMismatch', 'ignore', 'an unknown onMismatch'],
  ['rebuilders.platforms', { 'linux-x64': 4 }, "a platform's threshold above the rebuilders"],
  ['rebuilders.platforms', { 'linux-x64': -1 }, "a platform's negative threshold"],
  ['rebuilders.platforms', { linux: 1 }, 'a threshold for no platform'],
  ['publishers.members.0.id', undefined, 'a member without an id'],
  ['publishers.members.0.id', 'bob', 'an id twice in a role'],
  ['publishers.members.0.id', 'root', 'an id twice in two roles'],
  ['publishers.members.0.id', '', 'an empty id'],
  ['publishers.members.0.id', 'al ice', 'an id with a space'],
  ['publishers.members.0.id', 'älice', 'an id outside of ASCII'],
  ['publishers.members.0.operator', '', 'an empty operator'],
  ['publishers.members.0.operator', 'Bob', 'operators that differ in case only'],
  ['publishers.members.0.publicKey', undefined, 'neither a key nor an identity'],
  ['publishers.members.0.identity', identity, 'a key and an identity'],
  ['publishers.members.0.publicKey', pemOf(ed25519Key('root')), 'a key twice in two roles'],
  ['publishers.members.0.publicKey', pemOf(p256Key('bob')), 'a key twice in a role'],
  ['publishers.members.0.publicKey', base64(ed25519Key('alice').spki), 'a key that is no PEM'],
  ['publishers.members.0.publicKey', pemOf(ed25519Key('alice')).replaceAll('\n', '\r\n'), 'a key with CRLF'],
  ['publishers.members.0.publicKey', pemOf(ed25519Key('alice')).trimEnd(), 'a key without its last newline'],
  ['publishers.members.0.publicKey', `${pemOf(ed25519Key('alice'))}${pemOf(ed25519Key('zoe'))}`, 'two keys in one'],
  [
    'publishers.members.0.publicKey',
    pemOf({
      spki: Buffer.concat([
        Buffer.from('30820532300b06096086480165030403110382052100', 'hex'),
        mlDsa44('alice').publicKey,
      ]),
    }),
    'an ML-DSA key',
  ],
  [
    'publishers.members.0.publicKey',
    pemOf({ spki: Buffer.from('302a300506032b656e032100'.padEnd(88, '0'), 'hex') }),
    'an X25519 key',
  ],
  ['publishers.members.0.publicKey', pemOf(raw32(alder)), "a witness's key"],
  ['publishers.members.0.from', -1, 'a negative from'],
  ['publishers.members.0.from', 1.5, 'a fractional from'],
  ['publishers.members.0.until', 0, 'until 0'],
  ['publishers.members.0.until', null, 'until null'],
  ['publishers.members.0.email', 'alice@example.com', 'an unknown member of a member'],
  ['freshness.clockSkew', undefined, 'no clockSkew'],
  ['freshness.maxAge', undefined, 'no maxAge'],
  ['freshness.warnAge', undefined, 'no warnAge'],
  ['freshness.maxLag', undefined, 'no maxLag'],
  ['freshness.maxAge', 30, 'a duration without a unit'],
  ['freshness.maxAge', '30', 'a duration without a unit, in a string'],
  ['freshness.maxAge', '0d', 'a duration of nothing'],
  ['freshness.maxAge', '030d', 'a duration with a leading zero'],
  ['freshness.maxAge', '-1d', 'a negative duration'],
  ['freshness.maxAge', '1.5d', 'a fractional duration'],
  ['freshness.maxAge', '1w', 'a duration in weeks'],
  ['freshness.maxAge', '1D', 'a duration in upper case'],
  ['freshness.maxAge', ' 1d', 'a duration after a space'],
  ['freshness.maxAge', '1d\n', 'a duration before a newline'],
  ['freshness.maxAge', '9007199254740991d', 'a duration of more than 2^53-1 seconds'],
  ['freshness.maxage', '1d', 'an unknown limit'],
  ['history', 'complete', 'a history that is a string'],
  ['history.mode', 'partial', 'an unknown mode'],
  ['history.expires', '2027-12-31', 'complete history that expires'],
  ['history', { mode: 'offered' }, 'offered history that never expires'],
  ['history', { mode: 'offered', expires: '2027-02-29' }, 'a day that is not in the calendar'],
  ['history', { mode: 'offered', expires: '2027-13-01' }, 'a month that is not in the calendar'],
  ['history', { mode: 'offered', expires: '2027-1-1' }, 'a date in short'],
  ['history', { mode: 'offered', expires: '2027-12-31T00:00:00Z' }, 'a time of day'],
  ['history', { mode: 'offered', expires: 1_830_000_000 }, 'Unix seconds'],
  ['heads', { gamma: head }, 'a head of an unknown channel'],
  ['heads', { stable: { sequence: 0, id: head.id } }, 'a head of sequence 0'],
  ['heads', { stable: { sequence: 7, id: 'x' } }, 'a head without an id'],
  ['heads', { stable: { ...head, version: '1.2.0' } }, 'an unknown member of a head'],
  ['mirrors', [], 'an empty list of mirrors'],
  ['mirrors', ['http://mirror.example.com/'], 'a mirror without TLS'],
  ['mirrors', ['ftp://mirror.example.com/'], 'a mirror of another scheme'],
  ['mirrors', ['https://user:secret@mirror.example.com/'], 'a mirror with a password'],
  ['mirrors', ['https://mirror.example.com/?a=1'], 'a mirror with a query'],
  ['mirrors', ['https://mirror.example.com/#top'], 'a mirror with a fragment'],
  ['mirrors', ['mirror.example.com'], 'a mirror without a scheme'],
  ['mirrors', ['https://a.example/', 'https://a.example/'], 'a mirror twice'],
  ['unwitnessed', false, 'unwitnessed false'],
  ['forkable', 'yes', 'forkable yes'],
  ['trustedRoot', {}, 'a trusted root without an identity'],
]

/** An Ed25519 key of the log or of a witness, as a member would bring it. */
function raw32({ key }: NamedKey): { readonly spki: Uint8Array } {
  return { spki: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.publicKey]) }
}

const policy = (desc: string, of: string): Case => bad(desc, { ...trustFile, tlogPolicy: of })

const policies: readonly Case[] = [
  policy('an empty policy', ''),
  policy('a policy without a log', `${witnesses}quorum alder\n`),
  policy(
    'a policy with two logs',
    `${log(log01)}${log({ ...log01, name: 'log2.example.com', key: stranger.key })}${witnesses}quorum alder\n`,
  ),
  policy('a policy with both keys of the log', `${log(log01)}${log(log06)}${witnesses}quorum alder\n`),
  policy('a policy without a quorum', `${log(log01)}${witnesses}`),
  policy('a quorum of an unknown witness', `${log(log01)}${witnesses}quorum dogwood\n`),
  policy('a group with an unknown witness', `${log(log01)}${witnesses}group g all alder dogwood\nquorum g\n`),
  policy('a witness with a plain Ed25519 key', `${log(log01)}${witness('alder', { ...alder, type: 1 })}quorum alder\n`),
  policy('the log as its own witness', `${log(log01)}${witness('self', { ...log01, type: 4 })}quorum self\n`),
  policy("the log's other key as a witness", `${log(log06)}${witness('self', { ...log01, type: 4 })}quorum self\n`),
  policy('one witness twice', `${log(log01)}${witness('a', alder)}${witness('b', alder)}group g all a b\nquorum g\n`),
  policy(
    'one key under two names',
    `${log(log01)}${witness('a', alder)}${witness('b', { ...alder, name: 'b.example' })}group g all a b\nquorum g\n`,
  ),
  bad("one operator's two keys as two witnesses", oneOperator('group q 2 a1 a2 birch\nquorum q\n')),
  bad("one operator's two keys, one of them not in use", oneOperator('group q all a1 birch\nquorum q\n')),
  bad('a quorum that costs nothing to fork', forkable),
  policy('half of two witnesses', `${log(log01)}${witnesses}group g any alder birch\nquorum g\n`),
  policy('quorum none without unwitnessed', `${log(log01)}quorum none\n`),
  policy('a policy with CRLF', tlogPolicy.replaceAll('\n', '\r\n')),
  policy('a policy without its last newline', tlogPolicy.trimEnd()),
  bad('unwitnessed with maxAge', edit(unwitnessed, 'freshness.maxAge', '30d')),
  bad('unwitnessed with warnAge', edit(unwitnessed, 'freshness.warnAge', '7d')),
  bad('unwitnessed with maxLag', edit(unwitnessed, 'freshness.maxLag', '7d')),
  bad('unwitnessed with offlineMaxAge', edit(unwitnessed, 'freshness.offlineMaxAge', '90d')),
]

const twoOfOne = {
  threshold: 2,
  members: [person('alice-1', { operator: 'alice' }), person('alice-2', { operator: 'alice' })],
}

const together: readonly Case[] = [
  bad('a threshold that one operator would meet with two keys', { ...trustFile, publishers: twoOfOne }),
  bad(
    'a threshold of rebuilders that takes a publisher',
    edit(edit(trustFile, 'rebuilders.members.0.operator', 'alice'), 'rebuilders.threshold', 3),
  ),
  bad('until before from', edit(edit(trustFile, 'publishers.members.0.from', 12), 'publishers.members.0.until', 12)),
  bad('an identity without a trusted root', edit(withIdentity, 'trustedRoot', undefined)),
  bad('a trusted root that is a list', edit(withIdentity, 'trustedRoot', [])),
  bad('an identity twice', edit(withIdentity, 'publishers.members.0', { id: 'ci2', identity })),
  bad('an identity without an issuer', edit(withIdentity, 'publishers.members.1.identity.issuer', undefined)),
  bad('an identity with a space', edit(withIdentity, 'publishers.members.1.identity.san', 'a b')),
  bad('an empty identity', edit(withIdentity, 'publishers.members.1.identity.san', '')),
  bad('a successor without the head of a channel', edit(successor, 'heads.beta', undefined)),
  bad('a successor in version 1', edit(successor, 'version', 1)),
  bad('a successor of itself', edit(successor, 'replaces.origin', log01.name)),
  bad('a successor of a log without a root', edit(successor, 'replaces.root', undefined)),
  bad('a successor of a log with a short root', edit(successor, 'replaces.root', base64(Buffer.alloc(31)))),
  bad('a successor of a log with a root in hex', edit(successor, 'replaces.root', digestOf('x'))),
  bad('a successor of a log of negative size', edit(successor, 'replaces.size', -1)),
  bad('a successor of an empty log with a root of something', edit(successor, 'replaces.size', 0)),
  bad('a successor of a log whose origin has 256 bytes', edit(successor, 'replaces.origin', 'o'.repeat(256))),
  bad('a successor of a log with a space in its origin', edit(successor, 'replaces.origin', 'old log')),
]

/** Trust files, as their exact text. */
export function trustVectors(): unknown {
  const refused = edits.map(([path, to, desc]) => bad(desc, edit(trustFile, path, to)))
  return {
    description:
      'Trust files (docs/formats.md §2). file: the exact text. Accepted ones have their sha256, version, origin and forkCost; refused ones error: malformed, or unknown-format for a file that only a newer client understands.',
    cases: [...accepted, ...texts, ...refused, ...policies, ...together],
  }
}
