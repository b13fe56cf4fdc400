import {
  canonical,
  digestOf,
  edit,
  idOf,
  type Json,
  PRODUCT,
  rebuild,
  release,
  revocation,
  trustStatement,
  waiver,
} from './release-tools.ts'

type Fault = 'malformed' | 'unknown-type' | 'unsafe-name'
interface Case {
  readonly desc: string
  readonly payload: string
  readonly kind?: string
  readonly id?: string
  readonly error?: Fault
}

const good = (desc: string, kind: string, value: Json): Case => {
  const payload = canonical(value)
  return { desc, payload, kind, id: idOf(payload) }
}
const text = (desc: string, payload: string, error: Fault = 'malformed'): Case => ({ desc, payload, error })
const bad = (desc: string, value: Json, error: Fault = 'malformed'): Case => text(desc, canonical(value), error)

const base = release()
const vote = rebuild(digestOf('release 7'))
const revoked = revocation([digestOf('release 5'), digestOf('release 6')])
const waived = waiver(digestOf('release 7'))
const next = trustStatement(2, '{"format":1}')

/** `base` with one member changed, one row each: path, new value (undefined removes), description. */
const changes = (
  of: Json,
  rows: readonly (readonly [path: string, to: Json | undefined, desc: string, error?: Fault])[],
): Case[] => rows.map(([path, to, desc, error]) => bad(desc, edit(of, path, to), error))

const accepted: readonly Case[] = [
  good('a release', 'release', base),
  good('the first release, without a previous one', 'release', release({ sequence: 1, previous: null })),
  good('previous null past sequence 1 is for the chain to refuse', 'release', release({ previous: null })),
  good('a release without builds', 'release', release({ builds: [] })),
  good('a release with notes in any script', 'release', release({ notes: 'Grüße\n次\u202e' })),
  good('a pre-release version', 'release', release({ version: '2.0.0-rc.1' })),
  good('the largest sequence', 'release', release({ sequence: Number.MAX_SAFE_INTEGER })),
  good('a commit of SHA-256', 'release', edit(base, 'predicate.builds.0.source.gitCommit', digestOf('commit'))),
  good('a vote that names its release', 'rebuild', vote),
  good('a vote for bytes', 'rebuild', rebuild(null)),
  good('a vote against', 'rebuild', rebuild(digestOf('release 7'), { 'plugin.so': digestOf('other') })),
  good(
    'a host build',
    'rebuild',
    edit(vote, 'predicate.buildDefinition.buildType', 'https://samebits.dev/host-build/v1'),
  ),
  good('a vote with everything that SLSA offers', 'rebuild', {
    ...(vote as object),
    predicate: {
      buildDefinition: {
        ...((vote as { predicate: { buildDefinition: object } }).predicate.buildDefinition as object),
        internalParameters: { engine: 'podman 5.1', constructor: 'a name like any other' },
      },
      runDetails: {
        builder: { id: 'https://rebuilder.example/samebits', version: { samebits: '0.1.0' } },
        metadata: { invocationId: 'run 42', startedOn: '2026-11-23T10:00:00Z', finishedOn: '2026-11-23T10:01:02.5Z' },
        byproducts: [{ name: 'build.log', mediaType: 'text/plain', digest: { sha256: digestOf('log') } }],
      },
    },
  } as Json),
  good('a revocation', 'revocation', revoked),
  good('a revocation with a word about what to use', 'revocation', edit(revoked, 'predicate.replacement', 'use 1.2.1')),
  good('a waiver', 'waiver', waived),
  good('a trust statement', 'trust', next),
]

const plain = canonical(base)
const notCanonical: readonly Case[] = [
  text('empty', ''),
  text('not JSON', '{'),
  text('null', 'null'),
  text('a list', '[]'),
  text('a string', '"release"'),
  text('a space before', ` ${plain}`),
  text('a newline after', `${plain}\n`),
  text('a byte order mark', `\ufeff${plain}`),
  text('indented', JSON.stringify(JSON.parse(plain), null, 1)),
  text('members out of order', JSON.stringify(base)),
  text('a member twice', plain.replace('"sequence":7', '"sequence":7,"sequence":7')),
  text('a member twice, the first with another value', plain.replace('"sequence":7', '"sequence":8,"sequence":7')),
  text('an escape that need not be', plain.replace('"stable"', '"st\\u0061ble"')),
  text('an escaped slash', plain.replace('example.com/notes"', 'example.com\\/notes"')),
  text('a number with an exponent', plain.replace('"sequence":7', '"sequence":7e0')),
  text('a number with a fraction of nothing', plain.replace('"sequence":7', '"sequence":7.0')),
  text('minus zero', canonical(edit(base, 'predicate.artifacts.0.size', 0)).replace('"size":0', '"size":-0')),
  text('a lone surrogate', plain.replace('"stable"', '"\\ud800"')),
  text('two payloads', plain + plain),
  text('nested too deeply', `${'['.repeat(33)}${']'.repeat(33)}`),
  text('nested a thousand deep', `${'['.repeat(1000)}${']'.repeat(1000)}`),
]

