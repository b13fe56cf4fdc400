/** Steps 3, 5a and 10: trust versions that are logged, new witnesses, new logs. */
import { describe, expect, it } from 'vitest'
import { entryBy, MemoryLog } from '../../../test/support/world.ts'
import { type ClientOptions, type Network, NOW, type Ran, ran } from '../../../test/support/world-client.ts'
import { cosigners, ORIGIN, Scene, twoReleases } from '../../../test/support/world-scene.ts'
import {
  hex,
  member,
  rebuild,
  release,
  revocation,
  type TrustOptions,
  trustFile,
  trustStatement,
} from '../../../test/support/world-statements.ts'
import { fromUtf8, toBase64, utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { checkEvidence } from '../release/check-evidence.ts'
import { parseTrust } from '../release/trust.ts'
import { formatUpdateBundle, type UpdateBundle } from '../release/update-bundle.ts'
import { judge } from './judge.ts'
import { observe } from './observe.ts'
import { importTrust } from './trust-in-force.ts'
import { judgeSteps } from './trust-steps.ts'

interface Step {
  readonly scene: Scene
  readonly next: Uint8Array
  /** Index of the first entry of the statement. */
  readonly index: number
}

/** Two releases, then version 2, signed by these. */
function stepTo(options: Partial<TrustOptions>, by: readonly string[] = ['root'], scene = twoReleases()): Step {
  const next = trustFile({ log: scene.log, version: 2, ...options })
  return { ...logStep(scene, next, 2, by), scene, next }
}

function logStep(scene: Scene, next: Uint8Array, version: number, by: readonly string[]): { index: number } {
  const statement = trustStatement(next, version)
  const indices = scene.log.add(...by.map((name) => entryBy(name, statement)))
  scene.log.pad(1)
  scene.bodies.push(next)
  return { index: indices[0] ?? 0 }
}

const versionOf = ({ state }: Ran): number => state.trust.version

describe('a logged step', () => {
  it('takes force at once, and is persisted with where it came from', () => {
    const { scene, index } = stepTo({})
    const result = ran(scene.run())
    expect(result.code).toBe('accepted')
    expect(result.state.trust).toMatchObject({ version: 2, via: { origin: ORIGIN, index }, endsAt: null })
    expect(result.notices.map(({ code }) => code)).toContain('trust-updated')
  })

  it('is taken from the bundle offline', () => {
    const { scene, next, index } = stepTo({ history: { mode: 'offered', expires: '2030-01-01' } })
    const bundle = scene.bundle({ indices: [...scene.last.indices, index], trust: [next] })
    const result = ran(scene.run({ bundle, want: { online: false } }))
    expect([result.code, versionOf(result)]).toEqual(['accepted', 2])
  })

  it('by both authorities, where the new one signs before or after the old one', () => {
    for (const by of [
      ['root', 'root2'],
      ['root2', 'root'],
    ]) {
      const { scene } = stepTo({ authority: { threshold: 1, members: [member('root2')] } }, by)
      const result = ran(scene.run())
      expect([by, result.code, versionOf(result)]).toEqual([by, 'accepted', 2])
    }
  })

  it('the entries of a new authority that come later are found by reading again, once', () => {
    const scene = twoReleases()
    scene.log.add(entryBy('alice', revocation(hex('x'))))
    const { next } = stepTo({ authority: { threshold: 1, members: [member('root2')] } }, ['root'], scene)
    const first = ran(scene.run())
    expect(versionOf(first)).toBe(1)
    expect(first.state.known.statements.map(({ kind, trust }) => [kind, trust?.joined])).toEqual([
      ['revocation', undefined],
      ['trust', true],
    ])
    const reads = first.asked.filter(({ kind }) => kind === 'entries')
    expect(reads).toMatchObject([{ from: 0 }])
    const second = ran(scene.run({ state: first.state }))
    expect(second.asked.filter(({ kind }) => kind === 'entries')).toEqual([])
    scene.log.add(entryBy('root2', trustStatement(next, 2)))
    const third = ran(scene.run({ state: second.state }))
    expect([third.code, versionOf(third)]).toEqual(['accepted', 2])
  })

  it('that names keys that the version before did not: history is read again from the anchor', () => {
    const scene = twoReleases()
    const statement = release(3, scene.last.id)
    scene.log.add(entryBy('carol', statement), entryBy('rob', rebuild(statement)))
    const { index } = stepTo(
      { publishers: { threshold: 1, members: [member('alice'), member('carol')] } },
      ['root'],
      scene,
    )
    const result = ran(scene.run())
    expect(versionOf(result)).toBe(2)
    expect(result.state.known.releases.map(({ sequence }) => sequence).sort()).toEqual([1, 2, 3])
    expect(result.state.trust.via).toMatchObject({ index })
  })

  it('that takes a key away: what it signed is judged again', () => {
    const scene = new Scene()
    scene.publish()
    scene.publish({}, { by: ['bob'] })
    stepTo({ publishers: { threshold: 1, members: [member('alice')] } }, ['root'], scene)
    expect(ran(scene.run()).refusal?.code).toBe('SIGNATURE_INVALID')
  })

  it('chain: several versions in one run', () => {
    const scene = twoReleases()
    for (let version = 2; version <= 5; version++) {
      logStep(scene, trustFile({ log: scene.log, version }), version, ['root'])
    }
    expect(versionOf(ran(scene.run()))).toBe(5)
  })

  it('chain of more than 32 in one run: TRUST_INVALID, and the next run goes on', () => {
    const scene = twoReleases()
    for (let version = 2; version <= 35; version++) {
      logStep(scene, trustFile({ log: scene.log, version }), version, ['root'])
    }
    const first = ran(scene.run())
    expect([first.refusal?.code, versionOf(first)]).toEqual(['TRUST_INVALID', 33])
    expect(versionOf(ran(scene.run({ state: first.state })))).toBe(35)
  })

  it('of a stolen publisher key: its release stops being a floor, and installed is disowned', () => {
    const scene = twoReleases()
    const bogus = release(Number.MAX_SAFE_INTEGER, scene.last.id, { version: '99.0.0' })
    const [at = 0] = scene.log.add(entryBy('bob', bogus))
    const heads = { stable: { sequence: 2, id: scene.last.id } }
    const publishers = { threshold: 1, members: [member('alice'), member('bob', { until: at })] }
    stepTo({ heads, publishers }, ['root'], scene)
    scene.publish()
    const id = ran(scene.run()).state.known.releases.find(({ sequence }) => sequence > 3)?.id ?? ''
    const installed = {
      kind: 'record',
      id,
      channel: 'stable',
      sequence: Number.MAX_SAFE_INTEGER,
      version: '99.0.0',
    } as const
    const result = ran(scene.run({ installed }))
    expect(result.verdict).toMatchObject({ kind: 'accepted', sequence: 3, flaw: 'disowned' })
    const none = ran(scene.run({ installed, bundle: null }))
    expect(none.refusal?.code).toBe('TRANSPORT')
  })
})

it('a statement whose body is not at hand leads nowhere', () => {
  const { scene } = stepTo({ authority: { threshold: 1, members: [member('root2')] } })
  const { run, state, material } = ran(scene.run())
  const seen = observe(run, state, material)
  const observed = seen.kind === 'done' ? seen.value : expect.fail('not observed')
  const nothing = { files: new Map(), unknown: new Set<string>() }
  expect(judgeSteps(run, state, observed, material, nothing)).toEqual({ kind: 'none', endsAt: null })
})

describe('a step that does not take force, and is no refusal', () => {
  it.each<[string, Partial<TrustOptions>, readonly string[]]>([
    ['without the old authority', { authority: { threshold: 1, members: [member('root2')] } }, ['root2']],
    ['without the new one', { authority: { threshold: 2, members: [member('root'), member('root2')] } }, ['root']],
    ['by publishers', {}, ['alice']],
    ['by nobody', {}, ['mallory']],
  ])('%s', (_, options, by) => {
    const { scene } = stepTo(options, by)
    const result = ran(scene.run())
    expect([result.code, versionOf(result)]).toEqual(['accepted', 1])
  })
})

it('a step that skips a version does not take force', () => {
  const scene = twoReleases()
  logStep(scene, trustFile({ log: scene.log, version: 3 }), 3, ['root'])
  expect(versionOf(ran(scene.run()))).toBe(1)
})

describe('TRUST_INVALID', () => {
  const rows: [string, () => Ran][] = [
    [
      'a step that is logged, its body withheld',
      () => {
        const { scene } = stepTo({})
        scene.bodies.length = 0
        return ran(scene.run())
      },
    ],
    [
      'the same, offline',
      () => {
        const { scene, index } = stepTo({})
        return ran(
          scene.run({ bundle: scene.bundle({ indices: [...scene.last.indices, index] }), want: { online: false } }),
        )
      },
    ],
    [
      'a body of another digest',
      () => {
        const { scene, next } = stepTo({})
        const bytes = utf8(`${fromUtf8(next).slice(0, -1)} `)
        return ran(scene.run({ net: { override: ({ kind }) => (kind === 'trust-body' ? { kind, bytes } : null) } }))
      },
    ],
    [
      'a body of another length',
      () => {
        const { scene, next } = stepTo({})
        const bytes = utf8(`${fromUtf8(next)} `)
        return ran(scene.run({ net: { override: ({ kind }) => (kind === 'trust-body' ? { kind, bytes } : null) } }))
      },
    ],
    [
      'a body of another length than was signed, and the digest that was',
      () => {
        const scene = twoReleases()
        const next = trustFile({ log: scene.log, version: 2 })
        scene.bodies.push(next)
        const statement = trustStatement(next, 2)
        scene.log.add(entryBy('root', { ...statement, size: statement.size + 1 }))
        return ran(scene.run())
      },
    ],
    [
      'a body that says another version',
      () => {
        const scene = twoReleases()
        logStep(scene, trustFile({ log: scene.log, version: 3 }), 2, ['root'])
        return ran(scene.run())
      },
    ],
    [
      'a body of another product',
      () => {
        const scene = twoReleases()
        logStep(scene, trustFile({ log: scene.log, version: 2, product: 'example.com/other' }), 2, ['root'])
        return ran(scene.run())
      },
    ],
    [
      'a body that no parser accepts',
      () => {
        const scene = twoReleases()
        logStep(scene, utf8('{"format":1}'), 2, ['root'])
        return ran(scene.run())
      },
    ],
    ['a new log without a tree of the old one', () => stepToLog({ over: {} })],
    [
      'a new log that continues from another history',
      () =>
        stepToLog((scene) => ({
          over: { replaces: { origin: ORIGIN, size: 9, root: toBase64(nodeCrypto.sha256(scene.trust)) } },
        })),
    ],
    [
      'a new log that continues from a tree past the statement',
      () =>
        stepToLog((scene) => ({ over: { replaces: { origin: ORIGIN, size: 10, root: toBase64(scene.log.root(9)) } } })),
    ],
  ]
  it.each(rows)('%s', (_, run) => {
    const { refusal, state } = run()
    expect(refusal?.code, refusal?.detail).toBe('TRUST_INVALID')
    expect(state.trust.version).toBe(1)
  })

  it('two different met files of one version, with evidence', () => {
    const { scene } = stepTo({})
    logStep(scene, trustFile({ log: scene.log, version: 2, over: { mirrors: ['https://mirror.example.com/'] } }), 2, [
      'root',
    ])
    const { refusal } = ran(scene.run())
    expect(refusal?.code).toBe('TRUST_INVALID')
    const finding = checkEvidence({
      crypto: nodeCrypto,
      evidence: refusal?.evidence ?? expect.fail('no evidence'),
      trust: parseTrust(nodeCrypto, scene.trust),
    })
    expect(finding).toMatchObject({ verdict: 'convicts', convicted: { kind: 'authority' } })
  })

  it('and TRANSPORT, where no source could be reached for the body', () => {
    const { scene } = stepTo({})
    const override: Network['override'] = ({ kind }) =>
      kind === 'trust-body' ? { kind: 'failed', reason: 'transport', detail: 'reset' } : null
    expect(ran(scene.run({ net: { override } })).refusal?.code).toBe('TRANSPORT')
  })
})

const successorHeads = (scene: Scene) => ({
  stable: { sequence: 2, id: scene.last.id },
  beta: { sequence: 1, id: hex('beta') },
})

function stepToLog(options: Partial<TrustOptions> | ((scene: Scene) => Partial<TrustOptions>)): Ran {
  const scene = twoReleases()
  const given = typeof options === 'function' ? options(scene) : options
  const log = new MemoryLog('new.example.com')
  const next = trustFile({ version: 2, heads: successorHeads(scene), ...given, log })
  logStep(scene, next, 2, ['root'])
  return ran(scene.run())
}

describe('a format unknown here', () => {
  function ended(): { scene: Scene; next: Uint8Array } {
    const scene = twoReleases()
    const next = utf8('{"format":2}')
    return { scene, next }
  }

  it('ends the reach of the version before it; older releases stay installable', () => {
    const { scene, next } = ended()
    const { index } = logStep(scene, next, 2, ['root'])
    const result = ran(scene.run())
    expect(result.code).toBe('accepted')
    expect(result.state.trust.endsAt).toBe(index)
  })

  it('later ones do not', () => {
    const { scene, next } = ended()
    logStep(scene, next, 2, ['root'])
    scene.publish()
    expect(ran(scene.run()).refusal).toMatchObject({ code: 'TRUST_INVALID', step: '17' })
  })

  it('a vote past the end does not permit', () => {
    const { scene, next } = ended()
    const { statement, indices } = scene.publish({}, { rebuiltBy: [] })
    logStep(scene, next, 2, ['root'])
    const [vote = 0] = scene.log.add(entryBy('rob', rebuild(statement)))
    expect(ran(scene.run({ bundle: scene.bundle({ indices: [...indices, vote] }) })).refusal?.code).toBe(
      'REBUILD_QUORUM',
    )
  })
})

describe('new witnesses', () => {
  const old = cosigners
  const fresh = { 'n1.example': NOW - 60, 'n2.example': NOW - 60 }
  const options = { witnesses: ['n1.example', 'n2.example', 'n3.example'] }

  function rotated(): Step & { transition: UpdateBundle } {
    const step = stepTo(options)
    const { scene, index, next } = step
    const view = scene.log.view({ witnesses: { ...old, ...fresh }, indices: [index] })
    return { ...step, transition: { views: [view], trust: [next] } }
  }

  it('a bundle carries the transition: old witnesses gone are no refusal, also offline', () => {
    const { scene, transition } = rotated()
    const from = scene.log.size
    scene.publish()
    const bundle = scene.bundle({ witnesses: fresh, from: [from] })
    const both = { views: [...transition.views, ...bundle.views], trust: transition.trust }
    const net = { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: fresh })] } }
    for (const want of [{ online: true }, { online: false }]) {
      const result = ran(scene.run({ bundle: both, net, want }))
      expect([result.code, versionOf(result)]).toEqual(['accepted', 2])
    }
  })

  it('a client without that asks for the next version, and goes on from there', () => {
    const { scene, transition } = rotated()
    scene.steps.set(2, formatUpdateBundle(transition))
    scene.publish()
    const net = { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: fresh })] } }
    const result = ran(scene.run({ bundle: scene.bundle({ witnesses: fresh }), net }))
    expect([result.code, versionOf(result)]).toEqual(['accepted', 2])
    expect(result.asked.flatMap((need) => (need.kind === 'trust-bundle' ? [need.version] : []))).toEqual([2])
  })

  it('and is refused where nothing shows the transition', () => {
    const { scene } = rotated()
    const net = { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: fresh })] } }
    expect(ran(scene.run({ bundle: scene.bundle({ witnesses: fresh }), net })).refusal?.code).toBe('WITNESS_QUORUM')
  })
})

