/** What an update client does when everybody is honest, and what it keeps. */
import { describe, expect, it } from 'vitest'
import { entryBy, MemoryLog } from '../../../test/support/world.ts'
import { NOW, ran } from '../../../test/support/world-client.ts'
import { cosigners, Scene, twoReleases } from '../../../test/support/world-scene.ts'
import { artifact, hex, member, rebuild, revocation, waiver } from '../../../test/support/world-statements.ts'
import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import { formatUpdateBundle } from '../release/update-bundle.ts'
import { verdictExit } from './refusal.ts'
import { provenLines } from './verdict.ts'
import type { Installed } from './want.ts'

const installed = ({ id, statement }: Scene['last']): Installed => {
  const { channel, sequence, version } = statement
  return { kind: 'record', id, channel, sequence, version }
}

describe('an honest update', () => {
  it('is accepted at first contact, and everything is remembered', () => {
    const scene = twoReleases()
    const result = ran(scene.run())
    expect(result.verdict).toMatchObject({
      kind: 'accepted',
      id: scene.last.id,
      sequence: 2,
      downgrade: false,
      flaw: null,
    })
    expect(result.verdict?.kind === 'accepted' && result.verdict.files).toEqual([
      expect.objectContaining({ name: 'notes-1.2.0-linux-x64.tar.gz', size: 21 }),
    ])
    const { log, time, known } = result.state
    expect(parseSignedCheckpoint(log.tree ?? '').checkpoint.size).toBe(scene.log.size)
    expect(log.read).toEqual({ from: 0, to: scene.log.size })
    expect(time).toBe(NOW - 3600)
    expect(known.releases.map(({ sequence }) => sequence).sort()).toEqual([1, 2])
    expect(result.notices.map(({ code }) => code)).toContain('no-anchor')
  })

  it('says what was proven, line by line', () => {
    const { verdict } = ran(twoReleases().run())
    expect(provenLines(verdict?.proven ?? expect.fail('no verdict'))).toEqual([
      'publisher: alice (1 of 1 needed)',
      'log: log.example.com/notes, 9 entries',
      'witnesses: 2 of 3 (w1.example, w2.example); a fork takes the log and 1 of them',
      'rebuilders: 1 of 1 needed (rob)',
      'consistency: first contact, consistency not checked',
      'history: complete to 9',
      'freshness: the view is 3600 s old',
    ])
  })

  it('extends the stored tree in the next run, which reads only what is new', () => {
    const scene = twoReleases()
    const first = ran(scene.run())
    const before = scene.log.size
    scene.publish()
    const result = ran(scene.run({ state: first.state, net: { chunk: 1 } }))
    expect(result.verdict).toMatchObject({ kind: 'accepted', sequence: 3 })
    expect(result.verdict?.proven.consistentFrom).toEqual([before])
    expect(result.asked.flatMap((need) => (need.kind === 'entries' ? [need.from] : []))).toEqual([
      before,
      before + 1,
      before + 2,
    ])
  })

  it('starts from the anchor, and reads nothing before it', () => {
    const scene = twoReleases()
    const anchor = scene.anchor({ indices: [0, 1].flatMap((at) => scene.releases[at]?.indices ?? []) })
    const size = scene.log.size
    scene.publish()
    const result = ran(scene.run({ anchor }))
    expect(result.verdict).toMatchObject({ kind: 'accepted', sequence: 3 })
    expect(result.state.log.read).toEqual({ from: size, to: scene.log.size })
    expect(result.verdict?.proven.consistentFrom).toEqual([size])
  })

  it('asks the feeds of the anchor where no bundle was handed over', () => {
    const scene = twoReleases()
    const bundle = formatUpdateBundle(scene.bundle())
    const result = ran(
      scene.run({
        offers: null,
        anchor: scene.anchor({ size: 3 }),
        net: { override: (need) => (need.kind === 'offers' ? { kind: 'offers', bundles: [bundle] } : null) },
      }),
    )
    expect(result.code).toBe('accepted')
    expect(result.asked[0]).toEqual({ kind: 'offers', channel: 'stable', feeds: ['https://updates.example.com/notes'] })
  })

  it('takes the bundle with the highest sequence of several', () => {
    const scene = new Scene()
    scene.publish()
    const old = formatUpdateBundle(scene.bundle())
    scene.publish()
    const junk = Uint8Array.of(0x7b)
    const result = ran(scene.run({ offers: [old, junk, formatUpdateBundle(scene.bundle())] }))
    expect(result.verdict).toMatchObject({ kind: 'accepted', sequence: 2 })
  })

  it('counts a bundle that is older than the view as good for inclusion', () => {
    const scene = twoReleases()
    const bundle = scene.bundle()
    scene.log.pad(10)
    expect(ran(scene.run({ bundle })).verdict?.proven.log.size).toBe(19)
  })

  it('counts a rewitnessed quiet log as fresh', () => {
    const scene = twoReleases()
    const old = Object.fromEntries(['w1.example', 'w2.example'].map((name) => [name, NOW - 40 * 86_400]))
    const first = ran(
      scene.run({
        now: NOW - 40 * 86_400,
        bundle: scene.bundle({ witnesses: old }),
        net: { heads: { [scene.log.origin]: [scene.log.checkpoint({ witnesses: old })] } },
      }),
    )
    expect(first.code).toBe('accepted')
    const again = ran(scene.run({ state: first.state, bundle: scene.bundle({ witnesses: old }) }))
    expect(again.code).toBe('accepted')
    expect(again.verdict?.proven.age).toBe(3600)
  })
})

