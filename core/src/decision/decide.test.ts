/** Steps 11 to 24, each at its edge: what is told, what is remembered, and the conditions that stand side by side. */
import { describe, expect, it } from 'vitest'
import { offline, record, withheld } from '../../../test/support/refusals.ts'
import { entryBy } from '../../../test/support/world.ts'
import { NOW, type RunResult, ran } from '../../../test/support/world-client.ts'
import { cosigners, ORIGIN, Scene, twoReleases } from '../../../test/support/world-scene.ts'
import {
  artifact,
  hex,
  member,
  rebuild,
  release,
  revocation,
  trustFile,
  trustStatement,
  waiver,
} from '../../../test/support/world-statements.ts'
import { utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { formatUpdateBundle } from '../release/update-bundle.ts'
import type { State } from './state.ts'
import { verifyOffline } from './verify-offline.ts'

const day = 86_400
const codes = (result: RunResult): string[] => ran(result).notices.map(({ code }) => code)
const headsAt = (scene: Scene, time: number) => ({
  heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: { 'w1.example': time, 'w2.example': time } })] },
})
const unwitnessed = (scene: Scene, bundle = scene.bundle({ witnesses: {} })): RunResult =>
  scene.run({ bundle, net: { heads: { [ORIGIN]: [scene.log.checkpoint()] } } })

describe('what is told beside the verdict, and nothing else', () => {
  const other = (scene: Scene) =>
    rebuild(scene.last.statement, {
      subjects: scene.last.statement.artifacts.map(({ name }) => ({ name, sha256: hex('other') })),
    })
  const rows: [string, string[], () => RunResult][] = [
    ['an honest update', [], () => twoReleases().run()],
    ['nothing witnessed', ['no-freshness'], () => unwitnessed(twoReleases({ quorum: 0 }))],
    ['a view of warnAge', [], () => twoReleases().run({ now: NOW - 3600 + 7 * day })],
    ['a second older', ['aging'], () => twoReleases().run({ now: NOW - 3600 + 7 * day + 1 })],
    ['stale views accepted', ['accept-stale'], () => twoReleases().run({ want: { acceptStale: 90 * day } })],
    [
      'something unknown installed',
      ['installed-unknown'],
      () => twoReleases().run({ installed: { kind: 'sha256', sha256: hex('unknown') } }),
    ],
    ['the same installed', [], () => withInstalled(twoReleases(), 1)],
    [
      'what is installed revoked',
      ['installed-flawed'],
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('root', revocation(scene.last.id)))
        return withInstalled(scene, 1)
      },
    ],
    [
      'a newer one without votes',
      ['waiting'],
      () => {
        const scene = twoReleases()
        const bundle = scene.bundle()
        scene.publish({}, { rebuiltBy: [] })
        return scene.run({ bundle })
      },
    ],
    [
      'a newer one without votes, and nothing offered',
      ['waiting'],
      () => {
        const scene = twoReleases()
        scene.publish({}, { rebuiltBy: [] })
        return scene.run({ bundle: null, installed: record(scene.releases[1] ?? scene.last) })
      },
    ],
    [
      'a newer one without votes, and what is installed revoked',
      ['installed-flawed', 'waiting'],
      () => {
        const scene = twoReleases()
        const [, second = scene.last] = scene.releases
        const bundle = scene.bundle()
        scene.publish({}, { rebuiltBy: [] })
        scene.log.add(entryBy('root', revocation(second.id)))
        return scene.run({ bundle, installed: record(second) })
      },
    ],
    [
      'a newer one for other platforms',
      [],
      () => {
        const scene = twoReleases()
        const bundle = scene.bundle()
        scene.publish({ artifacts: [artifact('1.3.0', 'win32-x64')] }, { rebuiltBy: [] })
        return scene.run({ bundle })
      },
    ],
    [
      'a waiver',
      ['waived'],
      () => {
        const scene = new Scene()
        const { id, indices } = scene.publish({}, { rebuiltBy: [] })
        return scene.run({
          bundle: scene.bundle({ indices: [...indices, ...scene.log.add(entryBy('root', waiver(id)))] }),
        })
      },
    ],
    [
      'a vote against it that is only reported',
      ['negative-vote'],
      () => {
        const rebuilders = { threshold: 1, members: [member('rob'), member('rita')], onMismatch: 'report' }
        const scene = twoReleases({ rebuilders })
        scene.log.add(entryBy('rita', other(scene)))
        return scene.run()
      },
    ],
    ['a step back that was asked for', ['downgrade'], () => stepBack('1.1.0')],
    [
      'what is installed revoked before it was logged',
      [],
      () => {
        const scene = new Scene()
        scene.publish()
        scene.log.add(entryBy('alice', revocation(twoReleases().last.id)))
        scene.publish()
        return withInstalled(scene, 1)
      },
    ],
    [
      'an equivocation with its evidence',
      [],
      () => {
        const scene = twoReleases()
        scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
        return scene.run()
      },
    ],
    ['another platform', [], () => twoReleases().run({ want: { platform: 'win32-x64' } })],
    [
      'a refusal without evidence',
      [],
      () => {
        const scene = new Scene()
        scene.publish({ sequence: 2, previous: hex('x') })
        return scene.run()
      },
    ],
  ]
  it.each(rows)('%s', (_, expected, run) => {
    // No scene has an anchor here, and each has entries that are none.
    expect(codes(run())).toEqual(['no-anchor', 'entries-ignored', ...expected])
  })
})