describe('a new log', () => {
  interface Move {
    readonly scene: Scene
    readonly log: MemoryLog
    readonly next: Uint8Array
    readonly replaces: number
    /** What a client of the new log is shown. */
    readonly bundle: (
      from?: readonly number[],
      over?: { indices?: readonly number[]; witnesses?: Record<string, number> },
    ) => UpdateBundle
    readonly net: Network
  }

  /** The statement is logged in the new log, whose first view the old quorum cosigned. */
  function moved(by: readonly string[] = ['root'], options: Partial<TrustOptions> = {}): Move {
    const scene = twoReleases()
    const replaces = scene.log.size
    const log = new MemoryLog('new.example.com')
    const over = { replaces: { origin: ORIGIN, size: replaces, root: toBase64(scene.log.root()) } }
    const next = trustFile({ version: 2, heads: successorHeads(scene), over, ...options, log })
    const at = log.add(...by.map((name) => entryBy(name, trustStatement(next, 2))))
    const statement = release(3, scene.last.id)
    const indices = log.add(entryBy('alice', statement), entryBy('rob', rebuild(statement)))
    const net = { logs: [scene.log, log], heads: { [log.origin]: [log.checkpoint({ witnesses: cosigners })] } }
    const bundle: Move['bundle'] = (from = [], given = {}) => ({
      views: [
        ...(from.length === 0 ? [] : [scene.log.view({ witnesses: cosigners, from })]),
        log.view({ witnesses: cosigners, indices: [...at, ...indices], ...given }),
      ],
      trust: [next],
    })
    return { scene, log, next, replaces, bundle, net }
  }

  it('is followed at first contact, and from the stored tree', () => {
    const { scene, log, bundle, net } = moved()
    const first = ran(scene.run({ bundle: bundle(), net }))
    expect(first.code, first.refusal?.detail).toBe('accepted')
    expect(first.state).toMatchObject({ trust: { version: 2 }, log: { origin: log.origin, read: { from: 0 } } })
    const { state } = ran(scene.run())
    const second = ran(scene.run({ state, bundle: bundle(), net }))
    expect(second.code, second.refusal?.detail).toBe('accepted')
    expect(second.state.past.map(({ origin }) => origin)).toEqual([ORIGIN])
  })

  it('is one of the 32 steps that a run takes', () => {
    const { scene, bundle, net } = moved()
    const { state } = ran(scene.run())
    const { run, material } = ran(scene.run({ state, bundle: bundle(), net }))
    const from = (firstVersion: number) => judge({ ...run, firstVersion }, state, material)
    expect(from(2 - 33)).toMatchObject({ kind: 'stopped', refusal: { code: 'TRUST_INVALID', step: '10' } })
    expect(from(2 - 32).kind).not.toBe('stopped')
  })

  it('offline, with the proof to the last tree of the old one in the bundle', () => {
    const { scene, bundle } = moved()
    const { state } = ran(
      scene.run({
        bundle: scene.bundle({ size: 8 }),
        net: { heads: { [ORIGIN]: [scene.log.checkpoint({ size: 8, witnesses: cosigners })] } },
      }),
    )
    expect(ran(scene.run({ state, bundle: bundle([8]), want: { online: false } })).code).toBe('accepted')
    expect(ran(scene.run({ state, bundle: bundle(), want: { online: false } })).refusal).toMatchObject({
      code: 'PROOF_MISSING',
      step: '5a',
    })
  })

  it('lifts a conviction', () => {
    const { scene, bundle, net } = moved()
    const { state } = ran(scene.run())
    const convicted = { ...state, log: { ...state.log, convicted: { detail: 'x', evidence: '{}' } } }
    expect(ran(scene.run({ state: convicted, bundle: bundle(), net })).code).toBe('accepted')
  })

  it('keeps revocations that were met in the old log', () => {
    const { scene, bundle, net, log } = moved()
    const { state } = ran(scene.run())
    const id = ran(scene.run({ bundle: bundle(), net })).verdict?.id ?? ''
    const entries = state.known.releases[0]?.entries ?? []
    const statements = [{ id: hex('r'), kind: 'revocation' as const, ids: [id], entries }]
    const revoked = { ...state, known: { ...state.known, statements } }
    const result = ran(scene.run({ state: revoked, bundle: bundle(), net }))
    expect(result.refusal?.code).toBe('REVOKED')
    const unmet = { ...revoked.known, statements: statements.map((statement) => ({ ...statement, entries: [] })) }
    expect(ran(scene.run({ state: { ...state, known: unmet }, bundle: bundle(), net })).code).toBe('accepted')
    expect(result.state.known.statements).toContainEqual({
      id: hex('r'),
      kind: 'revocation',
      ids: [id],
      entries: [],
      kept: true,
    })
    expect(log.size).toBe(3)
    expect(revocation(id).ids).toEqual([id])
  })

  const rows: [string, string, (move: Move) => Partial<ClientOptions> & { bundle?: UpdateBundle; net?: Network }][] = [
    [
      'the old log was seen past the tree that it continues from',
      'TRUST_INVALID',
      ({ scene, bundle, net }) => {
        scene.log.pad(2)
        return { state: ran(scene.run()).state, bundle: bundle(), net }
      },
    ],
    [
      'the stored tree is of another history',
      'TRUST_INVALID',
      ({ scene, bundle, net }) => {
        const other = scene.log.fork(4)
        other.pad(1)
        const heads = { [ORIGIN]: [other.checkpoint({ witnesses: cosigners })] }
        return { state: ran(scene.run({ bundle: null, net: { logs: [other], heads } })).state, bundle: bundle(), net }
      },
    ],
    [
      'the old quorum has not cosigned its view',
      'CHECKPOINT_INVALID',
      ({ bundle, net }) => ({ bundle: bundle([], { witnesses: { 'w1.example': NOW } }), net }),
    ],
    [
      'the statement is not in the view',
      'CHECKPOINT_INVALID',
      ({ bundle, net }) => ({ bundle: bundle([], { indices: [1, 2] }), net }),
    ],
    [
      'the trust file is not in the bundle',
      'CHECKPOINT_INVALID',
      ({ bundle, net }) => ({ bundle: { ...bundle(), trust: [] }, net }),
    ],
  ]
  it.each(rows)('is not followed where %s: %s', (_, code, options) => {
    const move = moved()
    const result = ran(move.scene.run({ ...options(move) }))
    expect(result.refusal?.code, result.refusal?.detail).toBe(code)
    expect(result.state.trust.version).toBe(1)
  })

  it.each<[string, readonly string[], Partial<TrustOptions>]>([
    ['the old authority has not signed', ['root2'], { authority: { threshold: 1, members: [member('root2')] } }],
    ['the new authority has not signed', ['root'], { authority: { threshold: 1, members: [member('root2')] } }],
    ['a stranger signed', ['mallory'], {}],
    [
      'it says that it continues another log',
      ['root'],
      { over: { replaces: { origin: 'x.example.com', size: 1, root: toBase64(new Uint8Array(32)) } } },
    ],
  ])('is not followed where %s', (_, by, options) => {
    const { scene, bundle, net } = moved(by, options)
    expect(ran(scene.run({ bundle: bundle(), net })).refusal?.code).toBe('CHECKPOINT_INVALID')
  })

  it('is followed from a tree past the one that it continues from, where the old log holds the statement too', () => {
    const { scene, log, next, bundle, net } = moved()
    const from = scene.log.size
    const [at = 0] = scene.log.add(entryBy('root', trustStatement(next, 2)))
    scene.log.pad(1)
    const known = { ...ran(scene.run({ net: { bodies: [] } })).state }
    const stored = { ...known, known: { ...known.known, statements: [] } }
    const views = [scene.log.view({ witnesses: cosigners, indices: [at], from: [from] }), ...bundle().views]
    const result = ran(scene.run({ state: stored, bundle: { views, trust: [next] }, net }))
    expect([result.code, result.state.log.origin]).toEqual(['accepted', log.origin])
    const signedByNobody = scene.log.view({ witnesses: { 'w1.example': NOW }, indices: [at], from: [from] })
    const alone = { views: [signedByNobody, ...bundle().views], trust: [next] }
    expect(ran(scene.run({ state: stored, bundle: alone, net })).refusal).toMatchObject({
      code: 'TRUST_INVALID',
      step: '5a',
    })
  })

  it("an old authority's key with an `until` does not count in the new log", () => {
    const authority = { threshold: 1, members: [member('root', { until: 1000 })] }
    const scene = twoReleases({ authority })
    const { log, next } = moved()
    const [at = 0] = log.add(entryBy('root', trustStatement(next, 2)))
    const bundle = { views: [log.view({ witnesses: cosigners, indices: [at] })], trust: [next] }
    expect(ran(scene.run({ bundle, want: { online: false } })).refusal?.code).toBe('CHECKPOINT_INVALID')
  })

  it('named in the old log is not followed where nothing shows that the old one begins with `replaces`', () => {
    const scene = twoReleases()
    const replaces = { origin: ORIGIN, size: 8, root: toBase64(scene.log.root(8)) }
    const log = new MemoryLog('new.example.com')
    const next = trustFile({ log, version: 2, heads: successorHeads(scene), over: { replaces } })
    logStep(scene, next, 2, ['root'])
    const refusalFor = (reason: 'missing' | 'transport') => {
      const override: Network['override'] = (need) =>
        need.kind === 'consistency' && need.from === 8 ? { kind: 'failed', reason, detail: 'gone' } : null
      return ran(scene.run({ net: { override } })).refusal
    }
    expect(refusalFor('missing')).toMatchObject({ code: 'PROOF_MISSING', step: '3' })
    expect(refusalFor('transport')).toMatchObject({ code: 'TRANSPORT', step: '3' })
  })

  it('named in the old log is followed from step 10; co-signed entries of the old log past `replaces` count for nothing', () => {
    const scene = twoReleases()
    const replaces = { origin: ORIGIN, size: scene.log.size, root: toBase64(scene.log.root()) }
    const log = new MemoryLog('new.example.com')
    const next = trustFile({ log, version: 2, heads: successorHeads(scene), over: { replaces } })
    const { index } = logStep(scene, next, 2, ['root'])
    const late = scene.publish()
    log.pad(3)
    const net = {
      logs: [scene.log, log],
      heads: {
        [ORIGIN]: [scene.log.checkpoint({ witnesses: cosigners })],
        [log.origin]: [log.checkpoint({ witnesses: cosigners })],
      },
    }
    const online = ran(scene.run({ net, bundle: null }))
    expect([online.state.log.origin, versionOf(online)]).toEqual([log.origin, 2])
    const bundle = scene.bundle({ indices: [index, ...late.indices], from: [replaces.size], trust: [next] })
    expect(ran(scene.run({ net, bundle })).refusal).toMatchObject({ code: 'TRUST_INVALID', step: '14' })
    const early = scene.bundle({
      indices: [...(scene.releases[1]?.indices ?? [])],
      from: [replaces.size],
      trust: [next],
    })
    expect(ran(scene.run({ net, bundle: early })).refusal?.code).toBe('CHECKPOINT_INVALID')
  })
})