describe('the same is installed already', () => {
  it.each<[string, (scene: Scene) => Installed]>([
    ['by the install record', (scene) => installed(scene.last)],
    ['by version', (scene) => ({ kind: 'version', channel: 'stable', version: scene.last.statement.version })],
    ['by digest', (scene) => ({ kind: 'sha256', sha256: scene.last.statement.artifacts[0]?.sha256 ?? '' })],
  ])('%s: current', (_, what) => {
    const scene = twoReleases()
    const result = ran(scene.run({ installed: what(scene) }))
    expect(result.verdict).toMatchObject({ kind: 'current', id: scene.last.id, flaw: null })
  })

  it('held releases are not offered again', () => {
    const scene = twoReleases()
    const first = ran(scene.run())
    const state = { ...first.state, held: [{ id: scene.last.id, reason: 'failed' as const }] }
    expect(ran(scene.run({ state })).verdict).toMatchObject({ kind: 'current', id: scene.last.id })
    expect(ran(scene.run({ state, want: { downgradeTo: scene.last.id } })).verdict?.kind).toBe('accepted')
  })

  it('without an offer, with complete history: current', () => {
    const scene = twoReleases()
    const result = ran(scene.run({ bundle: null, installed: installed(scene.last) }))
    expect(result.verdict).toMatchObject({ kind: 'current', id: null })
  })

  it.each<[string, boolean]>([
    ['nothing is offered', false],
    ['it is what is offered', true],
  ])('and revoked, where %s: said, exit 12', (_, isOffered) => {
    const scene = twoReleases()
    scene.log.add(entryBy('root', revocation(scene.last.id)))
    const bundle = isOffered ? scene.bundle() : null
    const result = ran(scene.run({ bundle, installed: installed(scene.last) }))
    expect(result.verdict).toMatchObject({ kind: 'current', flaw: 'revoked' })
    expect(verdictExit(result.verdict ?? expect.fail('no verdict'))).toBe(12)
    expect(result.notices.map(({ code }) => code)).toContain('installed-flawed')
  })

  it('and revoked, while a newer one is withheld: STALE', () => {
    const scene = twoReleases()
    const old = scene.bundle()
    scene.publish()
    const first = ran(scene.run({ bundle: old }))
    scene.log.add(entryBy('root', revocation(scene.releases[1]?.id ?? '')))
    const now = NOW + 9 * 86_400
    const net = {
      heads: { [scene.log.origin]: [scene.log.checkpoint({ witnesses: { 'w1.example': now, 'w2.example': now } })] },
    }
    const result = ran(
      scene.run({ state: first.state, bundle: old, now, net, installed: installed(scene.releases[1] ?? scene.last) }),
    )
    expect(result.refusal).toMatchObject({ code: 'STALE', step: '23' })
  })
})

