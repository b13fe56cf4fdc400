/** What an update client must refuse, by code (docs/attacks.md), as far as pure logic decides it. */
import { describe, expect, it } from 'vitest'
import { entryBy, keyOf, looseEntry, MemoryLog, witness } from '../../../test/support/world.ts'
import { type Network, NOW, type RunResult } from '../../../test/support/world-client.ts'
import { cosigners, ORIGIN, Scene, twoReleases } from '../../../test/support/world-scene.ts'
import {
  artifact,
  hex,
  idOf,
  member,
  rebuild,
  release,
  revocation,
  trustFile,
  waiver,
} from '../../../test/support/world-statements.ts'
import { fromUtf8, utf8 } from '../bytes.ts'
import { logSigner } from '../log/checkpoint.ts'
import { nodeCrypto } from '../node.ts'
import { formatStatement } from '../release/statement.ts'
import { type BundleView, formatUpdateBundle } from '../release/update-bundle.ts'
import { type RefusalCode, refusalExit } from './refusal.ts'

const day = 86_400
const two = { threshold: 2, members: [member('alice'), member('bob')] }
const offline = { want: { online: false } }

/** One run with the only view of the bundle changed. */
function withView(change: (view: BundleView, scene: Scene) => BundleView, options = {}): RunResult {
  const scene = twoReleases()
  const bundle = scene.bundle()
  return scene.run({ bundle: { ...bundle, views: bundle.views.map((view) => change(view, scene)) }, ...options })
}

/** One offline run with another checkpoint text in the bundle. */
function withHead(change: (text: string, scene: Scene) => string): RunResult {
  return withView((view, scene) => ({ ...view, checkpoint: change(view.checkpoint, scene) }), offline)
}

/** One run with the first entry of the bundle changed. */
function withEntry(
  change: (entry: BundleView['entries'][number], scene: Scene) => Partial<BundleView['entries'][number]>,
): RunResult {
  return withView((view, scene) => ({
    ...view,
    entries: view.entries.map((entry, at) => (at === 0 ? { ...entry, ...change(entry, scene) } : entry)),
  }))
}

/** A bundle around a second release that is logged as these leaves say. */
function offering(
  leaves: (statement: ReturnType<typeof release>) => readonly Uint8Array[],
  options: ConstructorParameters<typeof Scene>[0] = {},
  over = {},
): RunResult {
  const scene = new Scene(options)
  const first = scene.publish({}, { by: ['alice', 'bob'] })
  const statement = release(2, first.id, over)
  const indices = scene.log.add(...leaves(statement))
  scene.log.pad(2)
  return scene.run({ bundle: scene.bundle({ indices }) })
}

function flip(bytes: Uint8Array | undefined): Uint8Array {
  const copy = (bytes ?? new Uint8Array(32)).slice()
  copy[5] = (copy[5] ?? 0) ^ 1
  return copy
}

const bundleBytes = (scene: Scene): Uint8Array => formatUpdateBundle(scene.bundle())
const replaced = (bytes: Uint8Array, from: string, to: string): Uint8Array => utf8(fromUtf8(bytes).replace(from, to))

