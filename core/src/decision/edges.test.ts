/** Attacks on what is remembered, and edges of single steps. */
import { describe, expect, it } from 'vitest'
import { credentialOf, entryBy, MemoryLog } from '../../../test/support/world.ts'
import { type Network, NOW, ran, updateWant } from '../../../test/support/world-client.ts'
import { cosigners, ORIGIN, Scene, twoReleases } from '../../../test/support/world-scene.ts'
import {
  hex,
  member,
  rebuild,
  release,
  revocation,
  trustFile,
  trustStatement,
} from '../../../test/support/world-statements.ts'
import { utf8 } from '../bytes.ts'
import type { Crypto } from '../crypto.ts'
import { nodeCrypto } from '../node.ts'
import { checkEvidence } from '../release/check-evidence.ts'
import { parseTrust } from '../release/trust.ts'
import { formatUpdateBundle } from '../release/update-bundle.ts'
import { gather } from './gather.ts'
import { judge } from './judge.ts'
import { MAX_UNMET_PER_KEY, nothingKnown, STRANGER, standingRevocation } from './known.ts'
import { failedBeforeSwap, refusalCodes, refusalExit, remedyFor, verdictExit } from './refusal.ts'
import { prepareRun } from './run.ts'
import type { KnownRelease } from './state.ts'
import { formatState } from './state-format.ts'
import { provenLines } from './verdict.ts'

const two = { threshold: 2, members: [member('alice'), member('bob')] }
const offered = { mode: 'offered', expires: '2030-01-01' }
const record = ({ id, statement: { channel, sequence, version } }: Scene['last']) =>
  ({ kind: 'record', id, channel, sequence, version }) as const

describe('one key below the threshold', () => {
  it('cannot decide what counts as installed, and so lower the floor', () => {
    const scene = new Scene({ publishers: two })
    scene.publish({}, { by: ['alice', 'bob'] })
    scene.log.add(entryBy('alice', release(Number.MAX_SAFE_INTEGER, hex('x'), { version: '7.0.0' })))
    const result = ran(scene.run({ installed: { kind: 'version', channel: 'stable', version: '7.0.0' } }))
    expect(result.refusal?.code).toBe('DOWNGRADE')
    expect(result.notices.map(({ code }) => code)).toContain('installed-unknown')
  })

  it('cannot say by digest either', () => {
    const scene = twoReleases()
    const result = ran(scene.run({ installed: { kind: 'sha256', sha256: hex('unknown bytes') } }))
    expect(result.code).toBe('accepted')
  })

  it('cannot fill the state by votes', () => {
    const trust = parseTrust(nodeCrypto, trustFile({ log: new MemoryLog(ORIGIN) }))
    const first = release(1, null)
    const subjects = Array.from({ length: 300 }, (_, at) => ({ name: `n${at}`, sha256: hex(String(at)) }))
    const leaves = Array.from({ length: 5 }, (_, index) => ({
      index,
      leaf: entryBy('rob', rebuild(first, { subjects, release: hex(String(index)) })),
    }))
    const known = gather({ crypto: nodeCrypto }, { trust, endsAt: null }, [], nothingKnown, [
      { index: 100, leaf: entryBy('alice', first) },
      ...leaves,
      { index: 101, leaf: entryBy('rob', rebuild(first)) },
    ])
    expect(known.votes).toHaveLength(MAX_UNMET_PER_KEY + 1)
    expect(known.ignored).toBe(2)
  })
})

