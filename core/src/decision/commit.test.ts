/** Steps 24 and 25: what is staged, judged again at apply, and what success and failure leave behind. */
import { describe, expect, it } from 'vitest'
import { entryBy, MemoryLog } from '../../../test/support/world.ts'
import { drive, type Network, NOW, type Ran, ran } from '../../../test/support/world-client.ts'
import { type Scene, twoReleases } from '../../../test/support/world-scene.ts'
import { revocation, trustFile } from '../../../test/support/world-statements.ts'
import { utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { parseUpdateBundle } from '../release/update-bundle.ts'
import { applied, renew, rolledBack, stage } from './commit.ts'
import type { PreviousInstall, State } from './state.ts'
import { formatStateFile, parseStateFile } from './state-file.ts'
import type { Accepted } from './verdict.ts'

const day = 86_400

function accepted({ verdict, refusal }: Ran): Accepted {
  return verdict?.kind === 'accepted' ? verdict : expect.fail(refusal?.detail ?? 'current')
}

/** One run that ends in an update, staged. */
function staged(scene: Scene, options: Parameters<Scene['run']>[0] = {}) {
  const result = ran(scene.run(options))
  const driven = drive(
    (state, material) => stage(result.run, state, accepted(result), material),
    result.state,
    result.material.offers,
    scene.network(options.net),
    result.material.answers,
  )
  return { result, driven, state: driven.outcome.state }
}

function apply(scene: Scene, state: State, options: Parameters<Scene['run']>[0] = {}): Ran {
  const read = parseStateFile(nodeCrypto, formatStateFile(nodeCrypto, state))
  const driven = ran(scene.run({ state: read, bundle: null, ...options, want: { action: 'apply', ...options?.want } }))
  expect(driven.asked).toEqual([])
  return driven
}

describe('what is staged', () => {
  it('is the offer under the stored view, which may be newer than that of the bundle', () => {
    const scene = twoReleases()
    const bundle = scene.bundle()
    scene.log.pad(5)
    const { state, driven } = staged(scene, { bundle })
    const [view] = parseUpdateBundle(utf8(state.staged?.bundle ?? '')).views
    expect(view?.checkpoint).toBe(state.log.tree)
    expect(view?.entries.map(({ index }) => index)).toEqual(scene.last.indices)
    expect(driven.asked.map(({ kind }) => kind)).toEqual(['inclusion'])
    expect(state.staged).toMatchObject({
      id: scene.last.id,
      sequence: 2,
      want: { platform: 'linux-x64', online: true },
    })
  })

  it('needs nothing where the bundle is of the stored view', () => {
    expect(staged(twoReleases()).driven.asked).toEqual([])
  })

  it('carries the proof from the anchor', () => {
    const scene = twoReleases()
    const anchor = scene.anchor({ indices: scene.releases.flatMap(({ indices }) => indices) })
    const from = scene.log.size
    scene.publish()
    const { state } = staged(scene, { anchor })
    expect(
      parseUpdateBundle(utf8(state.staged?.bundle ?? '')).views[0]?.consistency.map((proof) => proof.from),
    ).toEqual([from])
    expect(apply(scene, state, { anchor }).code).toBe('accepted')
  })

  it('asks for the proof from the anchor where none that it has leads to the stored view', () => {
    const scene = twoReleases()
    const anchor = scene.anchor({ indices: scene.releases.flatMap(({ indices }) => indices) })
    const from = scene.log.size
    scene.publish()
    const bundle = scene.bundle({ from: [from] })
    scene.log.pad(3)
    const { state, driven } = staged(scene, { anchor, bundle })
    expect(driven.asked).toMatchObject([{ kind: 'inclusion' }, { kind: 'consistency', from, to: scene.log.size }])
    expect(apply(scene, state, { anchor }).code).toBe('accepted')
    let asked = 0
    const override: Network['override'] = (need) =>
      need.kind === 'consistency' && need.from === from && asked++ >= 0
        ? { kind: 'failed', reason: 'transport', detail: 'reset' }
        : null
    const failed = staged(scene, { anchor, bundle, net: { override } })
    expect([failed.driven.outcome.kind, asked]).toEqual(['stopped', 1])
  })

  it('cannot be staged where inclusion cannot be had', () => {
    const scene = twoReleases()
    const bundle = scene.bundle()
    scene.log.pad(5)
    const override: Network['override'] = ({ kind }) =>
      kind === 'inclusion' ? { kind: 'failed', reason: 'transport', detail: 'reset' } : null
    const { driven } = staged(scene, { bundle, net: { override } })
    expect(driven.outcome).toMatchObject({
      kind: 'stopped',
      refusal: { code: 'TRANSPORT', step: '24' },
      state: { staged: null },
    })
  })

  it('is refused with inclusion proofs that do not verify', () => {
    const scene = twoReleases()
    const bundle = scene.bundle()
    scene.log.pad(5)
    const override: Network['override'] = (need) =>
      need.kind === 'inclusion'
        ? {
            kind: 'inclusion',
            entries: need.indices.map((index) => ({ index, entry: new Uint8Array(3), inclusion: [] })),
          }
        : null
    expect(staged(scene, { bundle, net: { override } }).driven.outcome.kind).toBe('stopped')
  })
})

describe('apply', () => {
  it('judges again, without the network', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    expect(apply(scene, state).verdict).toMatchObject({ kind: 'accepted', id: scene.last.id })
  })

  it('takes the limit of the want it was staged under', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    expect(apply(scene, state, { now: NOW + 29 * day }).code).toBe('accepted')
    expect(apply(scene, state, { now: NOW + 31 * day }).refusal).toMatchObject({ code: 'STALE', step: '11' })
    const offline = staged(scene, { want: { online: false } }).state
    expect(apply(scene, offline, { now: NOW + 31 * day }).code).toBe('accepted')
    expect(apply(scene, state, { now: NOW + 31 * day, want: { acceptStale: 40 * day } }).code).toBe('accepted')
  })

  it('refuses what was revoked in the meantime', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    scene.log.add(entryBy('root', revocation(scene.last.id)))
    const check = ran(scene.run({ state, bundle: null }))
    const renewed = drive((given, material) => renew(check.run, given, material), check.state, [], scene.network())
    expect(apply(scene, renewed.outcome.state).refusal?.code).toBe('REVOKED')
  })

  it('is not possible once the tree moved and the staged bundle was not renewed', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    scene.log.pad(4)
    const moved = ran(scene.run({ state, bundle: null })).state
    expect(apply(scene, moved).refusal?.code).toBe('PROOF_MISSING')
  })

  it('refuses when the clock went back', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    expect(apply(scene, state, { now: NOW - day }).refusal?.code).toBe('CLOCK')
  })

  it('is gone with the log under which it was staged', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    const trust = trustFile({ log: new MemoryLog('new.example.com'), version: 2 })
    const moved = ran(scene.run({ state, trust })).state
    expect(moved.staged).toBeNull()
    expect(scene.run({ state: moved, want: { action: 'apply' } }).refusal?.kind).toBe('usage')
  })
})

