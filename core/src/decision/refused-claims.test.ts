/** What rebuilders and revocations forbid (docs/attacks.md). */
import { against, offline, rebuilt, refusals, voteFor } from '../../../test/support/refusals.ts'
import { entryBy } from '../../../test/support/world.ts'
import { Scene, twoReleases } from '../../../test/support/world-scene.ts'
import { artifact, hex, idOf, member, rebuild, revocation, waiver } from '../../../test/support/world-statements.ts'

refusals({
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
})