describe('a revocation is not outrun', () => {
  const idOfFirst = new Scene().publish().id

  it('by an entry of a key that the trust file no longer lists, and a later one stapled alone', () => {
    const scene = new Scene({ publishers: { threshold: 1, members: [member('bob')] } })
    const statement = release(1, null)
    scene.log.add(entryBy('alice', statement), entryBy('root', revocation(idOfFirst)))
    const indices = scene.log.add(entryBy('bob', statement), entryBy('rob', rebuild(statement)))
    expect(ran(scene.run({ bundle: scene.bundle({ indices }) })).refusal?.code).toBe('REVOKED')
  })
  it('by a flood of strangers, after which nothing shows which came first', () => {
    const trust = parseTrust(nodeCrypto, trustFile({ log: new MemoryLog(ORIGIN) }))
    const one: KnownRelease = {
      id: hex('a'),
      channel: 'stable',
      sequence: 1,
      version: '1.0.0',
      previous: null,
      artifacts: [],
      entries: [{ index: 9, member: credentialOf('alice') }],
      ripeAt: null,
    }
    const statements = [
      {
        id: hex('r'),
        kind: 'revocation' as const,
        ids: [one.id],
        entries: [{ index: 5, member: credentialOf('root') }],
      },
    ]
    const strangers = Array.from({ length: MAX_UNMET_PER_KEY }, (_, at) => ({
      ...one,
      id: hex(String(at)),
      entries: [{ index: 100 + at, member: STRANGER }],
    }))
    const stands = (releases: readonly KnownRelease[], history: { from: number; to: number } | null): boolean =>
      standingRevocation({ trust, endsAt: null }, { ...nothingKnown, releases, statements }, one, history) !== null
    expect(stands([one], { from: 0, to: 50 })).toBe(false)
    expect(stands([one, ...strangers], { from: 0, to: 5000 })).toBe(true)
    expect(stands([one], null)).toBe(true)
    expect(stands([one], { from: 6, to: 50 })).toBe(true)
    expect(stands([one], { from: 0, to: 5 })).toBe(true)
  })

  it('by a key that is listed later: its entries are read again', () => {
    const scene = twoReleases()
    const third = release(3, scene.last.id)
    const indices = scene.log.add(entryBy('carol', third), entryBy('rob', rebuild(third)))
    const first = ran(scene.run())
    expect(first.state.known.releases.find(({ sequence }) => sequence === 3)?.entries).toMatchObject([
      { member: STRANGER },
    ])
    const next = trustFile({
      log: scene.log,
      version: 2,
      publishers: { threshold: 1, members: [member('carol'), member('alice')] },
    })
    const result = ran(scene.run({ state: first.state, trust: next, bundle: scene.bundle({ indices }) }))
    expect(result.verdict).toMatchObject({ kind: 'accepted', sequence: 3 })
  })

  it('by a threshold that is lowered later: what it meets then is read again', () => {
    const scene = new Scene({ publishers: two })
    scene.publish({}, { by: ['alice', 'bob'] })
    const { id } = scene.publish({}, { by: ['alice', 'bob'] })
    scene.log.add(entryBy('alice', revocation(id)))
    const first = ran(scene.run())
    expect(first.code).toBe('accepted')
    const next = trustFile({ log: scene.log, version: 2 })
    expect(ran(scene.run({ state: first.state, trust: next })).refusal?.code).toBe('REVOKED')
  })
})

describe('a floor is not lowered', () => {
  it('by a feed that staples too few entries of what is installed', () => {
    const scene = new Scene({ publishers: two, history: offered })
    const first = scene.publish({}, { by: ['alice', 'bob'] })
    scene.publish({}, { by: ['alice', 'bob'] })
    const [entry = 0] = scene.last.indices
    const partial = scene.log.view({ witnesses: cosigners, indices: [entry] })
    const old = scene.log.view({ witnesses: cosigners, indices: first.indices })
    const result = ran(scene.run({ installed: record(scene.last), bundle: { views: [partial, old], trust: [] } }))
    expect(result.refusal?.code).toBe('DOWNGRADE')
    expect(result.notices.map(({ code }) => code)).not.toContain('installed-flawed')
  })

  it('but by a trust version that ends the key, where the entries are known', () => {
    const scene = new Scene({
      history: offered,
      publishers: { threshold: 1, members: [member('alice'), member('bob')] },
    })
    scene.publish()
    const [stolen = 0] = scene.log.add(entryBy('bob', release(9, scene.last.id, { version: '9.0.0' })))
    const statement = release(9, scene.last.id, { version: '9.0.0' })
    const bogus = { statement, id: '', indices: [stolen] }
    const state = ran(scene.run({ bundle: scene.bundle({ indices: [stolen, ...scene.last.indices.slice(1)] }) })).state
    const id = state.known.releases.find(({ sequence }) => sequence === 9)?.id ?? ''
    scene.publish()
    const trust = trustFile({
      log: scene.log,
      version: 2,
      history: offered,
      heads: { stable: { sequence: 1, id: scene.releases[0]?.id } },
      publishers: { threshold: 1, members: [member('alice'), member('bob', { until: stolen })] },
    })
    const result = ran(scene.run({ state, trust, installed: record({ ...bogus, id }) }))
    expect(result.verdict).toMatchObject({ kind: 'accepted', sequence: 2, flaw: 'disowned' })
  })
})