const envelope = changes(base, [
  ['_type', undefined, 'no _type'],
  ['_type', 'https://in-toto.io/Statement/v0.1', 'an older statement type'],
  ['predicateType', undefined, 'no predicateType'],
  ['predicateType', 7, 'a predicateType that is no string'],
  ['predicateType', 'https://samebits.dev/release/v2', 'a newer release', 'unknown-type'],
  ['predicateType', 'https://spdx.dev/Document', 'a foreign predicate', 'unknown-type'],
  ['predicateType', 'https://samebits.dev/revocation/v1', 'the predicate of another type'],
  ['subject', undefined, 'no subject'],
  ['subject', [], 'an empty subject'],
  ['subject', {}, 'a subject that is no list'],
  ['predicate', undefined, 'no predicate'],
  ['predicate', null, 'a predicate of null'],
  ['predicate', [], 'a predicate that is a list'],
  ['extra', 1, 'an unknown member'],
  ['__proto__', {}, 'a member named __proto__'],
  ['predicate.extra', null, 'an unknown member of the predicate'],
  ['subject.0.uri', 'https://example.com', 'an unknown member of a subject'],
  ['subject.0.digest.sha512', 'ab', 'a second digest'],
  ['subject.0.digest.sha256', 'AB'.repeat(32), 'a digest in upper case'],
  ['subject.0.digest.sha256', 'ab'.repeat(31), 'a digest one byte short'],
  ['subject.0.digest', undefined, 'a subject without a digest'],
])

const ofRelease = changes(base, [
  ['predicate.product', undefined, 'no product'],
  ['predicate.channel', undefined, 'no channel'],
  ['predicate.version', undefined, 'no version'],
  ['predicate.sequence', undefined, 'no sequence'],
  ['predicate.previous', undefined, 'no previous'],
  ['predicate.artifacts', undefined, 'no artifacts'],
  ['predicate.builds', undefined, 'no builds'],
  ['predicate.product', 7, 'a product that is no string', 'unsafe-name'],
  ['predicate.product', '', 'an empty product', 'unsafe-name'],
  ['predicate.product', 'Example.com/notes', 'a product in upper case', 'unsafe-name'],
  ['predicate.product', '../notes', 'a product that climbs', 'unsafe-name'],
  ['predicate.product', 'example.com/../notes', 'a product that climbs inside', 'unsafe-name'],
  ['predicate.product', 'example.com/.', 'a product with a dot segment', 'unsafe-name'],
  ['predicate.product', '/example.com', 'an absolute product', 'unsafe-name'],
  ['predicate.product', 'example.com/', 'a product that ends in a slash', 'unsafe-name'],
  ['predicate.product', 'example.com//notes', 'a product with an empty segment', 'unsafe-name'],
  ['predicate.product', 'example.com\\notes', 'a product with a backslash', 'unsafe-name'],
  ['predicate.product', 'example.com/notes\n', 'a product with a newline', 'unsafe-name'],
  ['predicate.product', 'example.com/n\u0000', 'a product with NUL', 'unsafe-name'],
  ['predicate.product', 'example.com/nötes', 'a product outside of ASCII', 'unsafe-name'],
  ['predicate.product', 'a'.repeat(256), 'a product of 256 bytes', 'unsafe-name'],
  ['predicate.channel', '', 'an empty channel'],
  ['predicate.channel', '.stable', 'a channel that begins with a dot'],
  ['predicate.channel', 'stable/x', 'a channel with a slash'],
  ['predicate.channel', `s${'x'.repeat(128)}`, 'a channel of 129 characters'],
  ['predicate.version', 'v1.2.0', 'a version with a leading v'],
  ['predicate.version', '=1.2.0', 'a version with a leading ='],
  ['predicate.version', ' 1.2.0', 'a version after a space'],
  ['predicate.version', '1.2', 'a version of two numbers'],
  ['predicate.version', '1.02.0', 'a version with a leading zero'],
  ['predicate.version', '1.2.0-01', 'a pre-release with a leading zero'],
  ['predicate.version', '1.2.0+build.5', 'a version with build metadata'],
  ['predicate.version', '1.2.0-', 'a version with an empty pre-release'],
  ['predicate.version', '1.2.9007199254740992', 'a version past 2^53-1'],
  ['predicate.version', 'latest', 'a version that is a word'],
  ['predicate.sequence', 0, 'sequence 0'],
  ['predicate.sequence', -1, 'a negative sequence'],
  ['predicate.sequence', 1.5, 'a fractional sequence'],
  ['predicate.sequence', 2 ** 53, 'a sequence of 2^53'],
  ['predicate.sequence', '7', 'a sequence in a string'],
  ['predicate.sequence', null, 'a sequence of null'],
  ['predicate.previous', 'null', 'a previous that is no id'],
  ['predicate.previous', false, 'a previous of false'],
  ['predicate.notes', 5, 'notes that are no text'],
  ['predicate.notes', 'x'.repeat(16_385), 'notes of 16,385 characters'],
  ['predicate.artifacts', [], 'no artifact at all'],
  ['predicate.artifacts.2', undefined, 'a subject without its artifact'],
  ['subject.2', undefined, 'an artifact without its subject'],
  ['subject.0.name', 'notes.wasm', 'a subject of another name'],
  ['predicate.artifacts.0.size', -1, 'a negative size'],
  ['predicate.artifacts.0.size', 2 ** 53, 'a size of 2^53'],
  ['predicate.artifacts.0.size', undefined, 'an artifact without a size'],
  ['predicate.artifacts.0.sha256', digestOf('x'), 'a digest in an artifact'],
  ['predicate.artifacts.0.platform', 'linux', 'a platform without an architecture'],
  ['predicate.artifacts.0.platform', 'Linux-x64', 'a platform in upper case'],
  ['predicate.artifacts.0.platform', 'any-any-any', 'a platform of three words'],
  ['predicate.artifacts.0.mediaType', 'gzip', 'a media type without a subtype'],
  ['predicate.artifacts.0.mediaType', 'application/gzip; x=1', 'a media type with a parameter'],
  ['predicate.artifacts.0.mediaType', 'Application/gzip', 'a media type in upper case'],
  ['predicate.artifacts.0.partOf', 'notes.wasm', 'a part of an artifact that has a part', 'malformed'],
  ['predicate.artifacts.2.partOf', 'nothing.tar.gz', 'a part of nothing'],
  ['predicate.artifacts.2.partOf', 'plugin.so', 'a part of itself'],
  ['predicate.builds.0.artifacts', [], 'a build of nothing'],
  ['predicate.builds.0.artifacts.1', 'other.so', 'a build of an unknown artifact'],
  ['predicate.builds.0.artifacts.1', 'notes-linux-x64.tar.gz', 'an artifact twice in a build'],
  ['predicate.builds.0.source', 'https://example.com', 'a source that is a string'],
  ['predicate.builds.0.source.uri', 'example.com', 'a source without a scheme'],
  ['predicate.builds.0.source.gitCommit', 'main', 'a branch for a commit'],
  ['predicate.builds.0.source.gitCommit', '0123456', 'a short commit'],
  ['predicate.builds.0.recipeDigest', undefined, 'no recipe'],
  ['predicate.builds.0.imageDigest', `sha256:${digestOf('image')}`, 'an image with a prefix'],
  ['predicate.builds.0.sourceDateEpoch', -1, 'an epoch before 1970'],
])