describe('limits hold to the second', () => {
  const q = NOW - 3600
  const day = 86_400
  it.each<[string, number, string]>([
    ['the clock behind the witnesses by the skew', q - 300, 'accepted'],
    ['by a second more', q - 301, 'CLOCK'],
    ['a view of maxAge', q + 30 * day, 'accepted'],
    ['a second older', q + 30 * day + 1, 'STALE'],
  ])('%s', (_, now, code) => {
    const scene = twoReleases()
    const { state } = ran(scene.run({ now: NOW }))
    for (const known of [null, state]) expect(ran(scene.run({ state: known, now })).code).toBe(code)
  })

  it('time does not go back with a larger tree that was cosigned earlier', () => {
    const scene = twoReleases()
    const { state } = ran(scene.run())
    scene.publish()
    const early = { 'w1.example': q - 9000, 'w2.example': q - 9000 }
    const net = { heads: { [scene.log.origin]: [scene.log.checkpoint({ witnesses: early })] } }
    const result = ran(scene.run({ state, bundle: scene.bundle({ witnesses: early }), net }))
    expect([result.state.time, result.state.log.q]).toEqual([q, q - 9000])
    expect(result.verdict?.proven.age).toBe(3600 + 9000)
  })
})

describe('what must not be refused', () => {
  const accepted: [string, () => ReturnType<Scene['run']>][] = [
    [
      'one witness dates the view in the future',
      () => {
        const scene = twoReleases()
        const witnesses = { ...cosigners, 'w3.example': NOW + 10 * 86_400 }
        return scene.run({ bundle: scene.bundle({ witnesses }) })
      },
    ],
    [
      'one witness states no time',
      () => {
        const scene = twoReleases()
        return scene.run({ bundle: scene.bundle({ witnesses: { ...cosigners, 'w3.example': 0 } }) })
      },
    ],
    [
      'a rival of the same sequence below the threshold',
      () => {
        const publishers = { threshold: 2, members: [member('alice'), member('bob')] }
        const scene = new Scene({ publishers })
        scene.publish({}, { by: ['alice', 'bob'] })
        const { statement } = scene.publish({}, { by: ['alice', 'bob'] })
        scene.log.add(entryBy('alice', { ...statement, notes: 'a rival' }))
        return scene.run()
      },
    ],
    [
      'one statement signed by two publishers, and by one of them twice',
      () => {
        const scene = new Scene()
        scene.publish()
        scene.publish({}, { by: ['alice', 'bob', 'alice'] })
        return scene.run()
      },
    ],
    [
      'a revocation below the threshold',
      () => {
        const scene = new Scene({ publishers: { threshold: 2, members: [member('alice'), member('bob')] } })
        scene.publish({}, { by: ['alice', 'bob'] })
        scene.log.add(entryBy('alice', revocation(scene.last.id)))
        return scene.run()
      },
    ],
    [
      'a revocation logged before the release that it names',
      () => {
        const scene = new Scene()
        scene.publish()
        const id = twoReleases().last.id
        scene.log.add(entryBy('alice', revocation(id)))
        scene.publish()
        return scene.last.id === id ? scene.run() : expect.fail('another id')
      },
    ],
    [
      'a negative vote that was taken back',
      () => {
        const scene = twoReleases()
        const { statement } = scene.last
        const subjects = statement.artifacts.map(({ name }) => ({ name, sha256: hex('other') }))
        const [bad, good] = scene.log.add(
          entryBy('rita', rebuild(statement, { subjects })),
          entryBy('rita', rebuild(statement)),
        )
        return scene.run({ bundle: scene.bundle({ indices: [...scene.last.indices, bad ?? 0, good ?? 0] }) })
      },
    ],
    [
      'a negative vote, where the trust file only reports',
      () => {
        const rebuilders = { threshold: 1, members: [member('rob'), member('rita')], onMismatch: 'report' }
        const scene = twoReleases({ rebuilders })
        const { statement } = scene.last
        scene.log.add(
          entryBy(
            'rita',
            rebuild(statement, { subjects: [{ name: statement.artifacts[0]?.name ?? '', sha256: hex('x') }] }),
          ),
        )
        return scene.run()
      },
    ],
    [
      'a waiver by the authority in place of rebuilders',
      () => {
        const scene = new Scene()
        const { id, indices } = scene.publish({}, { rebuiltBy: [] })
        const [index] = scene.log.add(entryBy('root', waiver(id)))
        return scene.run({ bundle: scene.bundle({ indices: [...indices, index ?? 0] }) })
      },
    ],
    [
      'a platform that no rebuilder needs to build',
      () => {
        const rebuilders = { threshold: 1, members: [member('rob')], platforms: { 'darwin-arm64': 0 } }
        const scene = new Scene({ rebuilders })
        scene.publish({ artifacts: [artifact('1.1.0', 'darwin-arm64')] }, { rebuiltBy: [] })
        return scene.run({ want: { platform: 'darwin-arm64' } })
      },
    ],
    [
      'bytes promoted to another channel, by votes for the first',
      () => {
        const scene = new Scene()
        const { statement } = scene.publish({ channel: 'beta', version: '2.0.0' })
        const promoted = scene.publish(
          { channel: 'stable', version: '2.0.0', artifacts: statement.artifacts },
          { rebuiltBy: [] },
        )
        const vote = scene.releases[0]?.indices[1] ?? 0
        return scene.run({ bundle: scene.bundle({ indices: [vote, ...promoted.indices] }) })
      },
    ],
    [
      'junk in the log, which is counted',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('mallory', scene.last.statement), entryBy('alice', revocation(scene.last.id)).slice(1))
        return scene.run()
      },
    ],
    [
      'the log down, where a mirror answers',
      () => {
        const scene = twoReleases()
        const head = scene.log.checkpoint({ witnesses: cosigners })
        return scene.run({ net: { heads: { [scene.log.origin]: ['<html>', head] } } })
      },
    ],
    [
      'nothing witnessed, where the trust file says so',
      () => {
        const scene = twoReleases({ quorum: 0 })
        const net = { heads: { [scene.log.origin]: [scene.log.checkpoint()] } }
        return scene.run({ bundle: scene.bundle({ witnesses: {} }), net })
      },
    ],
    [
      'a later release that waits for its rebuilders',
      () => {
        const scene = twoReleases()
        const bundle = scene.bundle()
        scene.publish({}, { rebuiltBy: [] })
        return scene.run({ bundle })
      },
    ],
    [
      'a later release that lacks this platform',
      () => {
        const scene = twoReleases()
        const bundle = scene.bundle()
        scene.publish({ artifacts: [artifact('1.3.0', 'win32-x64')] })
        return scene.run({ bundle })
      },
    ],
    [
      'a release that follows one of two equivocating ones',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('alice', { ...scene.last.statement, notes: 'another' }))
        scene.publish()
        return scene.run()
      },
    ],
    [
      'a bundle from feeds of a log of several products',
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('alice', { ...scene.last.statement, product: 'example.com/other' }))
        return scene.run()
      },
    ],
    [
      'a view past maxAge, where a person accepts that',
      () => twoReleases().run({ now: NOW + 60 * 86_400, want: { acceptStale: 90 * 86_400 } }),
    ],
    ['offline, within offlineMaxAge', () => twoReleases().run({ want: { online: false }, now: NOW + 80 * 86_400 })],
    [
      'a log of one entry',
      () => {
        const scene = new Scene({ log: new MemoryLog('tiny.example.com'), rebuilders: { threshold: 0, members: [] } })
        scene.log.leaves.length = 0
        scene.publish({}, { rebuiltBy: [] })
        scene.log.leaves.length = 1
        return scene.run()
      },
    ],
  ]
  it.each(accepted)('%s', (_, run) => {
    const result = run()
    expect(result.refusal).toBeNull()
    expect(result.code).toBe('accepted')
  })
})