describe('evidence', () => {
  it('of an equivocation, from tiles', () => {
    const scene = twoReleases()
    scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
    const { refusal } = ran(scene.run())
    const trust = parseTrust(nodeCrypto, scene.trust)
    const finding = checkEvidence({
      crypto: nodeCrypto,
      trust,
      evidence: refusal?.evidence ?? expect.fail('no evidence'),
    })
    expect(finding).toMatchObject({ verdict: 'convicts', convicted: { kind: 'publishers' } })
  })

  it('of a mismatch, from the bundle', () => {
    const scene = twoReleases()
    const { statement, indices } = scene.last
    const subjects = statement.artifacts.map(({ name }) => ({ name, sha256: hex('other') }))
    const [vote = 0] = scene.log.add(entryBy('rita', rebuild(statement, { subjects })))
    const result = ran(scene.run({ bundle: scene.bundle({ indices: [...indices, vote] }), want: { online: false } }))
    const trust = parseTrust(nodeCrypto, scene.trust)
    const evidence = result.refusal?.evidence ?? expect.fail('no evidence')
    expect(checkEvidence({ crypto: nodeCrypto, trust, evidence })).toMatchObject({
      verdict: 'convicts',
      convicted: { kind: 'release' },
    })
    expect(result.asked).toEqual([])
  })

  it.each<[string, NonNullable<Network['override']>]>([
    [
      'cannot be had',
      ({ kind }) => (kind === 'inclusion' ? { kind: 'failed', reason: 'missing', detail: '404' } : null),
    ],
    [
      'does not verify',
      (need) =>
        need.kind === 'inclusion'
          ? { kind: 'inclusion', entries: need.indices.map((index) => ({ index, entry: utf8('x'), inclusion: [] })) }
          : null,
    ],
  ])('that %s is said, and the refusal stays', (_, override) => {
    const scene = twoReleases()
    scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
    const result = ran(scene.run({ net: { override } }))
    expect(result.refusal).toMatchObject({ code: 'EQUIVOCATION', evidence: null })
    expect(result.notices.map(({ code }) => code)).toContain('no-evidence')
  })

  it('that a client that is offline cannot make is said too', () => {
    const scene = twoReleases()
    scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
    const { state } = ran(scene.run())
    const result = ran(scene.run({ state, want: { online: false }, bundle: scene.bundle() }))
    expect(result.refusal).toMatchObject({ code: 'EQUIVOCATION', evidence: null })
  })
})