const named = (name: string): Json => edit(edit(base, 'predicate.artifacts.1.name', name), 'subject.1.name', name)
const names: readonly Case[] = [
  ['..', 'two dots'],
  ['.', 'a dot'],
  ['.bashrc', 'a hidden file'],
  ['-rf', 'an option'],
  ['a/b', 'a slash'],
  ['/etc/passwd', 'an absolute path'],
  ['..\\evil', 'a backslash'],
  ['C:evil', 'a drive'],
  ['a\u0000b', 'NUL'],
  ['a\nb', 'a newline'],
  ['a`id`', 'a backtick'],
  ['%APPDATA%', 'a variable of Windows'],
  ['$HOME', 'a variable of a shell'],
  ["a'b", 'a quote'],
  ['a"b', 'a double quote'],
  ['a b', 'a space'],
  ['café', 'a letter outside of ASCII'],
  ['\u202egpj.exe', 'a mark that turns text around'],
  ['nul.txt', 'a device of Windows'],
  ['COM1', 'another device of Windows'],
  ['file.', 'a final dot'],
  ['', 'nothing'],
  ['a'.repeat(129), '129 characters'],
].map(([name = '', desc]) => bad(`an artifact named with ${desc}`, named(name), 'unsafe-name'))

const clashes: readonly Case[] = [
  bad('two artifacts that differ in case only', named('NOTES-linux-x64.tar.gz')),
  bad(
    'two artifacts of one platform and media type',
    edit(
      edit(base, 'predicate.artifacts.1.platform', 'linux-x64'),
      'predicate.artifacts.1.mediaType',
      'application/gzip',
    ),
  ),
  bad(
    'an artifact in two builds',
    edit(base, 'predicate.builds.1', (base as { predicate: { builds: Json[] } }).predicate.builds[0] ?? null),
  ),
]