function withInstalled(scene: Scene, at: number): RunResult {
  return scene.run({ installed: record(scene.releases[at] ?? scene.last) })
}

function withInstalledAnd(scene: Scene, bundle: ReturnType<Scene['bundle']> | null): RunResult {
  return scene.run({ bundle, installed: record(scene.releases[1] ?? scene.last) })
}

/** The first release is offered to a client that has the second. */
function stepBack(downgradeTo: string | null): RunResult {
  const scene = twoReleases()
  const bundle = scene.bundle({ indices: scene.releases[0]?.indices ?? [] })
  return scene.run({ installed: record(scene.last), want: { downgradeTo }, bundle })
}

describe('what is remembered', () => {
  it('when it was last asked, whatever came of it', () => {
    const scene = twoReleases()
    expect(ran(scene.run()).state.checkedAt).toBe(NOW)
    const result = ran(withInstalled(scene, 1))
    expect([result.code, result.state.checkedAt]).toEqual(['current', NOW])
  })

  const ripe = (result: RunResult) => ran(result).state.known.releases.map(({ version, ripeAt }) => [version, ripeAt])

  it('since when a release could have been offered: not below the floor, not of another channel, not before its votes', () => {
    const scene = twoReleases()
    scene.publish({ channel: 'beta', version: '2.0.0' })
    const bundle = scene.bundle({ indices: scene.releases[1]?.indices ?? [] })
    scene.publish({ sequence: 3, previous: scene.releases[1]?.id ?? '', version: '1.3.0' }, { rebuiltBy: [] })
    const seen = ripe(scene.run({ bundle, installed: record(scene.releases[1] ?? scene.last) }))
    expect(Object.fromEntries(seen)).toEqual({ '1.1.0': null, '1.2.0': NOW - 3600, '1.3.0': null, '2.0.0': null })
  })

  it('and at no time where nothing is witnessed', () => {
    expect(ripe(unwitnessed(twoReleases({ quorum: 0 }))).map(([, at]) => at)).toEqual([null, null])
  })
})