describe('an anchor larger than every head', () => {
  it('is the view where the quorum cosigned it', () => {
    const scene = twoReleases()
    const bundle = scene.bundle()
    const heads = { [ORIGIN]: [scene.log.checkpoint({ witnesses: cosigners })] }
    scene.log.pad(4)
    const checkpoint = scene.log.checkpoint({ witnesses: cosigners })
    const indices = scene.releases.flatMap((logged) => logged.indices)
    const anchor = scene.anchor({ checkpoint, indices })
    for (const state of [null, ran(scene.run({ bundle, net: { heads } })).state]) {
      const result = ran(scene.run({ anchor, bundle, state, net: { heads } }))
      expect(result.code, result.refusal?.detail).toBe('accepted')
      expect(result.verdict?.proven.log.size).toBe(13)
    }
  })

  it('forks from the stored tree, though the head at hand is older than the fork', () => {
    const scene = twoReleases()
    const { state } = ran(scene.run())
    const other = scene.log.fork(5)
    const heads = { [ORIGIN]: [scene.log.checkpoint({ size: 4, witnesses: cosigners })] }
    other.add(utf8('x'))
    other.pad(9)
    const anchor = scene.anchor({
      checkpoint: other.checkpoint({ witnesses: cosigners }),
      entries: [],
      heads: new Map(),
    })
    const net = { logs: [scene.log, other], heads }
    expect(ran(scene.run({ state, anchor, bundle: null, net })).refusal?.code).toBe('FORK')
  })

  it('is dated in the future: CLOCK', () => {
    const scene = twoReleases()
    const heads = { [ORIGIN]: [scene.log.checkpoint({ witnesses: cosigners })] }
    const bundle = scene.bundle()
    scene.log.pad(4)
    const late = { 'w1.example': NOW + 9999, 'w2.example': NOW + 9999 }
    const anchor = scene.anchor({ checkpoint: scene.log.checkpoint({ witnesses: late }) })
    expect(ran(scene.run({ anchor, bundle, net: { heads } })).refusal?.code).toBe('CLOCK')
  })

  it('is no view where it cannot be shown to extend the stored tree', () => {
    const scene = twoReleases()
    const bundle = scene.bundle()
    const heads = { [ORIGIN]: [scene.log.checkpoint({ witnesses: cosigners })] }
    const { state } = ran(scene.run({ bundle, net: { heads } }))
    const size = scene.log.size
    scene.log.pad(4)
    const anchor = scene.anchor({ checkpoint: scene.log.checkpoint({ witnesses: cosigners }) })
    const views = [
      scene.log.view({ from: [size] }),
      scene.log.view({ witnesses: cosigners, size, indices: scene.last.indices }),
    ]
    const result = ran(scene.run({ anchor, state, bundle: { views, trust: [] }, want: { online: false } }))
    expect(result.verdict?.proven.log.size).toBe(13)
    const without = ran(
      scene.run({ anchor, state, bundle: { views: views.slice(1), trust: [] }, want: { online: false } }),
    )
    expect(without.refusal?.code).toBe('PROOF_MISSING')
  })

  it('is no view where it extends the head, and was not shown to extend the stored tree', () => {
    const scene = twoReleases()
    const at = (size: number) => ({ heads: { [ORIGIN]: [scene.log.checkpoint({ size, witnesses: cosigners })] } })
    const { state } = ran(scene.run({ bundle: scene.bundle({ size: 8 }), net: at(8) }))
    const bundle = scene.bundle()
    scene.log.pad(4)
    const anchor = scene.anchor({ checkpoint: scene.log.checkpoint({ witnesses: cosigners }) })
    const override: Network['override'] = (need) =>
      need.kind === 'consistency' && need.from === 8 && need.to === 13
        ? { kind: 'failed', reason: 'missing', detail: '404' }
        : null
    const result = (net: Network) => ran(scene.run({ anchor, state, bundle, net: { ...at(9), ...net } }))
    expect(result({}).verdict?.proven.log.size).toBe(13)
    expect(result({ override }).refusal).toMatchObject({ code: 'STALE', step: '7' })
  })

  it('of another log than the one in force is nothing to it', () => {
    const scene = twoReleases()
    const other = twoReleases({ log: new MemoryLog('other.example.com') })
    expect(ran(scene.run({ anchor: other.anchor() })).code).toBe('accepted')
  })
})

it('a tree that was stored when nothing was witnessed is of no time once there is a quorum', () => {
  const scene = twoReleases({ quorum: 0 })
  const { state } = ran(scene.run({ net: { heads: { [ORIGIN]: [scene.log.checkpoint()] } } }))
  expect([state.log.tree === null, state.log.q]).toEqual([false, null])
  const trust = trustFile({ log: scene.log, version: 2 })
  const bundle = scene.bundle({ size: 8 })
  const bytes = utf8(scene.log.checkpoint({ size: 8, witnesses: cosigners }))
  const override: Network['override'] = ({ kind }) =>
    kind === 'heads' ? { kind, heads: [{ source: 'mirror', bytes }] } : null
  expect(ran(scene.run({ trust, bundle, net: { override } })).code).toBe('accepted')
  expect(ran(scene.run({ trust, state, bundle, net: { override } })).refusal?.code).toBe('STALE')
})

