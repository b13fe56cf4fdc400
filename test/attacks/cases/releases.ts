/** DOWNGRADE, EQUIVOCATION, CHAIN_BROKEN, SIGNATURE_INVALID, STATEMENT_INVALID and WRONG_*: what a release says of itself. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '@samebits/core'
import { entryBy } from '../../support/world.ts'
import { cosigners, type Logged, type Scene } from '../../support/world-scene.ts'
import {
  artifact,
  artifactBytes,
  hex,
  idOf,
  member,
  rebuild,
  release,
  revocation,
  trustFile,
} from '../../support/world-statements.ts'
import { ends, type Group, not, refusing } from '../case.ts'
import { runLibrary } from '../programs.ts'
import { notes, type Stage } from '../stage.ts'
import { altered, firstIndices, offerLeaves, type Release } from '../tools.ts'

const two = { threshold: 2, members: [member('alice'), member('bob')] }
const both = { by: ['alice', 'bob'] }

/** Two releases are installed one after the other. */
async function upToDate(stage: Stage): Promise<Scene> {
  const scene = await stage.usual()
  await stage.update()
  return scene
}

/** The first release, by its own bundle. */
function offerOld(stage: Stage): void {
  stage.offer = stage.bundle({ indices: firstIndices(stage.scene) })
}

/** The second release is out; the install record says that the ninth is installed. */
async function overstated(stage: Stage): Promise<void> {
  await stage.usual()
  const path = join(stage.home, 'app', 'installed.json')
  const record = JSON.parse(await readFile(path, 'utf8')) as object
  await writeFile(path, canonicalJson({ ...record, id: hex('later'), sequence: 9, version: '1.9.0' }))
}