describe('step 11', () => {
  it('says whether a time is too old, or none is stated', () => {
    const zero = { 'w1.example': 0, 'w2.example': 0 }
    const scene = twoReleases()
    const net = { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: zero })] } }
    const none = ran(scene.run({ bundle: scene.bundle({ witnesses: zero }), net })).refusal
    expect(none).toMatchObject({ code: 'STALE', detail: expect.stringContaining('no quorum') })
    const old = ran(scene.run({ now: NOW + 31 * day })).refusal
    expect(old).toMatchObject({ code: 'STALE', detail: expect.stringContaining(`${31 * day + 3600} s old`) })
  })

  it('names the limit that the trust file lacks', () => {
    const freshness = { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' }
    const { refusal } = ran(twoReleases({ freshness }).run(offline))
    expect(refusal).toMatchObject({ code: 'STALE', detail: expect.stringContaining('offlineMaxAge') })
  })

  it('is not come to by an apply with nothing staged, however old the view', () => {
    const scene = twoReleases()
    const { state } = ran(scene.run())
    const { refusal } = ran(scene.run({ state, bundle: null, want: { action: 'apply' }, now: NOW + 40 * day }))
    expect(refusal).toMatchObject({ kind: 'usage', step: '25' })
  })

  it('is no matter for a verification without a limit, which then states no age', () => {
    const scene = twoReleases()
    const bundle = formatUpdateBundle(scene.bundle({ witnesses: { 'w1.example': 0, 'w2.example': 0 } }))
    expect(verify(scene, bundle)).toMatchObject({ kind: 'verified', verdict: { proven: { age: null } } })
  })
})

function verify(scene: Scene, bundle: Uint8Array, state: State | null = null) {
  const want = { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null, maxAge: null }
  return verifyOffline({
    crypto: nodeCrypto,
    now: NOW,
    want,
    trust: scene.trust,
    anchor: null,
    bundle,
    file: null,
    state,
  })
}

describe('the anchor', () => {
  /** A third release, logged after an anchor that staples nothing, so that only its head names the second. */
  function after(version: number): RunResult {
    const scene = twoReleases()
    const anchor = scene.anchor()
    const next = trustFile({ log: scene.log, version: 2, publishers: { threshold: 1, members: [member('alice')] } })
    if (version === 2) {
      scene.bodies.push(next)
      scene.log.add(entryBy('root', trustStatement(next, 2)))
    }
    scene.publish()
    return scene.run({ anchor })
  }

  it('names the release before an offer for the trust version that it was shipped with', () => {
    expect(after(1).code).toBe('accepted')
  })

  it('and for no later one', () => {
    expect(after(2).code).toBe('CHAIN_BROKEN')
  })

  it('names an offer from before it that is its head, or that was proposed before and met after', () => {
    const scene = twoReleases()
    expect(scene.run({ anchor: scene.anchor() }).code).toBe('accepted')
    const open = new Scene({ publishers: { threshold: 2, members: [member('alice'), member('bob')] } })
    const first = open.publish({}, { by: ['alice', 'bob'] })
    const statement = release(2, first.id)
    const proposed = open.log.add(entryBy('alice', statement))
    const anchor = open.anchor({ indices: [...first.indices, ...proposed] })
    const indices = [...proposed, ...open.log.add(entryBy('bob', statement), entryBy('rob', rebuild(statement)))]
    const result = ran(open.run({ anchor, bundle: open.bundle({ indices }) }))
    expect(result.verdict, result.refusal?.detail).toMatchObject({ kind: 'accepted', sequence: 2 })
    expect(result.verdict?.proven.publishers?.operators).toEqual(['alice', 'bob'])
  })
})

