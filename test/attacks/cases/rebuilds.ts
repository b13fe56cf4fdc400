/** REBUILD_QUORUM, REBUILD_MISMATCH and REVOKED: what others say of a release. */
import { entryBy } from '../../support/world.ts'
import type { Scene } from '../../support/world-scene.ts'
import {
  artifact,
  artifactBytes,
  hex,
  idOf,
  member,
  rebuild,
  revocation,
  type TrustOptions,
  waiver,
} from '../../support/world-statements.ts'
import { ends, type Group, not, refusing } from '../case.ts'
import { notes, type Stage } from '../stage.ts'
import { against, altered, offerVotes, type Release } from '../tools.ts'

type Votes = (statement: Release) => readonly Uint8Array[]

/** Release 2 by bob, with these votes and no others; the first release is installed under the same trust file. */
function voted(
  votes: Votes,
  options: Partial<TrustOptions> = {},
  over: Partial<Release> = {},
): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await stage.installed(options, { by: ['alice'], rebuiltBy: ['rob', 'rita'] })
    offerVotes(stage, votes, over)
  }
}

const pair = { threshold: 1, members: [member('rob'), member('rita')] }
const asked = (threshold: number, ...members: object[]) => ({ rebuilders: { threshold, members } })
const telling = { rebuilders: { ...pair, onMismatch: 'report' } }

function voteFor(statement: Release, sha256: string) {
  const { release: _, ...vote } = rebuild(statement, {
    subjects: statement.artifacts.map(({ name }) => ({ name, sha256 })),
  })
  return vote
}

const part = notes('1.2.0', { name: 'notes.pak', platform: 'any', partOf: 'notes' })

