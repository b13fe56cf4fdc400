/** Whether a release passes its own trust file, as a log's feed and a publisher ask. */
import { describe, expect, it } from 'vitest'
import { entryBy } from '../../../test/support/world.ts'
import { Scene, twoReleases } from '../../../test/support/world-scene.ts'
import { artifact, hex, idOf, rebuild, revocation, waiver } from '../../../test/support/world-statements.ts'
import { nodeCrypto } from '../node.ts'
import { parseTrust } from '../release/trust.ts'
import { type PassQuestion, passes } from './passes.ts'

function ask(scene: Scene, over: Partial<PassQuestion> = {}): string | null {
  const leaves = scene.log.leaves.map((leaf, index) => ({ index, leaf }))
  const question = {
    crypto: nodeCrypto,
    trust: parseTrust(nodeCrypto, scene.trust),
    leaves,
    historyTo: leaves.length,
    id: scene.last.id,
    platforms: null,
    ...over,
  }
  return passes(question)?.code ?? null
}

describe('a release passes', () => {
  const two = () => [artifact('1.1.0'), artifact('1.1.0', 'win32-x64')]
  const rows: [string, string | null, () => string | null][] = [
    ['met and rebuilt', null, () => ask(twoReleases())],
    [
      'an older one',
      null,
      () => {
        const scene = twoReleases()
        return ask(scene, { id: scene.releases[0]?.id ?? '' })
      },
    ],
    [
      'the head that the trust file names, though the one before it is in no log any more',
      null,
      () => {
        const scene = twoReleases()
        const { id, statement } = scene.last
        const file = JSON.parse(new TextDecoder().decode(scene.trust))
        const heads = { stable: { sequence: statement.sequence, id } }
        const trust = parseTrust(nodeCrypto, new TextEncoder().encode(JSON.stringify({ ...file, heads })))
        const first = new Set(scene.releases[0]?.indices)
        const left = scene.log.leaves.map((leaf, index) => ({ index, leaf })).filter(({ index }) => !first.has(index))
        return `${ask(scene, { leaves: left, trust })} ${ask(scene, { leaves: left })}` === 'null CHAIN_BROKEN'
          ? null
          : 'no'
      },
    ],
    [
      'waived',
      null,
      () => {
        const scene = new Scene()
        scene.log.add(entryBy('root', waiver(scene.publish({}, { rebuiltBy: [] }).id)))
        return ask(scene)
      },
    ],
    [
      'every artifact',
      null,
      () => {
        const scene = new Scene()
        scene.publish({ artifacts: two() })
        return ask(scene)
      },
    ],
    [
      'one platform of two, the other not rebuilt',
      null,
      () => {
        const scene = new Scene()
        const { statement } = scene.publish({ artifacts: two() }, { rebuiltBy: [] })
        scene.log.add(entryBy('rob', rebuild(statement, { subjects: statement.artifacts.slice(0, 1) })))
        return ask(scene, { platforms: ['linux-x64'] })
      },
    ],
    [
      'a revocation before it',
      null,
      () => {
        const scene = new Scene()
        scene.publish()
        scene.log.add(entryBy('alice', revocation(twoReleases().last.id)))
        scene.publish()
        return ask(scene)
      },
    ],
    [
      'not: all platforms, one not rebuilt',
      'REBUILD_QUORUM',
      () => {
        const scene = new Scene()
        const { statement } = scene.publish({ artifacts: two() }, { rebuiltBy: [] })
        scene.log.add(entryBy('rob', rebuild(statement, { subjects: statement.artifacts.slice(0, 1) })))
        return ask(scene)
      },
    ],
    ['not: a platform that it lacks', 'WRONG_PLATFORM', () => ask(twoReleases(), { platforms: ['win32-x64'] })],
    [
      'not: a part that nobody rebuilt',
      'REBUILD_QUORUM',
      () => {
        const scene = new Scene()
        const part = artifact('1.1.0', 'linux-x64', {
          name: 'part',
          partOf: artifact('1.1.0').name,
          sha256: hex('part'),
        })
        const { statement } = scene.publish({ artifacts: [artifact('1.1.0'), part] }, { rebuiltBy: [] })
        scene.log.add(entryBy('rob', rebuild(statement, { subjects: statement.artifacts.slice(0, 1) })))
        return ask(scene)
      },
    ],
    [
      'not: a platform of which it has a part alone',
      'WRONG_PLATFORM',
      () => {
        const scene = new Scene()
        const whole = artifact('1.1.0', 'win32-x64')
        scene.publish({ artifacts: [whole, artifact('1.1.0', 'linux-x64', { name: 'part', partOf: whole.name })] })
        return ask(scene, { platforms: ['linux-x64'] })
      },
    ],
    ['not: no such release', 'SIGNATURE_INVALID', () => ask(twoReleases(), { id: hex('x') })],
    [
      'not: signed by nobody listed',
      'SIGNATURE_INVALID',
      () => {
        const scene = new Scene()
        scene.publish({}, { by: ['mallory'] })
        return ask(scene)
      },
    ],
    [
      'not: no votes',
      'REBUILD_QUORUM',
      () => {
        const scene = new Scene()
        scene.publish({}, { rebuiltBy: [] })
        return ask(scene)
      },
    ],
    [
      'not: revoked',
      'REVOKED',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('alice', revocation(scene.last.id)))
        return ask(scene)
      },
    ],
    [
      'not: a revocation before it, where history may be missing',
      'REVOKED',
      () => {
        const scene = new Scene()
        scene.publish()
        scene.log.add(entryBy('alice', revocation(twoReleases().last.id)))
        scene.publish()
        return ask(scene, { historyTo: null })
      },
    ],
    [
      'not: two of one sequence',
      'EQUIVOCATION',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
        return ask(scene)
      },
    ],
    [
      'not: a broken chain',
      'CHAIN_BROKEN',
      () => {
        const scene = new Scene()
        scene.publish({ sequence: 3, previous: hex('x') })
        return ask(scene)
      },
    ],
    [
      'not: a channel that is not listed',
      'WRONG_CHANNEL',
      () => {
        const scene = new Scene()
        scene.publish({ channel: 'nightly' })
        return ask(scene)
      },
    ],
    [
      'not: a negative vote',
      'REBUILD_MISMATCH',
      () => {
        const scene = twoReleases()
        const { statement } = scene.last
        scene.log.add(
          entryBy(
            'rita',
            rebuild(statement, {
              subjects: statement.artifacts.map(({ name }) => ({ name, sha256: hex('x') })),
              release: idOf(statement),
            }),
          ),
        )
        return ask(scene)
      },
    ],
  ]
  it.each(rows)('%s', (_, code, run) => {
    expect(run()).toBe(code)
  })
})