const downgrade = refusing('DOWNGRADE', [
  ...(
    [
      ['only its version', { channel: 'stable', version: '1.2.0' }],
      ['only its digest', { sha256: artifact('1.2.0').sha256 }],
    ] as const
  ).map(([what, installed]) =>
    ends(
      'DOWNGRADE',
      `an older release for an application that knows ${what} and installs by itself`,
      (stage) => {
        const scene = stage.begin()
        const first = scene.publish()
        scene.publish()
        stage.offer = stage.bundle({ indices: first.indices })
      },
      {
        only: 'library',
        acts: (stage, home) => runLibrary(stage, home, { installDir: null, stateDir: join(home, 'own'), installed }),
      },
    ),
  ),
  [
    'an older release with a valid proof',
    async (stage) => {
      await upToDate(stage)
      offerOld(stage)
    },
  ],
  [
    'the same, offline',
    async (stage) => {
      await upToDate(stage)
      offerOld(stage)
      stage.goOffline()
    },
  ],
  [
    "at first contact, below the trust file's head",
    (stage) => {
      const log = stage.newLog()
      const first = release(1, null, { artifacts: [notes('1.1.0')] })
      const id = idOf(release(2, idOf(first), { artifacts: [notes('1.2.0')] }))
      const scene = stage.begin({ log, heads: { stable: { sequence: 2, id } } })
      scene.publish()
      scene.publish()
      offerOld(stage)
    },
  ],
  [
    "at first contact, below the anchor's head",
    (stage) => {
      const scene = stage.begin()
      scene.publish()
      scene.publish()
      stage.anchor = scene.anchor({ indices: [...firstIndices(scene), ...scene.last.indices] })
      offerOld(stage)
    },
  ],
  [
    'a release from before the anchor that is no head of it',
    (stage) => {
      const scene = stage.begin()
      scene.publish()
      stage.anchor = scene.anchor({ heads: new Map() })
    },
  ],
  [
    'the floor sequence with another id',
    async (stage) => {
      const scene = await stage.installed()
      const rival = { ...scene.last.statement, notes: 'another' }
      const indices = scene.log.add(entryBy('bob', rival), entryBy('rob', rebuild(rival)))
      stage.offer = stage.bundle({ indices })
    },
    { result: 'EQUIVOCATION', evidence: 'equivocation' },
  ],
  ends('STATEMENT_INVALID', 'a manifest that says newer than what is signed', async (stage) => {
    await upToDate(stage)
    offerOld(stage)
    stage.offer = altered(stage.offered() ?? new Uint8Array(), (text) =>
      text.replace('{"mediaType"', '{"latest":"9.0.0","mediaType"'),
    )
  }),
  ends('STATEMENT_INVALID', 'a downgrade flag that comes from the feed', async (stage) => {
    await upToDate(stage)
    offerOld(stage)
    stage.offer = altered(stage.offered() ?? new Uint8Array(), (text) =>
      text.replace('{"mediaType"', '{"downgrade":true,"mediaType"'),
    )
  }),
  [
    'a channel switch used to step back',
    async (stage) => {
      const scene = await upToDate(stage)
      scene.publish({ channel: 'beta', version: '1.0.5' })
      stage.ask = { ...stage.ask, channel: 'beta' }
    },
  ],
  [
    'a channel switch to the same version',
    async (stage) => {
      const scene = await upToDate(stage)
      scene.publish({ channel: 'beta', version: '1.2.0' })
      stage.ask = { ...stage.ask, channel: 'beta' }
    },
  ],
  [
    'the `replacement` of a revocation used as a downgrade: it is text for people',
    async (stage) => {
      const scene = await upToDate(stage)
      const replacement = scene.releases[0]?.id ?? ''
      scene.log.add(entryBy('root', { ...revocation(scene.last.id), replacement }))
      offerOld(stage)
    },
  ],
  [
    'a downgrade that names another release',
    async (stage) => {
      await upToDate(stage)
      offerOld(stage)
      stage.ask = { ...stage.ask, downgradeTo: '9.9.9' }
    },
  ],
  [
    'a repair used as a step back',
    async (stage) => {
      await upToDate(stage)
      offerOld(stage)
      stage.ask = { ...stage.ask, repair: true }
    },
  ],
  not('a repair of files that a restored disk image put back', async (stage) => {
    await upToDate(stage)
    await writeFile(join(stage.home, 'app', 'notes'), artifactBytes('1.1.0'))
    stage.ask = { ...stage.ask, repair: true }
  }),
  ['an install record that overstates, as from a restored disk image', overstated],
  not('the same, repaired', async (stage) => {
    await overstated(stage)
    stage.ask = { ...stage.ask, repair: true }
  }),
  not('a step back that the person names', async (stage) => {
    await upToDate(stage)
    offerOld(stage)
    stage.ask = { ...stage.ask, downgradeTo: '1.1.0' }
    stage.expected = '1.1.0'
  }),
  not('a channel switch to a newer version', async (stage) => {
    const scene = await upToDate(stage)
    scene.publish({ channel: 'beta', version: '2.0.0' })
    stage.ask = { ...stage.ask, channel: 'beta' }
  }),
])

const equivocation = refusing('EQUIVOCATION', [
  [
    'two met releases of one sequence, though the feed shows one',
    async (stage) => {
      const scene = await stage.usual()
      scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
    },
    { evidence: 'equivocation' },
  ],
  [
    'both in the bundle, offline',
    async (stage) => {
      const scene = await stage.usual()
      const [index = 0] = scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
      const { views } = stage.bundle()
      stage.offer = {
        trust: [],
        views: [scene.log.view({ witnesses: cosigners, indices: [index], from: [6] }), ...views],
      }
      stage.goOffline()
    },
    { evidence: 'equivocation' },
  ],
  not('a rival below the threshold', async (stage) => {
    const scene = await stage.installed({ publishers: two }, both)
    scene.publish({}, both)
    scene.log.add(entryBy('alice', { ...scene.last.statement, notes: 'a rival' }))
  }),
  not("two publishers' entries of one id", async (stage) => {
    const scene = await stage.installed()
    scene.publish({}, both)
  }),
  not('one statement signed again', async (stage) => {
    const scene = await stage.installed()
    scene.publish({}, { by: ['alice', 'alice'] })
  }),
  not('one statement re-wrapped by a stranger', async (stage) => {
    const scene = await stage.usual()
    scene.log.add(entryBy('mallory', scene.last.statement))
  }),
  not('the release after two that equivocate', async (stage) => {
    const scene = await stage.usual()
    scene.log.add(entryBy('alice', { ...scene.last.statement, notes: 'another' }))
    scene.publish()
  }),
])