describe('an imported trust file', () => {
  const scene = twoReleases()
  const { state } = ran(scene.run())
  const next = trustFile({ log: new MemoryLog('new.example.com'), version: 2 })
  const digest = parseTrust(nodeCrypto, next).sha256

  it('takes force as a shipped one', () => {
    const imported = importTrust(nodeCrypto, state, next, digest)
    expect(imported).toMatchObject({
      kind: 'imported',
      state: { trust: { version: 2, via: 'shipped' }, log: { origin: 'new.example.com' } },
    })
  })

  const other = trustFile({ log: scene.log, version: 2, product: 'example.com/other' })
  it.each<[string, Uint8Array, string]>([
    ['of another digest than the one given', next, hex('x')],
    ['that does not parse', utf8('{}'), '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'],
    ['of another product', other, parseTrust(nodeCrypto, other).sha256],
    ['that is not newer', scene.trust, parseTrust(nodeCrypto, scene.trust).sha256],
  ])('is refused %s', (_, bytes, given) => {
    expect(importTrust(nodeCrypto, state, bytes, given)).toMatchObject({
      kind: 'stopped',
      refusal: { code: 'TRUST_INVALID' },
    })
  })

  it('is refused over a state whose own file this program refuses', () => {
    const broken = { ...state, trust: { ...state.trust, body: '{}' } }
    expect(importTrust(nodeCrypto, broken, next, digest)).toMatchObject({ refusal: { code: 'STATE_INVALID' } })
    expect(ran(scene.run({ state: broken })).refusal?.code).toBe('STATE_INVALID')
  })
})