describe('an empty feed', () => {
  const beta = { kind: 'record', id: hex('beta'), channel: 'beta', sequence: 5 } as const
  it('is no answer where another channel is installed with a higher sequence', () => {
    const result = twoReleases().run({ bundle: null, installed: { ...beta, version: '1.0.5' } })
    expect(ran(result).refusal).toMatchObject({ code: 'TRANSPORT', step: '13' })
  })

  it('is one where all of this channel is older than what is installed of another', () => {
    expect(twoReleases().run({ bundle: null, installed: { ...beta, version: '5.0.0' } }).code).toBe('current')
  })

  it('is one where what is newer waits for rebuilders', () => {
    const scene = twoReleases()
    scene.publish({}, { rebuiltBy: [] })
    expect(withInstalledAnd(scene, null).code).toBe('current')
  })

  it('has nothing to tell where history is only offered', () => {
    const scene = twoReleases({ history: { mode: 'offered', expires: '2030-01-01' } })
    const result = withInstalledAnd(scene, null)
    expect([result.code, codes(result)]).toEqual(['TRANSPORT', ['no-anchor']])
  })

  it('is no answer where what is installed is disowned', () => {
    const scene = new Scene()
    const first = scene.publish()
    const bogus = release(9, first.id, { version: '0.9.0' })
    const [stolen = 0] = scene.log.add(entryBy('bob', bogus))
    const state = ran(scene.run()).state
    const id = state.known.releases.find(({ sequence }) => sequence === 9)?.id ?? ''
    const trust = trustFile({
      log: scene.log,
      version: 2,
      heads: { stable: { sequence: 1, id: first.id } },
      publishers: { threshold: 1, members: [member('alice'), member('bob', { until: stolen })] },
    })
    scene.publish()
    const installed = record({ statement: bogus, id, indices: [] })
    expect(ran(scene.run({ state, trust, installed, bundle: null })).refusal?.code).toBe('TRANSPORT')
  })
})

describe('step 21', () => {
  it.each(['id', 'version'])('goes back where a person names it by %s, and says so', (by) => {
    const named = twoReleases().releases[0]
    const result = ran(stepBack((by === 'id' ? named?.id : named?.statement.version) ?? ''))
    expect(result.verdict).toMatchObject({ kind: 'accepted', sequence: 1, downgrade: true, floor: { sequence: 2 } })
  })

  it('is no step back where what is named is newer, or held', () => {
    const scene = twoReleases()
    const held = [
      { id: hex('another'), reason: 'failed' as const },
      { id: scene.last.id, reason: 'failed' as const },
    ]
    const state = { ...ran(scene.run()).state, held }
    expect(scene.run({ state }).code).toBe('current')
    const named = ran(scene.run({ state, want: { downgradeTo: scene.last.id } }))
    expect(named.verdict).toMatchObject({ kind: 'accepted', downgrade: false })
  })

  it('goes by sequence within a channel, whatever the versions', () => {
    const scene = twoReleases()
    const [, second = scene.last] = scene.releases
    scene.publish({ version: '1.1.5' })
    const result = ran(scene.run({ installed: record(second) }))
    expect(result.verdict).toMatchObject({ kind: 'accepted', version: '1.1.5', downgrade: false })
  })

  it('takes a newer version of another channel', () => {
    const scene = twoReleases()
    scene.publish({ channel: 'beta', version: '1.3.0' })
    const installed = record(scene.releases[1] ?? scene.last)
    expect(ran(scene.run({ installed, want: { channel: 'beta' } })).verdict).toMatchObject({ version: '1.3.0' })
  })

  it('and is no question to `verify`, though the trust file names a newer head', () => {
    const { id } = twoReleases().last
    const scene = twoReleases({ heads: { stable: { sequence: 2, id } } })
    const bundle = formatUpdateBundle(scene.bundle({ indices: scene.releases[0]?.indices ?? [] }))
    expect(verify(scene, bundle).kind).toBe('verified')
  })

  it('though what is installed is offered, an offer that is refused is refused', () => {
    const scene = twoReleases()
    scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
    expect(withInstalled(scene, 1).code).toBe('EQUIVOCATION')
  })
})