const cases: Partial<Record<RefusalCode, readonly [string, () => RunResult][]>> = {
  PROOF_MISSING: [
    ['a valid signature without any proof', () => withEntry(() => ({ inclusion: [] }))],
    [
      'no consistency proof from the stored tree, offline',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        scene.publish()
        return scene.run({ state, ...offline })
      },
    ],
    [
      'no consistency proof from the anchor, offline',
      () => {
        const scene = twoReleases()
        const anchor = scene.anchor()
        scene.publish()
        return scene.run({ anchor, ...offline })
      },
    ],
    [
      'no consistency proof from anywhere',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        scene.publish()
        const override: Network['override'] = ({ kind }) =>
          kind === 'consistency' ? { kind: 'failed', reason: 'missing', detail: '404' } : null
        return scene.run({ state, net: { override } })
      },
    ],
    [
      'offline, with a bundle older than the stored tree',
      () => {
        const scene = twoReleases()
        const bundle = scene.bundle()
        scene.log.pad(4)
        const { state } = ran(scene.run())
        return scene.run({ state, bundle, ...offline })
      },
    ],
  ],
  PROOF_INVALID: [
    [
      "another artifact's valid entry and proof",
      () =>
        withEntry((_, { log, releases }) => ({ leaf: log.leaves[releases[0]?.indices[0] ?? 0] ?? new Uint8Array() })),
    ],
    ['the next index', () => withEntry(({ index }) => ({ index: index + 2 }))],
    ['an index at the size', () => withEntry((_, { log }) => ({ index: log.size }))],
    ['an index past the size', () => withEntry(() => ({ index: Number.MAX_SAFE_INTEGER }))],
    ['one hash too many', () => withEntry(({ inclusion }) => ({ inclusion: [...inclusion, new Uint8Array(32)] }))],
    ['one hash too few', () => withEntry(({ inclusion }) => ({ inclusion: inclusion.slice(1) }))],
    [
      'two hashes swapped',
      () =>
        withEntry(({ inclusion: [a, b, ...rest] }) => ({
          inclusion: [b ?? new Uint8Array(32), a ?? new Uint8Array(32), ...rest],
        })),
    ],
    ['a flipped bit', () => withEntry(({ inclusion: [a, ...rest] }) => ({ inclusion: [flip(a), ...rest] }))],
    [
      'one entry of several without its place',
      () =>
        withView((view) => ({
          ...view,
          entries: view.entries.map((entry, at) => (at === 1 ? { ...entry, index: entry.index + 1 } : entry)),
        })),
    ],
    [
      'a node presented as a leaf',
      () => {
        const scene = twoReleases()
        const [left, right] = nodeCrypto.leafHashes(scene.log.leaves.slice(6, 8))
        const leaf = new Uint8Array([...(left ?? []), ...(right ?? [])])
        const bundle = scene.bundle()
        const [view] = bundle.views
        const entries = (view?.entries ?? [])
          .slice(0, 1)
          .map((entry) => ({ ...entry, index: 3, leaf, inclusion: entry.inclusion.slice(1) }))
        return scene.run({ bundle: { ...bundle, views: view === undefined ? [] : [{ ...view, entries }] } })
      },
    ],
    [
      'a consistency proof that does not verify, offline',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        const from = scene.log.size
        scene.publish()
        const bundle = scene.bundle({ from: [from] })
        const views = bundle.views.map((view) => ({
          ...view,
          consistency: view.consistency.map((proof) => ({
            ...proof,
            proof: proof.proof.map((hash, at) => (at === 1 ? flip(hash) : hash)),
          })),
        }))
        return scene.run({ state, bundle: { ...bundle, views }, ...offline })
      },
    ],
  ],
  CHECKPOINT_INVALID: [
    ['unsigned', () => withHead((text) => text.slice(0, text.indexOf('\n\n') + 2))],
    [
      'signed by an unlisted key',
      () =>
        withHead((_, { log }) =>
          log.checkpoint({ witnesses: cosigners, signedBy: logSigner(nodeCrypto, ORIGIN, keyOf('mallory')) }),
        ),
    ],
    [
      'witness signatures but no log signature',
      () =>
        withHead((text) =>
          text
            .split('\n')
            .filter((line) => !line.startsWith(`— ${ORIGIN}`))
            .join('\n'),
        ),
    ],
    [
      'the origin of another log',
      () =>
        withHead(() =>
          twoReleases({ log: new MemoryLog('other.example.com') }).log.checkpoint({ witnesses: cosigners }),
        ),
    ],
    ['an origin that begins with ours', () => withHead((text) => text.replace(ORIGIN, `${ORIGIN}/more`))],
    [
      'another root than was signed',
      () =>
        withHead((_, { log }) => {
          const [a, b] = [
            log.checkpoint({ witnesses: cosigners }),
            log.checkpoint({ root: new Uint8Array(32), witnesses: cosigners }),
          ]
          return a.slice(0, a.indexOf('\n\n')) + b.slice(b.indexOf('\n\n'))
        }),
    ],
    ['another size than was signed', () => withHead((text) => text.replace('\n9\n', '\n8\n'))],
    [
      'a cosignature over another root, the quorum otherwise met',
      () =>
        withHead((text, { log }) => {
          const other = log.checkpoint({ root: new Uint8Array(32), witnesses: { 'w3.example': NOW } })
          return text + other.slice(other.lastIndexOf('— '))
        }),
    ],
    ['a line missing', () => withHead((text) => text.replace('\n9\n', '\n'))],
    ['a size that is not canonical', () => withHead((text) => text.replace('\n9\n', '\n09\n'))],
    ['CRLF', () => withHead((text) => text.replaceAll('\n', '\r\n'))],
    ['a trailing space', () => withHead((text) => text.replace('\n9\n', '\n9 \n'))],
    ['an extension line that was not signed', () => withHead((text) => text.replace('\n\n', '\nmore\n\n'))],
    [
      'two lines of the log',
      () => withHead((text) => `${text}${text.split('\n').find((line) => line.startsWith(`— ${ORIGIN}`))}\n`),
    ],
    [
      'a log key with the right name and another key',
      () => withHead((_, { log }) => log.checkpoint({ witnesses: cosigners, signedBy: witness(ORIGIN) })),
    ],
  ],
  WITNESS_QUORUM: [
    ['one cosignature short', () => withHead((_, { log }) => log.checkpoint({ witnesses: { 'w1.example': NOW } }))],
    [
      'one witness twice',
      () =>
        withHead((_, { log }) => {
          const text = log.checkpoint({ witnesses: { 'w1.example': NOW } })
          const line = log.checkpoint({ witnesses: { 'w1.example': NOW - 1 } })
          return text + line.slice(line.lastIndexOf('— '))
        }),
    ],
    [
      'an unlisted witness',
      () => withHead((_, { log }) => log.checkpoint({ witnesses: { 'w1.example': NOW, 'mallory.example': NOW } })),
    ],
    ['none', () => withHead((_, { log }) => log.checkpoint())],
  ],
  STALE: [
    ['a consistent but old view', () => twoReleases().run({ now: NOW + 31 * day })],
    [
      'only zero timestamps',
      () => {
        const scene = twoReleases()
        const zero = { 'w1.example': 0, 'w2.example': 0 }
        return scene.run({
          bundle: scene.bundle({ witnesses: zero }),
          net: { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: zero })] } },
        })
      },
    ],
    [
      'one zero timestamp of the two that a quorum takes',
      () => {
        const scene = twoReleases()
        const zero = { 'w1.example': 0, 'w2.example': NOW }
        return scene.run({
          bundle: scene.bundle({ witnesses: zero }),
          net: { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: zero })] } },
        })
      },
    ],
    ['offline past offlineMaxAge', () => twoReleases().run({ ...offline, now: NOW + 91 * day })],
    [
      'offline without offlineMaxAge',
      () => twoReleases({ freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' } }).run(offline),
    ],
    ['past what a person accepts', () => twoReleases().run({ now: NOW + 31 * day, want: { acceptStale: 30 * day } })],
    [
      'a frozen log and a clock that is behind: time, not the clock, is old',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state: { ...state, time: NOW + 29 * day + 200 * 3600 }, now: NOW + 29 * day + 200 * 3600 })
      },
    ],
    [
      'a view smaller than the anchor',
      () => {
        const scene = twoReleases()
        const [bundle, net] = [
          scene.bundle(),
          { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: cosigners })] } },
        ]
        scene.log.pad(3)
        return scene.run({ anchor: scene.anchor(), bundle, net })
      },
    ],
    ['a newer release left out for longer than maxLag', () => withheld(NOW + 9 * day)],
    ['the same, where the offer is what is installed', () => withheld(NOW + 9 * day, true)],
    ['the same, where nothing is offered', () => withheld(NOW + 9 * day, true, true)],
    [
      'the same, though a person accepts stale views',
      () => withheld(NOW + 9 * day, false, false, { acceptStale: 90 * day }),
    ],
  ],
  ROLLBACK_LOG: [
    [
      'the log itself answers with a smaller tree, past maxAge',
      () => {
        const scene = twoReleases()
        const small = scene.log.checkpoint({ witnesses: cosigners })
        const bundle = scene.bundle()
        scene.log.pad(3)
        const { state } = ran(scene.run({ bundle }))
        return scene.run({ state, bundle, now: NOW + 31 * day, net: { heads: { [ORIGIN]: [small] } } })
      },
    ],
  ],
  CLOCK: [
    [
      'the clock behind the newest witnessed time',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state, now: NOW - 3600 - 301 })
      },
    ],
    ['a checkpoint whose quorum time is in the future', () => twoReleases().run({ now: NOW - 3600 - 301 })],
  ],
  HISTORY_INCOMPLETE: [
    [
      'entries that no source has',
      () =>
        twoReleases().run({
          net: {
            override: ({ kind }) => (kind === 'entries' ? { kind: 'failed', reason: 'missing', detail: '404' } : null),
          },
        }),
    ],
    [
      'entries blocked, in the hope of a weaker mode',
      () =>
        twoReleases().run({
          net: {
            override: ({ kind }) =>
              kind === 'entries' ? { kind: 'failed', reason: 'transport', detail: 'reset' } : null,
          },
        }),
    ],
    [
      'the budget of the run spent',
      () =>
        twoReleases().run({
          net: {
            override: (need) =>
              need.kind === 'entries' && need.from > 3 ? { kind: 'failed', reason: 'budget', detail: 'spent' } : null,
            chunk: 4,
          },
        }),
    ],
    [
      'more entries than there are',
      () =>
        twoReleases().run({
          net: {
            override: (need) =>
              need.kind === 'entries'
                ? { kind: 'entries', entries: Array.from({ length: 40 }, () => utf8('x')) }
                : null,
          },
        }),
    ],
    [
      'no entries at all',
      () =>
        twoReleases().run({
          net: { override: (need) => (need.kind === 'entries' ? { kind: 'entries', entries: [] } : null) },
        }),
    ],
  ],
  DOWNGRADE: [
    [
      'an older release with a valid proof',
      () => {
        const scene = twoReleases()
        return scene.run({
          installed: record(scene.last),
          bundle: scene.bundle({ indices: scene.releases[0]?.indices ?? [] }),
        })
      },
    ],
    [
      'below the stored floor, nothing installed',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({
          state: { ...state, floors: new Map([['stable', { sequence: 2, id: scene.last.id }]]) },
          bundle: scene.bundle({ indices: scene.releases[0]?.indices ?? [] }),
        })
      },
    ],
    [
      "below T's head",
      () => {
        const base = twoReleases()
        const scene = twoReleases({ heads: { stable: { sequence: 2, id: base.last.id } } })
        return scene.run({ bundle: scene.bundle({ indices: scene.releases[0]?.indices ?? [] }) })
      },
    ],
    [
      "below the anchor's head",
      () => {
        const scene = twoReleases()
        return scene.run({
          anchor: scene.anchor({ indices: [...(scene.releases[0]?.indices ?? []), ...scene.last.indices] }),
          bundle: scene.bundle({ indices: scene.releases[0]?.indices ?? [] }),
        })
      },
    ],
    [
      'from before the anchor, and no head of it',
      () => {
        const scene = twoReleases()
        const bundle = scene.bundle()
        return scene.run({ anchor: scene.anchor({ heads: new Map() }), bundle })
      },
    ],
    [
      'the floor sequence with another id',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state: { ...state, floors: new Map([['stable', { sequence: 2, id: hex('other') }]]) } })
      },
    ],
    [
      'an id that a flag for another release does not name',
      () => {
        const scene = twoReleases()
        return scene.run({
          installed: record(scene.last),
          want: { downgradeTo: '9.9.9' },
          bundle: scene.bundle({ indices: scene.releases[0]?.indices ?? [] }),
        })
      },
    ],
    [
      'another channel with an older version',
      () => {
        const scene = twoReleases()
        const beta = scene.publish({ channel: 'beta', version: '1.0.5' })
        return scene.run({ installed: record(scene.releases[1] ?? beta), want: { channel: 'beta' } })
      },
    ],
    [
      'another channel with the same version',
      () => {
        const scene = twoReleases()
        const beta = scene.publish({ channel: 'beta', version: '1.2.0' })
        return scene.run({ installed: record(scene.releases[1] ?? beta), want: { channel: 'beta' } })
      },
    ],
    [
      'an older version than an installed one that is not known here',
      () => twoReleases().run({ installed: { kind: 'version', channel: 'stable', version: '3.0.0' } }),
    ],
  ],
  EQUIVOCATION: [
    [
      'two met releases of one sequence',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
        return scene.run()
      },
    ],
    [
      'both in the bundle only, offline',
      () => {
        const scene = twoReleases()
        const [index = 0] = scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
        const view = scene.bundle()
        const rival = scene.log.view({ witnesses: cosigners, indices: [index] })
        return scene.run({ bundle: { trust: [], views: [rival, ...view.views] }, ...offline })
      },
    ],
  ],
  CHAIN_BROKEN: [
    [
      'a previous that is not in the log',
      () => offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {}, { previous: hex('nothing') }),
    ],
    [
      'a sequence that jumps',
      () => offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {}, { sequence: 7 }),
    ],
    [
      'sequence 2^53-1',
      () =>
        offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {}, { sequence: Number.MAX_SAFE_INTEGER }),
    ],
    [
      'no previous past 1',
      () => offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {}, { previous: null }),
    ],
    ['a previous at 1', () => offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {}, { sequence: 1 })],
    [
      'a previous of another channel',
      () => {
        const scene = new Scene()
        const beta = scene.publish({ channel: 'beta' })
        scene.publish()
        scene.publish({ previous: beta.id })
        return scene.run()
      },
    ],
    [
      'a previous below the threshold',
      () => {
        const scene = new Scene({ publishers: two })
        const a = scene.publish({}, { by: ['alice'] })
        scene.publish({ previous: a.id }, { by: ['alice', 'bob'] })
        return scene.run()
      },
    ],
    [
      'offered, another release before it than the one installed',
      () => {
        const scene = twoReleases({ history: { mode: 'offered', expires: '2030-01-01' } })
        const first = scene.releases[0] ?? scene.last
        return scene.run({
          installed: {
            kind: 'record',
            id: hex('another'),
            channel: 'stable',
            sequence: 1,
            version: first.statement.version,
          },
        })
      },
    ],
  ],
  SIGNATURE_INVALID: [
    [
      'a broken DSSE signature',
      () =>
        offering((s) => {
          const leaf = fromUtf8(entryBy('alice', s))
          return [utf8(leaf.replace(/"sig":"(.)(.)/, (_, a, b) => `"sig":"${b}${a}`)), entryBy('rob', rebuild(s))]
        }),
    ],
    ['an unknown key', () => offering((s) => [entryBy('mallory', s), entryBy('rob', rebuild(s))])],
    [
      'a key past its until',
      () =>
        offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {
          publishers: { threshold: 1, members: [member('alice', { until: 6 }), member('bob')] },
        }),
    ],
    [
      'a key before its from',
      () =>
        offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {
          publishers: { threshold: 1, members: [member('alice', { from: 100 }), member('bob')] },
        }),
    ],
    [
      'the threshold not met',
      () => offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], { publishers: two }),
    ],
    [
      'the threshold met only by one operator twice',
      () =>
        offering((s) => [entryBy('alice', s), entryBy('carol', s), entryBy('rob', rebuild(s))], {
          publishers: {
            threshold: 2,
            members: [member('alice'), member('bob'), member('carol', { operator: 'alice' })],
          },
        }),
    ],
    ['a rebuilder in place of a publisher', () => offering((s) => [entryBy('rita', s), entryBy('rob', rebuild(s))])],
    ['the authority in place of a publisher', () => offering((s) => [entryBy('root', s), entryBy('rob', rebuild(s))])],
    [
      'only one of two entries stapled, the other known from history',
      () => {
        const scene = new Scene({ publishers: two })
        scene.publish({}, { by: ['alice', 'bob'] })
        const { indices } = scene.publish({}, { by: ['alice', 'bob'] })
        return scene.run({ bundle: scene.bundle({ indices: indices.slice(1) }) })
      },
    ],
  ],
  STATEMENT_INVALID: [
    [
      'an unknown predicate type',
      () =>
        offering((s) => [
          entryOfPayloadLoose(fromUtf8(formatStatement(s)).replace('release/v1', 'release/v9')),
          entryBy('rob', rebuild(s)),
        ]),
    ],
    [
      'a payload that is not canonical',
      () => offering((s) => [entryOfPayloadLoose(` ${fromUtf8(formatStatement(s))}`)]),
    ],
    [
      'an unknown field',
      () =>
        offering((s) => [
          entryOfPayloadLoose(
            fromUtf8(formatStatement(s)).replace('"version":"1.2.0"}', '"version":"1.2.0","wrong":1}'),
          ),
        ]),
    ],
    [
      'two releases in one offer',
      () =>
        offering((s) => [entryBy('alice', s), entryBy('bob', { ...s, version: '1.9.0' }), entryBy('rob', rebuild(s))]),
    ],
    [
      'junk among the entries of the offer',
      () => {
        const scene = twoReleases()
        return scene.run({ bundle: scene.bundle({ indices: [0, ...scene.last.indices] }) })
      },
    ],
    [
      'a bundle of another media type',
      () => {
        const scene = twoReleases()
        return scene.run({ offers: [replaced(bundleBytes(scene), 'version=1', 'version=2')] })
      },
    ],
    [
      'a bundle that is not canonical',
      () => {
        const scene = twoReleases()
        return scene.run({ offers: [utf8(` ${fromUtf8(bundleBytes(scene))}`)] })
      },
    ],
  ],
  WRONG_PRODUCT: [
    [
      'an entry of another product by the same key',
      () => offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {}, { product: 'example.com/other' }),
    ],
  ],
  WRONG_CHANNEL: [
    [
      'beta for a stable client',
      () => {
        const scene = new Scene()
        scene.publish({ channel: 'beta' })
        return scene.run()
      },
    ],
    [
      'a channel that the trust file does not list',
      () => {
        const scene = new Scene()
        scene.publish({ channel: 'nightly' })
        return scene.run({ want: { channel: 'nightly' } })
      },
    ],
  ],
  WRONG_PLATFORM: [
    ['another platform', () => twoReleases().run({ want: { platform: 'win32-x64' } })],
    ['another artifact', () => twoReleases().run({ want: { artifact: 'notes.zip' } })],
    ['another media type', () => twoReleases().run({ want: { mediaType: 'application/zip' } })],
    [
      'a part in place of an artifact',
      () =>
        offering(
          (s) => [entryBy('alice', s), entryBy('rob', rebuild(s))],
          {},
          {
            artifacts: [
              artifact('1.2.0', 'win32-x64'),
              artifact('1.2.0', 'linux-x64', { partOf: 'notes-1.2.0-win32-x64.tar.gz' }),
            ],
          },
        ),
    ],
  ],
  REBUILD_QUORUM: [
    [
      'one vote short',
      () => rebuilt((s) => [entryBy('rob', rebuild(s))], { threshold: 2, members: [member('rob'), member('rita')] }),
    ],
    ['no votes', () => rebuilt(() => [])],
    [
      'votes that are not logged with the offer',
      () => {
        const scene = twoReleases()
        return scene.run({ bundle: scene.bundle({ indices: scene.last.indices.slice(0, 1) }) })
      },
    ],
    [
      'one operator with several keys',
      () =>
        rebuilt((s) => [entryBy('rob', rebuild(s)), entryBy('rob2', rebuild(s))], {
          threshold: 2,
          members: [member('rob'), member('rob2', { operator: 'rob' }), member('rita')],
        }),
    ],
    [
      'a vote for another product',
      () => rebuilt((s) => [entryBy('rob', rebuild(s, { product: 'example.com/other' }))]),
    ],
    ['a vote for another recipe', () => rebuilt((s) => [entryBy('rob', rebuild(s, { recipeDigest: hex('x') }))])],
    ['a vote for another image', () => rebuilt((s) => [entryBy('rob', rebuild(s, { imageDigest: hex('x') }))])],
    [
      'a vote for another source',
      () =>
        rebuilt((s) => [
          entryBy('rob', rebuild(s, { source: { uri: 'https://x/', gitCommit: 'b'.repeat(40), sha256: hex('x') } })),
        ]),
    ],
    ['a vote for other bytes that names no release', () => rebuilt((s) => [entryBy('rob', voteFor(s, hex('x')))])],
    [
      'a host build',
      () => rebuilt((s) => [entryBy('rob', rebuild(s, { buildType: 'https://samebits.dev/host-build/v1' }))]),
    ],
    [
      "a vote by the publisher's own operator",
      () =>
        rebuilt((s) => [entryBy('robalice', rebuild(s))], {
          threshold: 1,
          members: [member('rob'), member('robalice', { operator: 'alice' })],
        }),
    ],
    ["a vote by the publisher's own key", () => rebuilt((s) => [entryBy('alice', rebuild(s))])],
    [
      'a vote by a rebuilder past its until',
      () =>
        rebuilt((s) => [entryBy('rob', rebuild(s))], {
          threshold: 1,
          members: [member('rob', { until: 5 }), member('rita')],
        }),
    ],
    ['a vote by an unknown key', () => rebuilt((s) => [entryBy('mallory', rebuild(s))])],
    ['a waiver by publishers', () => rebuilt((s) => [entryBy('alice', waiver(idOf(s)))])],
    ['a waiver for another release', () => rebuilt(() => [entryBy('root', waiver(hex('another')))])],
    [
      "a waiver below the authority's threshold",
      () =>
        rebuilt((s) => [entryBy('root', waiver(idOf(s)))], undefined, {
          threshold: 2,
          members: [member('root'), member('root2')],
        }),
    ],
    [
      'a waiver known from history, not stapled',
      () => {
        const scene = new Scene()
        const { id } = scene.publish({}, { rebuiltBy: [] })
        scene.log.add(entryBy('root', waiver(id)))
        return scene.run()
      },
    ],
    [
      'an artifact that nobody can rebuild',
      () => rebuilt((s) => [entryBy('rob', rebuild(s))], undefined, undefined, { builds: [] }),
    ],
    [
      'a part that was not rebuilt',
      () =>
        rebuilt((s) => [entryBy('rob', rebuild(s, { subjects: s.artifacts.slice(0, 1) }))], undefined, undefined, {
          artifacts: [artifact('1.2.0'), artifact('1.2.0', 'any', { partOf: 'notes-1.2.0-linux-x64.tar.gz' })],
        }),
    ],
    [
      'an older positive vote after a negative one, where mismatches are only told',
      () =>
        rebuilt((s) => [entryBy('rob', rebuild(s)), entryBy('rob', against(s))], {
          threshold: 1,
          members: [member('rob'), member('rita')],
          onMismatch: 'report',
        }),
    ],
    [
      'a positive vote stapled, the negative one after it left out',
      () => {
        const scene = twoReleases({
          rebuilders: { threshold: 1, members: [member('rob'), member('rita')], onMismatch: 'report' },
        })
        scene.log.add(entryBy('rob', against(scene.last.statement)))
        return scene.run()
      },
    ],
  ],
  REBUILD_MISMATCH: [
    [
      "a rebuilder's standing negative vote",
      () => rebuilt((s) => [entryBy('rob', rebuild(s)), entryBy('rita', against(s))]),
    ],
    [
      'the same, left out by the feed',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('rita', against(scene.last.statement)))
        return scene.run()
      },
    ],
    [
      'a negative vote after a positive one of the same operator',
      () => rebuilt((s) => [entryBy('rob', rebuild(s)), entryBy('rob', against(s))]),
    ],
    [
      'a negative vote and a waiver',
      () => rebuilt((s) => [entryBy('root', waiver(idOf(s))), entryBy('rob', against(s))]),
    ],
    [
      'a negative vote where no rebuilder is needed',
      () => rebuilt((s) => [entryBy('rob', against(s))], { threshold: 0, members: [member('rob')] }),
    ],
  ],
  REVOKED: [
    [
      'by publishers',
      () => {
        const scene = twoReleases()
        const [at = 0] = scene.log.add(entryBy('alice', revocation(scene.last.id)))
        return scene.run({ bundle: scene.bundle({ indices: [...scene.last.indices, at] }) })
      },
    ],
    [
      'by the authority',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('root', revocation(scene.last.id)))
        return scene.run()
      },
    ],
    [
      'left out by the feed',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('alice', revocation(hex('x'), scene.last.id)))
        return scene.run()
      },
    ],
    [
      "a co-publisher's later entry stapled alone",
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('alice', revocation(scene.last.id)))
        const [later = 0] = scene.log.add(entryBy('bob', scene.last.statement))
        return scene.run({ bundle: scene.bundle({ indices: [later, ...scene.last.indices.slice(1)] }) })
      },
    ],
    [
      'offline, a revocation stapled that lies before the release',
      () => {
        const scene = new Scene()
        scene.publish()
        const id = twoReleases().last.id
        const [at = 0] = scene.log.add(entryBy('alice', revocation(id)))
        const { indices } = scene.publish()
        return scene.run({ bundle: scene.bundle({ indices: [at, ...indices] }), ...offline })
      },
    ],
    [
      'though the person asks for it by --downgrade-to',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('root', revocation(scene.last.id)))
        return scene.run({ want: { downgradeTo: scene.last.id } })
      },
    ],
  ],
  TRUST_INVALID: [
    ['no trust file at all', () => twoReleases().run({ trust: null })],
    ['a trust file that does not parse', () => twoReleases().run({ trust: utf8('{}') })],
    [
      'threshold 0',
      () => {
        const scene = twoReleases()
        return scene.run({ trust: trustFile({ log: scene.log, publishers: { threshold: 0, members: [] } }) })
      },
    ],
    [
      'two shipped files of one version',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state, trust: utf8(`${fromUtf8(scene.trust)} `) })
      },
    ],
    [
      'a trust file of another product',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state, trust: trustFile({ log: scene.log, product: 'example.com/other', version: 9 }) })
      },
    ],
    ['past expires', () => twoReleases({ history: { mode: 'offered', expires: '2026-11-18' } }).run()],
    [
      'an anchor of another product',
      () => {
        const scene = twoReleases()
        return scene.run({ anchor: scene.anchor({ product: 'example.com/other' }) })
      },
    ],
    [
      'an anchor that the log did not sign',
      () => {
        const scene = twoReleases()
        return scene.run({
          anchor: scene.anchor({
            checkpoint: scene.log.checkpoint({ signedBy: logSigner(nodeCrypto, ORIGIN, keyOf('mallory')) }),
          }),
        })
      },
    ],
    [
      'an anchor whose entries are not in its tree',
      () => {
        const scene = twoReleases()
        return scene.run({ anchor: scene.anchor({ entries: scene.log.view({ size: 8, indices: [6] }).entries }) })
      },
    ],
    ['an anchor that does not parse', () => twoReleases().run({ anchor: utf8('{}') })],
  ],
  SIZE_EXCEEDED: [
    ['a bundle past its cap', () => twoReleases().run({ offers: [new Uint8Array(4 * 1024 * 1024 + 1)] })],
    [
      'more than 64 signature lines in a bundle',
      () => {
        const scene = twoReleases()
        const line =
          scene.log
            .checkpoint({ witnesses: { 'x.example': 1 } })
            .split('\n')
            .at(-2) ?? ''
        const bytes = fromUtf8(bundleBytes(scene))
        const at = bytes.indexOf('\\n","consistency"')
        return scene.run({ offers: [utf8(`${bytes.slice(0, at)}${`\\n${line}`.repeat(64)}${bytes.slice(at)}`)] })
      },
    ],
  ],
  TRANSPORT: [
    ['no source answers, and there is no bundle', () => twoReleases().run({ bundle: null, net: { heads: {} } })],
    [
      'an empty feed, in offered mode',
      () => {
        const scene = twoReleases({ history: { mode: 'offered', expires: '2030-01-01' } })
        return scene.run({ bundle: null })
      },
    ],
    [
      'an empty feed, where a newer release is known',
      () => {
        const scene = twoReleases()
        return scene.run({ bundle: null, installed: record(scene.releases[0] ?? scene.last) })
      },
    ],
    ['an empty feed at first contact, where a release is known', () => twoReleases().run({ bundle: null })],
    [
      'a captive portal in place of the log',
      () => twoReleases().run({ bundle: null, net: { heads: { [ORIGIN]: ['<html>'] } } }),
    ],
    [
      'no consistency proof, since every source failed',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        scene.publish()
        return scene.run({
          state,
          net: {
            override: ({ kind }) =>
              kind === 'consistency' ? { kind: 'failed', reason: 'transport', detail: 'timeout' } : null,
          },
        })
      },
    ],
    ['offline without a bundle', () => twoReleases().run({ bundle: null, ...offline })],
  ],
  PATH_REFUSED: [
    [
      'an artifact name that is a path',
      () =>
        offering((s) => [
          entryOfPayloadLoose(fromUtf8(formatStatement(s)).replaceAll('notes-1.2.0-linux-x64.tar.gz', '..')),
        ]),
    ],
  ],
}

function ran(result: RunResult) {
  if (result.run === null) throw new Error(result.refusal.detail)
  return result
}

function record({ id, statement: { channel, sequence, version } }: Scene['last']) {
  return { kind: 'record' as const, id, channel, sequence, version }
}

/** A feed that goes on offering the release before the newest. */
function withheld(now: number, isInstalled = false, isEmpty = false, want = {}): RunResult {
  const scene = twoReleases()
  const old = scene.bundle()
  scene.publish()
  const first = ran(scene.run({ bundle: old }))
  const witnesses = { 'w1.example': now - 60, 'w2.example': now - 60 }
  const net = { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses })] } }
  const installed = isInstalled ? record(scene.releases[1] ?? scene.last) : null
  return scene.run({ state: first.state, bundle: isEmpty ? null : old, now, net, installed, want })
}

/** Release 2, signed by alice and bob, with other entries in place of votes. */
function rebuilt(
  votes: (statement: ReturnType<typeof release>) => readonly Uint8Array[],
  rebuilders?: object,
  authority?: object,
  over = {},
): RunResult {
  const options = {
    ...(rebuilders === undefined ? {} : { rebuilders }),
    ...(authority === undefined ? {} : { authority }),
  }
  return offering((s) => [entryBy('bob', s), ...votes(s)], options as ConstructorParameters<typeof Scene>[0], over)
}

function against(statement: ReturnType<typeof release>) {
  return rebuild(statement, { subjects: statement.artifacts.map(({ name }) => ({ name, sha256: hex('other bytes') })) })
}

function voteFor(statement: ReturnType<typeof release>, sha256: string) {
  const { release: _, ...vote } = rebuild(statement, {
    subjects: statement.artifacts.map(({ name }) => ({ name, sha256 })),
  })
  return vote
}

/** An entry around a payload that the formatter would refuse, signed all the same. */
function entryOfPayloadLoose(payload: string): Uint8Array {
  return looseEntry('alice', utf8(payload))
}

for (const [code, rows] of Object.entries(cases)) {
  describe(code, () => {
    it.each(rows ?? [])('%s', (_, run) => {
      const { refusal } = run()
      expect(refusal?.code, refusal?.detail).toBe(code)
      expect(refusal?.remedy).not.toBe('')
      expect(refusalExit(refusal ?? expect.fail('accepted'))).toBe(
        ['CLOCK', 'HISTORY_INCOMPLETE', 'TRANSPORT'].includes(code) ? 20 : 10,
      )
    })
  })
}

describe('usage', () => {
  it.each<[string, () => RunResult]>([
    [
      'several artifacts fit',
      () =>
        offering(
          (s) => [entryBy('alice', s)],
          {},
          {
            artifacts: [
              artifact('1.2.0'),
              artifact('1.2.0', 'linux-x64', { name: 'notes.deb', mediaType: 'application/x-deb' }),
            ],
          },
        ),
    ],
    ['a platform that is none', () => twoReleases().run({ want: { platform: 'any' } })],
    ['a channel that is none', () => twoReleases().run({ want: { channel: '../x' } })],
    ['an artifact name that is none', () => twoReleases().run({ want: { artifact: '../x' } })],
    ['a media type that is none', () => twoReleases().run({ want: { mediaType: 'x' } })],
    ['a downgrade to nothing', () => twoReleases().run({ want: { downgradeTo: 'v1' } })],
    ['a limit that is none', () => twoReleases().run({ want: { acceptStale: -1 } })],
    [
      'an installed version that is none',
      () => twoReleases().run({ installed: { kind: 'version', channel: 'stable', version: 'v1' } }),
    ],
    ['an installed digest that is none', () => twoReleases().run({ installed: { kind: 'sha256', sha256: 'x' } })],
    ['apply with nothing staged', () => twoReleases().run({ want: { action: 'apply' } })],
  ])('%s', (_, run) => {
    const { refusal } = run()
    expect(refusal).toMatchObject({ kind: 'usage', code: null })
    expect(refusalExit(refusal ?? expect.fail('accepted'))).toBe(64)
  })
})