const ofRebuild = changes(vote, [
  ['predicate.buildDefinition', undefined, 'no buildDefinition'],
  ['predicate.runDetails', undefined, 'no runDetails'],
  [
    'predicate.buildDefinition.buildType',
    'https://actions.github.io/buildtypes/workflow/v1',
    'provenance of another builder',
    'unknown-type',
  ],
  ['predicate.buildDefinition.buildType', null, 'a build type of null'],
  ['predicate.buildDefinition.externalParameters.product', undefined, 'a vote without a product'],
  ['predicate.buildDefinition.externalParameters.source', undefined, 'a vote without a source'],
  ['predicate.buildDefinition.externalParameters.source.sha256', undefined, "a vote without the source's digest"],
  ['predicate.buildDefinition.externalParameters.recipeDigest', undefined, 'a vote without a recipe'],
  ['predicate.buildDefinition.externalParameters.imageDigest', undefined, 'a vote without an image'],
  ['predicate.buildDefinition.externalParameters.release', null, 'a vote for the release null'],
  ['predicate.buildDefinition.externalParameters.verdict', 'good', 'an unknown parameter'],
  ['predicate.buildDefinition.resolvedDependencies', undefined, 'no dependency list'],
  ['predicate.buildDefinition.resolvedDependencies', [], 'an empty dependency list'],
  [
    'predicate.buildDefinition.resolvedDependencies.1',
    { digest: { sha256: digestOf('x') } },
    'dependencies inside of the entry',
  ],
  ['predicate.buildDefinition.resolvedDependencies.0.digest', { sha1: 'ab' }, 'a dependency list without a SHA-256'],
  ['predicate.buildDefinition.resolvedDependencies.0.content', 'AAAA', 'a dependency list inside of the entry'],
  ['predicate.buildDefinition.internalParameters', { 'a b': 'x' }, 'an internal parameter with a space in its name'],
  ['predicate.buildDefinition.internalParameters', { a: 1 }, 'an internal parameter that is no text'],
  ['predicate.runDetails.builder', {}, 'a builder without an id'],
  ['predicate.runDetails.builder.id', 'me', 'a builder whose id is no URI'],
  ['predicate.runDetails.metadata', { startedOn: 'yesterday' }, 'a start that is no time'],
  ['predicate.runDetails.metadata', { startedOn: '2026-11-23T10:00:00+01:00' }, 'a start in a local time'],
  ['subject.1.name', 'NOTES-linux-x64.tar.gz', 'two subjects that differ in case only'],
  ['subject.0.name', PRODUCT, 'a subject with a slash in its name', 'unsafe-name'],
  ['subject.0.name', '..', 'a subject that climbs', 'unsafe-name'],
])

const ofOthers: readonly Case[] = [
  ...changes(revoked, [
    ['predicate.ids', [], 'a revocation of nothing'],
    ['predicate.ids.1', digestOf('release 5'), 'an id twice'],
    ['predicate.ids.1', digestOf('release 4'), 'an id that the subject does not name'],
    ['subject.1', undefined, 'an id without its subject'],
    ['subject.0.name', 'example.com/other', 'a subject of another product'],
    ['predicate.reason', '', 'no reason'],
    ['predicate.reason', ' \n', 'a blank reason'],
    ['predicate.severity', 'catastrophic', 'an unknown severity'],
    ['predicate.severity', undefined, 'no severity'],
    ['predicate.replacement', null, 'a replacement of null'],
  ]),
  ...changes(waived, [
    ['predicate.id', undefined, 'a waiver without an id'],
    ['predicate.id', digestOf('release 8'), 'a waiver whose subject is another release'],
    ['predicate.reason', undefined, 'a waiver without a reason'],
    ['predicate.ids', [digestOf('release 7')], 'a waiver for several'],
  ]),
  ...changes(next, [
    ['predicate.version', 0, 'trust version 0'],
    ['predicate.version', '2', 'a trust version in a string'],
    ['predicate.size', 0, 'an empty trust file'],
    ['predicate.size', 4 * 1024 * 1024 + 1, 'a trust file above 4 MiB'],
    ['predicate.sha256', digestOf('other'), 'a trust file that the subject does not name'],
    ['subject.0.name', 'trust2.json', 'a subject that is not trust.json'],
    ['subject.1', { name: 'trust.json', digest: { sha256: digestOf('x') } }, 'two trust files'],
  ]),
]

/** Statements, as the exact text of the payload. */
export function statementVectors(): unknown {
  return {
    description:
      'In-toto statements (docs/formats.md §1). payload: the exact text. Accepted ones have kind and id (the SHA-256 of the payload), refused ones error: malformed, unknown-type or unsafe-name.',
    cases: [...accepted, ...notCanonical, ...envelope, ...ofRelease, ...names, ...clashes, ...ofRebuild, ...ofOthers],
  }
}