describe('renewal', () => {
  const again = (scene: Scene, check: Ran, network: Network = scene.network()) =>
    drive((given, material) => renew(check.run, given, material), check.state, [], network)

  it('restates what is staged under the tree that a later check stored', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    scene.log.pad(4)
    const check = ran(scene.run({ state, bundle: null }))
    const renewed = again(scene, check)
    expect(renewed.asked.map(({ kind }) => kind)).toEqual(['inclusion'])
    expect(apply(scene, renewed.outcome.state).code).toBe('accepted')
  })

  it('does nothing where nothing is staged, or the tree has not moved', () => {
    const scene = twoReleases()
    const first = ran(scene.run())
    expect(again(scene, first).outcome).toMatchObject({ kind: 'done', state: first.state })
    const { state, result } = staged(scene)
    expect(renew(result.run, state, result.material)).toMatchObject({ kind: 'done', state })
  })

  it('leaves it as it was where the proofs cannot be had', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    scene.log.pad(4)
    const check = ran(scene.run({ state, bundle: null }))
    const failed = again(scene, check, {})
    expect(failed.outcome).toMatchObject({ kind: 'stopped', refusal: { code: 'TRANSPORT' } })
    expect(failed.outcome.state.staged).toEqual(state.staged)
  })

  it('leaves it as it was offline', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    const from = scene.log.size
    scene.log.pad(4)
    const bundle = scene.bundle({ from: [from] })
    const check = ran(scene.run({ state, bundle, want: { online: false } }))
    expect(again(scene, check).outcome).toMatchObject({ kind: 'stopped', refusal: { code: 'PROOF_MISSING' } })
  })
})

