/** Releases that must be refused (docs/attacks.md). */
import { offering, offline, record, refusals, two } from '../../../test/support/refusals.ts'
import { entryBy } from '../../../test/support/world.ts'
import { ran } from '../../../test/support/world-client.ts'
import { cosigners, Scene, twoReleases } from '../../../test/support/world-scene.ts'
import { hex, member, rebuild } from '../../../test/support/world-statements.ts'
import { fromUtf8, utf8 } from '../bytes.ts'

refusals({
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
})