describe('step 23', () => {
  const limit = NOW + 7 * day - 3600 + 60
  it.each<[string, string, () => RunResult]>([
    ['a newer one left out for maxLag', 'accepted', () => withheld(limit)],
    ['for a second more', 'STALE', () => withheld(limit + 1)],
    ['the newest offered, long after', 'accepted', () => later((scene) => [scene.bundle(), {}])],
    [
      'a newer one left out that is held',
      'accepted',
      () => later((scene) => [secondOf(scene), { held: [{ id: scene.last.id, reason: 'failed' as const }] }]),
    ],
    [
      'one that was revoked since',
      'accepted',
      () =>
        later((scene) => {
          const bundle = secondOf(scene)
          scene.log.add(entryBy('root', revocation(scene.last.id)))
          return [bundle, {}]
        }),
    ],
  ])('%s: %s', (_, code, run) => {
    expect(run().code).toBe(code)
  })

  /** Nine days after the third release was seen. */
  function later(change: (scene: Scene) => [ReturnType<Scene['bundle']>, object]): RunResult {
    const scene = twoReleases()
    scene.publish()
    const { state } = ran(scene.run())
    const [bundle, over] = change(scene)
    const now = NOW + 9 * day
    return scene.run({ state: { ...state, ...over }, bundle, now, net: headsAt(scene, now - 60) })
  }

  function secondOf(scene: Scene) {
    return scene.bundle({ indices: scene.releases[1]?.indices ?? [] })
  }
})

describe('`verify`', () => {
  it('does not tell of newer releases that its state knows', () => {
    const scene = twoReleases()
    const { indices } = scene.last
    scene.publish({}, { rebuiltBy: [] })
    const bundle = scene.bundle({ indices })
    const { state, notices } = ran(scene.run({ bundle }))
    expect(notices.map(({ code }) => code)).toContain('waiting')
    const result = verify(scene, formatUpdateBundle(bundle), state)
    expect([result.kind, result.notices.map(({ code }) => code)]).toEqual(['verified', ['entries-ignored']])
  })

  it('needs a release in the bundle', () => {
    const scene = twoReleases()
    const result = verify(scene, formatUpdateBundle(scene.bundle({ indices: [] })))
    expect(result).toMatchObject({ kind: 'stopped', refusal: { code: 'PROOF_MISSING', step: '13' } })
    expect(result.notices.map(({ code }) => code)).toEqual(['no-anchor'])
  })
})

describe('what is accepted', () => {
  it('is the artifact and its parts, in that order, and no other file', () => {
    const scene = new Scene()
    const whole = artifact('1.1.0')
    const part = artifact('1.1.0', 'linux-x64', { name: 'part.bin', partOf: whole.name })
    scene.publish({ artifacts: [part, artifact('1.1.0', 'win32-x64'), whole] })
    const { verdict, refusal } = ran(scene.run())
    const files = [whole, part].map(({ name, size, sha256, mediaType }) => ({ name, size, sha256, mediaType }))
    expect(verdict?.kind === 'accepted' && verdict.files, refusal?.detail).toEqual(files)
  })

  it('is proven by whom, in order, and by nobody where nothing was judged', () => {
    const scene = twoReleases()
    const third = scene.publish({}, { by: ['bob', 'alice'] })
    expect(ran(scene.run()).verdict?.proven).toMatchObject({
      publishers: { operators: ['alice', 'bob'], threshold: 1 },
      witnesses: { names: Object.keys(cosigners), of: 3 },
      rebuilders: { operators: ['rob'], required: 1, waived: false },
      age: 3600,
    })
    const nothing = ran(scene.run({ bundle: null, installed: record(third) })).verdict?.proven
    expect(nothing).toMatchObject({ publishers: null, rebuilders: null })
  })

  it('is not proven by who signed past the end of the trust file’s reach, nor aged where nothing is witnessed', () => {
    const scene = twoReleases()
    const next = utf8('{"format":2}')
    scene.bodies.push(next)
    scene.log.add(entryBy('root', trustStatement(next, 2)))
    const late = scene.log.add(entryBy('bob', scene.last.statement))
    const { verdict } = ran(scene.run({ bundle: scene.bundle({ indices: [...scene.last.indices, ...late] }) }))
    expect(verdict?.proven.publishers?.operators).toEqual(['alice'])
    expect(ran(unwitnessed(twoReleases({ quorum: 0 }))).verdict?.proven.age).toBeNull()
  })

  it('offline without a trust file at hand, by the one that is stored', () => {
    const scene = twoReleases()
    const { state } = ran(scene.run())
    expect(scene.run({ state, trust: null, ...offline }).code).toBe('accepted')
  })
})