describe('after the swap', () => {
  const previous = ({ id, statement }: Scene['last']): PreviousInstall => ({
    product: statement.product,
    channel: statement.channel,
    id,
    sequence: statement.sequence,
    version: statement.version,
    sha256: statement.artifacts[0]?.sha256 ?? '',
    trustVersion: 1,
    manifestSha256: 'a'.repeat(64),
  })
  const installed = (scene: Scene) => ({ kind: 'record' as const, ...previous(scene.last) })

  it('the release is the record and the floor, and nothing is staged', () => {
    const scene = twoReleases()
    const { state, result } = staged(scene)
    const done = applied(state, accepted(result), previous(scene.releases[0] ?? scene.last))
    expect(done.record).toEqual({
      product: 'example.com/notes',
      channel: 'stable',
      id: scene.last.id,
      sequence: 2,
      version: '1.2.0',
      sha256: scene.last.statement.artifacts[0]?.sha256,
      trustVersion: 1,
    })
    expect(done.state).toMatchObject({ staged: null, previous: { sequence: 1 }, held: [] })
    expect(done.state.floors).toEqual(new Map([['stable', { sequence: 2, id: scene.last.id }]]))
  })

  it('a step back keeps the floor and holds the newer id', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    const first = scene.releases[0] ?? scene.last
    const bundle = scene.bundle({ indices: first.indices })
    const back = ran(scene.run({ state, bundle, installed: installed(scene), want: { downgradeTo: '1.1.0' } }))
    expect(back.verdict).toMatchObject({ kind: 'accepted', downgrade: true, sequence: 1 })
    const done = applied(back.state, accepted(back), previous(scene.last))
    expect(done.state.floors.get('stable')).toEqual({ sequence: 2, id: scene.last.id })
    expect(done.state.held).toEqual([{ id: scene.last.id, reason: 'stepped-back' }])
    const record = { kind: 'record' as const, ...done.record }
    expect(ran(scene.run({ state: done.state, installed: record })).verdict?.kind).toBe('current')
    scene.publish()
    expect(ran(scene.run({ state: done.state, installed: record })).verdict).toMatchObject({
      kind: 'accepted',
      sequence: 3,
    })
  })

  it('a failed health check holds the id and leaves the floor', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    const after = rolledBack(state, scene.last.id)
    expect(after).toMatchObject({ staged: null, held: [{ id: scene.last.id, reason: 'failed' }], floors: state.floors })
    expect(rolledBack(after, scene.last.id).held).toHaveLength(1)
    expect(ran(scene.run({ state: after })).verdict?.kind).toBe('current')
  })

  it('a held release that is named and applied is held no longer', () => {
    const scene = twoReleases()
    const { state } = staged(scene)
    const held = rolledBack(state, scene.last.id)
    const result = ran(scene.run({ state: held, want: { downgradeTo: '1.2.0' } }))
    expect(applied(result.state, accepted(result), null).state.held).toEqual([])
  })
})