const signed = (s: Release) => [entryBy('alice', s), entryBy('rob', rebuild(s))]

/** A second release that says otherwise, signed and rebuilt as ever. */
function saying(over: Partial<Release>): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await stage.installed()
    offerLeaves(stage, signed, over)
  }
}

const chain = refusing('CHAIN_BROKEN', [
  ['a `previous` that is not in the log', saying({ previous: hex('nothing') })],
  [
    'a `previous` of another product',
    async (stage) => {
      const scene = await stage.installed()
      const other = release(1, null, { product: 'example.com/other', artifacts: [notes('1.1.0')] })
      scene.log.add(entryBy('alice', other))
      scene.publish({ previous: idOf(other) })
    },
  ],
  [
    'a `previous` of another channel',
    async (stage) => {
      const scene = await stage.installed()
      const beta = scene.publish({ channel: 'beta' })
      scene.publish({ previous: beta.id })
    },
  ],
  [
    'a `previous` that skips one',
    async (stage) => {
      const scene = await stage.usual()
      scene.publish({ previous: scene.releases[0]?.id ?? null })
    },
  ],
  [
    'a `previous` below the threshold',
    async (stage) => {
      const scene = await stage.installed({ publishers: two }, both)
      const open = scene.publish({}, { by: ['alice'] })
      scene.publish({ previous: open.id }, both)
    },
  ],
  ['a sequence that jumps', saying({ sequence: 7 })],
  ['sequence 2^53-1', saying({ sequence: Number.MAX_SAFE_INTEGER })],
  ['`previous` null past 1', saying({ previous: null })],
  ['a `previous` at 1', saying({ sequence: 1, version: '1.9.0' })],
  not('sequence 2^53-1 by a stolen key, survived through `heads`', async (stage) => {
    const scene = await stage.usual()
    const bogus = release(Number.MAX_SAFE_INTEGER, scene.last.id, { version: '99.0.0', artifacts: [notes('99.0.0')] })
    const [at = 0] = scene.log.add(entryBy('bob', bogus))
    const publishers = { threshold: 1, members: [member('alice'), member('bob', { until: at })] }
    stage.trust = trustFile({
      log: scene.log,
      version: 2,
      publishers,
      heads: { stable: { sequence: 2, id: scene.last.id } },
    })
    scene.publish()
  }),
  not(
    'sequence 2^53-1 installed, for which an authority fell: its next file names the head, and the next release',
    async (stage) => {
      const { scene, good } = await pastTheEnd(stage)
      scene.publish({ sequence: 3, version: '1.3.0', previous: good.id, artifacts: [notes('1.3.0')] })
    },
  ),
  not('sequence 2^53-1 installed, and nothing newer than the head yet: the head is installed again', async (stage) => {
    const { good } = await pastTheEnd(stage)
    stage.offer = stage.bundle({ indices: good.indices })
    stage.expected = '1.2.0'
  }),
])

/** A stolen key's release with the highest sequence is installed, and named as head by an authority that fell for it; then it names the one before. */
async function pastTheEnd(stage: Stage): Promise<{ readonly scene: Scene; readonly good: Logged }> {
  const publishers = { threshold: 1, members: [member('alice'), member('bob')] }
  const scene = await stage.usual({ publishers })
  await stage.update()
  const good = scene.last
  const sequence = Number.MAX_SAFE_INTEGER
  const bogus = scene.publish(
    { sequence, version: '99.0.0', previous: good.id, artifacts: [notes('99.0.0')] },
    { by: ['bob'] },
  )
  const heads = { stable: { sequence, id: bogus.id } }
  stage.trust = trustFile({ log: scene.log, version: 2, publishers, heads })
  await stage.update()
  const until = bogus.indices[0] ?? 0
  stage.trust = trustFile({
    log: scene.log,
    version: 3,
    publishers: { threshold: 1, members: [member('alice'), member('bob', { until })] },
    heads: { stable: { sequence: 2, id: good.id } },
  })
  return { scene, good }
}

export const releases: readonly Group[] = [downgrade, equivocation, chain]