describe('an end of reach', () => {
  it('is known offline too, once it was read', () => {
    const scene = twoReleases()
    const next = utf8('{"format":2}')
    scene.bodies.push(next)
    scene.log.add(entryBy('root', trustStatement(next, 2)))
    const { state } = ran(scene.run())
    expect(ran(scene.run({ state, want: { online: false } })).code).toBe('accepted')
    const forgotten = { ...state, trust: { ...state.trust, endsAt: null } }
    expect(ran(scene.run({ state: forgotten, want: { online: false } })).refusal?.code).toBe('TRUST_INVALID')
  })
})

describe('a defect is not taken for a refusal', () => {
  class Defect extends Error {}
  const scene = twoReleases()
  const breakAt = (call: keyof Crypto, after: number): Crypto => {
    let calls = 0
    const breaking =
      <A extends readonly unknown[], R>(original: (...given: A) => R) =>
      (...given: A): R => {
        if (calls++ >= after) throw new Defect(call)
        return original(...given)
      }
    return { ...nodeCrypto, [call]: breaking(nodeCrypto[call] as (...given: readonly unknown[]) => unknown) }
  }

  it.each<[keyof Crypto, number]>(
    (['sha256', 'leafHashes', 'parents', 'verify'] as const).flatMap((call) =>
      [0, 1, 2, 4].map((n): [keyof Crypto, number] => [call, n]),
    ),
  )('%s breaks after %i calls', (call, after) => {
    const offers = [formatUpdateBundle(scene.bundle({ from: [3] }))]
    const run = (): unknown => {
      const prepared = prepareRun({
        crypto: breakAt(call, after),
        now: NOW,
        want: { ...updateWant, online: false },
        installed: null,
        trust: scene.trust,
        anchor: scene.anchor({ size: 3 }),
        state: null,
      })
      if (prepared.kind === 'stopped') return expect.fail(prepared.refusal.detail)
      const outcome = judge(prepared.run, prepared.state, { offers, answers: new Map() })
      return outcome.kind === 'done' ? expect.fail('accepted') : outcome
    }
    expect(run).toThrow(Defect)
  })
})

describe('words', () => {
  it('every code has a remedy and an exit status', () => {
    for (const code of refusalCodes) expect([code, remedyFor(code).endsWith('.')]).toEqual([code, true])
    expect(refusalExit(failedBeforeSwap('disk full'))).toBe(20)
    expect(verdictExit({ kind: 'accepted', flaw: 'revoked' })).toBe(0)
    expect(verdictExit({ kind: 'current', flaw: null })).toBe(0)
    expect(verdictExit({ kind: 'current', flaw: 'disowned' })).toBe(12)
  })

  it('what was not proven is said as such', () => {
    expect(
      provenLines({
        publishers: null,
        log: { origin: 'x', size: 1 },
        witnesses: { names: [], of: 0, forkCost: 0 },
        rebuilders: { operators: [], required: 1, waived: true },
        consistentFrom: [1, 2],
        history: { completeTo: 5, offeredTo: 9 },
        age: null,
      }),
    ).toEqual([
      'log: x, 1 entries',
      'witnesses: none, the log alone could show a fork',
      'rebuilders: 0 of 1 needed, waived by the authority',
      'consistency: extends the tree of 1 and of 2 entries',
      'history: complete to 5, offered to 9',
      'freshness: none',
    ])
  })

  it('offline in complete mode says how far each kind of history goes', () => {
    const scene = twoReleases()
    const { state } = ran(scene.run())
    const from = scene.log.size
    scene.publish()
    const result = ran(scene.run({ state, bundle: scene.bundle({ from: [from] }), want: { online: false } }))
    expect(result.verdict?.proven.history).toEqual({ completeTo: from, offeredTo: scene.log.size })
    expect(formatState(nodeCrypto, result.state).length).toBeGreaterThan(0)
  })

  it('an aging view and a stale one that is accepted are told', () => {
    const scene = twoReleases()
    const aging = ran(scene.run({ now: NOW + 8 * 86_400, want: { acceptStale: 9 * 86_400 } }))
    expect(aging.notices.map(({ code }) => code)).toEqual(expect.arrayContaining(['aging', 'accept-stale']))
  })
})