const quorum = refusing('REBUILD_QUORUM', [
  ['one vote short', voted((s) => [entryBy('rob', rebuild(s))], asked(2, member('rob'), member('rita')))],
  ['no votes', voted(() => [])],
  ['votes whose digest differs, and that name no release', voted((s) => [entryBy('rob', voteFor(s, hex('other')))])],
  [
    'votes matched by name and version only: of the same release with other bytes',
    voted((s) => [entryBy('rob', rebuild({ ...s, artifacts: [notes('1.2.0', { sha256: hex('other') })] }))]),
  ],
  [
    'unlogged votes',
    async (stage) => {
      const scene = await stage.usual()
      stage.offer = stage.bundle({ indices: scene.last.indices.slice(0, 1) })
    },
  ],
  [
    'one operator with several keys',
    voted(
      (s) => [entryBy('rob', rebuild(s)), entryBy('rob2', rebuild(s))],
      asked(2, member('rob'), member('rob2', { operator: 'rob' }), member('rita')),
    ),
  ],
  ['a vote for another product', voted((s) => [entryBy('rob', rebuild(s, { product: 'example.com/other' }))])],
  ['a vote for another recipe', voted((s) => [entryBy('rob', rebuild(s, { recipeDigest: hex('x') }))])],
  ['a vote for another image', voted((s) => [entryBy('rob', rebuild(s, { imageDigest: hex('x') }))])],
  [
    'a vote for another source',
    voted((s) => [
      entryBy('rob', rebuild(s, { source: { uri: 'https://x/', gitCommit: 'b'.repeat(40), sha256: hex('x') } })),
    ]),
  ],
  ["a vote by the publisher's own key", voted((s) => [entryBy('alice', rebuild(s))])],
  [
    "a vote by the publisher's own operator",
    voted((s) => [entryBy('robalice', rebuild(s))], asked(1, member('rob'), member('robalice', { operator: 'alice' }))),
  ],
  [
    'a host-engine build',
    voted((s) => [entryBy('rob', rebuild(s, { buildType: 'https://samebits.dev/host-build/v1' }))]),
  ],
  [
    'a vote that nobody signed',
    voted((s) => [
      altered(entryBy('rob', rebuild(s)), (text) => text.replace(/"sig":"[^"]*"/, `"sig":"${'A'.repeat(86)}=="`)),
    ]),
  ],
  ['a vote by an unknown key', voted((s) => [entryBy('mallory', rebuild(s))])],
  [
    'a vote by a rebuilder past its `until`',
    voted((s) => [entryBy('rita', rebuild(s))], asked(1, member('rob'), member('rita', { until: 6 }))),
  ],
  [
    'an older positive vote after the same operator’s negative one, where mismatches are only told',
    voted((s) => [entryBy('rob', rebuild(s)), entryBy('rob', against(s))], telling),
  ],
  [
    'the same, the negative one left out by the feed',
    async (stage) => {
      const scene = await stage.usual(telling)
      scene.log.add(entryBy('rob', against(scene.last.statement)))
    },
  ],
  ['a waiver by publishers', voted((s) => [entryBy('alice', waiver(idOf(s)))])],
  ['a waiver for another release', voted(() => [entryBy('root', waiver(hex('another')))])],
  [
    "a waiver below the authority's threshold",
    voted((s) => [entryBy('root', waiver(idOf(s)))], {
      authority: { threshold: 2, members: [member('root'), member('root2')] },
    }),
  ],
  ['an artifact that nobody can rebuild', voted((s) => [entryBy('rob', rebuild(s))], {}, { builds: [] })],
  [
    'a part that was not rebuilt',
    voted(
      (s) => [
        entryBy('rob', rebuild(s, { subjects: s.artifacts.slice(0, 1).map(({ name, sha256 }) => ({ name, sha256 })) })),
      ],
      {},
      { artifacts: [notes('1.2.0'), { ...part, ...bytesOfPart() }] },
    ),
  ],
  not('a waiver by the authority', async (stage) => {
    const scene = await stage.installed()
    const { id, indices } = scene.publish({}, { rebuiltBy: [] })
    const [at = 0] = scene.log.add(entryBy('root', waiver(id)))
    stage.offer = stage.bundle({ indices: [...indices, at] })
  }),
  not('the same bytes promoted to another channel, by the votes for the first', async (stage) => {
    const scene = await stage.installed()
    const beta = scene.publish({ channel: 'beta', version: '2.0.0' })
    const promoted = scene.publish({ version: '2.0.0', artifacts: beta.statement.artifacts }, { rebuiltBy: [] })
    stage.offer = stage.bundle({ indices: [beta.indices[1] ?? 0, ...promoted.indices] })
  }),
  not('a part that was rebuilt too', async (stage) => {
    const scene = await stage.installed()
    scene.publish({ artifacts: [notes('1.2.0'), { ...part, ...bytesOfPart() }] })
  }),
])

/** What the feed serves for a part of platform `any`. */
function bytesOfPart() {
  const { size, sha256 } = artifact('1.2.0', 'any')
  if (size !== artifactBytes('1.2.0', 'any').length) throw new Error('other bytes')
  return { size, sha256 }
}

/** What a rebuilder found is worth showing to others. */
const told = { evidence: 'mismatch' } as const

const mismatch = refusing('REBUILD_MISMATCH', [
  [
    "a trusted rebuilder's standing negative vote",
    voted((s) => [entryBy('rob', rebuild(s)), entryBy('rita', against(s))]),
    told,
  ],
  [
    'the same, left out by the feed',
    async (stage) => {
      const scene = await stage.usual()
      scene.log.add(entryBy('rita', against(scene.last.statement)))
    },
    told,
  ],
  [
    'a negative vote after a positive one of the same operator',
    voted((s) => [entryBy('rob', rebuild(s)), entryBy('rob', against(s))]),
    told,
  ],
  ['a negative vote and a waiver', voted((s) => [entryBy('root', waiver(idOf(s))), entryBy('rob', against(s))]), told],
  [
    'a negative vote where no rebuilder is needed',
    voted((s) => [entryBy('rob', against(s))], asked(0, member('rob'), member('rita'))),
    told,
  ],
  not('one it later took back', async (stage) => {
    const scene = await stage.usual()
    const { statement, indices } = scene.last
    const more = scene.log.add(entryBy('rita', against(statement)), entryBy('rita', rebuild(statement)))
    stage.offer = stage.bundle({ indices: [...indices, ...more] })
  }),
  not('a negative vote, where the trust file only tells', async (stage) => {
    const scene = await stage.usual(telling)
    scene.log.add(entryBy('rita', against(scene.last.statement)))
  }),
  not('a negative vote by a stranger', async (stage) => {
    const scene = await stage.usual()
    scene.log.add(entryBy('mallory', against(scene.last.statement)))
  }),
])

/** The offered release is named by a revocation in the log, which the feed leaves out. */
function revokedBy(...by: readonly string[]): (stage: Stage) => Promise<void> {
  return async (stage) => {
    const scene = await stage.usual()
    for (const name of by) scene.log.add(entryBy(name, revocation(scene.last.id)))
  }
}

/** The release that is installed, revoked. */
async function installedRevoked(stage: Stage): Promise<Scene> {
  const scene = await stage.installed()
  scene.log.add(entryBy('root', revocation(scene.last.id)))
  return scene
}

const two = { threshold: 2, members: [member('alice'), member('bob')] }

const revoked = refusing('REVOKED', [
  [
    'by publishers, in the bundle',
    async (stage) => {
      const scene = await stage.usual()
      const [at = 0] = scene.log.add(entryBy('alice', revocation(scene.last.id)))
      stage.offer = stage.bundle({ indices: [...scene.last.indices, at] })
    },
  ],
  [
    'the same, offline',
    async (stage) => {
      const scene = await stage.usual()
      const [at = 0] = scene.log.add(entryBy('alice', revocation(scene.last.id)))
      stage.offer = stage.bundle({ indices: [...scene.last.indices, at] })
      stage.goOffline()
    },
  ],
  ['by publishers, left out by the feed', revokedBy('alice')],
  ['by the authority, left out by the feed', revokedBy('root')],
  [
    "a co-publisher's later entry stapled alone",
    async (stage) => {
      const scene = await stage.usual()
      scene.log.add(entryBy('alice', revocation(scene.last.id)))
      const [later = 0] = scene.log.add(entryBy('bob', scene.last.statement))
      stage.offer = stage.bundle({ indices: [later, ...scene.last.indices.slice(1)] })
    },
  ],
  [
    'though the person asks for it by --downgrade-to',
    async (stage) => {
      await revokedBy('root')(stage)
      stage.ask = { ...stage.ask, downgradeTo: stage.scene.last.id }
    },
  ],
  ends('flawed', 'the installed release is revoked: said, with exit 12', async (stage) => {
    await installedRevoked(stage)
    stage.offer = null
  }),
  ends('flawed', 'the installed release is revoked, and offered still', async (stage) => {
    await installedRevoked(stage)
  }),
  not('the installed release is revoked, and a newer one is offered', async (stage) => {
    const scene = await installedRevoked(stage)
    scene.publish()
  }),
  not('a revocation below the threshold', async (stage) => {
    const scene = await stage.installed({ publishers: two }, { by: ['alice', 'bob'] })
    scene.publish({}, { by: ['alice', 'bob'] })
    scene.log.add(entryBy('alice', revocation(scene.last.id)))
  }),
  not('a revocation by a stranger', async (stage) => {
    const scene = await stage.usual()
    scene.log.add(entryBy('mallory', revocation(scene.last.id)))
  }),
  not('a revocation logged before the release that it names', async (stage) => {
    const scene = await stage.installed()
    const ahead = scene.publish()
    scene.log.leaves.length = 6
    scene.releases.pop()
    scene.log.add(entryBy('alice', revocation(ahead.id)))
    if (scene.publish().id !== ahead.id) throw new Error('another id')
  }),
])

export const rebuilds: readonly Group[] = [quorum, mismatch, revoked]
