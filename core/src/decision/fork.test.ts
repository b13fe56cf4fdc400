/** FORK: what convicts a log, what never does, and what the evidence is worth to others. */
import { describe, expect, it } from 'vitest'
import { MemoryLog } from '../../../test/support/world.ts'
import { NOW, type Ran, ran } from '../../../test/support/world-client.ts'
import { cosigners, ORIGIN, type Scene, twoReleases } from '../../../test/support/world-scene.ts'
import { trustFile } from '../../../test/support/world-statements.ts'
import { nodeCrypto } from '../node.ts'
import { checkEvidence } from '../release/check-evidence.ts'
import { formatEvidence, parseEvidence } from '../release/evidence.ts'
import { parseTrust } from '../release/trust.ts'
import { refusalExit } from './refusal.ts'

const head = (log: MemoryLog, size?: number) =>
  log.checkpoint({ witnesses: cosigners, ...(size === undefined ? {} : { size }) })

/** A scene, and another history of the same log that shares the first `shared` entries. */
function forked(shared: number): { scene: Scene; other: MemoryLog } {
  const scene = twoReleases()
  const other = scene.log.fork(shared)
  other.pad(1)
  other.leaves.push(...scene.log.leaves.slice(other.size))
  return { scene, other }
}

function convicted(result: Ran, scene: Scene): string {
  const { refusal } = result
  expect(refusal?.code, refusal?.detail).toBe('FORK')
  expect(refusal === null ? null : refusalExit(refusal)).toBe(11)
  const evidence = parseEvidence(formatEvidence(refusal?.evidence ?? expect.fail('no evidence')))
  const finding = checkEvidence({ crypto: nodeCrypto, evidence, trust: parseTrust(nodeCrypto, scene.trust) })
  expect(finding).toMatchObject({ verdict: 'convicts', convicted: { kind: 'log', name: ORIGIN } })
  expect(result.state.log.convicted).not.toBeNull()
  return evidence.kind
}

describe('a fork is shown', () => {
  const rows: [string, string, () => { scene: Scene; result: Ran }][] = [
    [
      'a newer checkpoint that does not extend the stored one, by a stapled proof, offline',
      'fork',
      () => {
        const { scene, other } = forked(4)
        const { state } = ran(scene.run())
        const from = scene.log.size
        other.pad(4)
        const bundle = { views: [other.view({ witnesses: cosigners, from: [from] })], trust: [] }
        return { scene, result: ran(scene.run({ state, bundle, want: { online: false } })) }
      },
    ],
    [
      'the same, by tiles',
      'fork',
      () => {
        const { scene, other } = forked(4)
        const { state } = ran(scene.run())
        other.pad(4)
        const net = { logs: [other], heads: { [ORIGIN]: [head(other)] } }
        return { scene, result: ran(scene.run({ state, bundle: null, net })) }
      },
    ],
    [
      'a stored tree whose size is a power of two, by tiles',
      'fork',
      () => {
        const { scene, other } = forked(4)
        const net = { heads: { [ORIGIN]: [head(scene.log, 8)] } }
        const bundle = scene.bundle({ size: 8 })
        const { state } = ran(scene.run({ bundle, net }))
        other.pad(4)
        const forkNet = { logs: [other], heads: { [ORIGIN]: [head(other)] } }
        return { scene, result: ran(scene.run({ state, bundle: null, net: forkNet })) }
      },
    ],
    [
      'the same size with another root',
      'split',
      () => {
        const { scene, other } = forked(4)
        const { state } = ran(scene.run())
        other.leaves.length = scene.log.size
        return { scene, result: ran(scene.run({ state, bundle: null, net: { heads: { [ORIGIN]: [head(other)] } } })) }
      },
    ],
    [
      'smaller and inconsistent',
      'fork',
      () => {
        const { scene, other } = forked(4)
        const { state } = ran(scene.run())
        const net = { heads: { [ORIGIN]: [head(other, 7)] } }
        return { scene, result: ran(scene.run({ state, bundle: null, net })) }
      },
    ],
    [
      'on first contact, the anchor is of another history',
      'fork',
      () => {
        const { scene, other } = forked(4)
        const anchor = scene.anchor({ size: 7, heads: new Map() })
        const net = { logs: [other], heads: { [ORIGIN]: [head(other)] } }
        return { scene, result: ran(scene.run({ anchor, bundle: null, net })) }
      },
    ],
    [
      'two heads that each extend the stored tree and fork from each other',
      'fork',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        const other = scene.log.fork(scene.log.size)
        scene.publish()
        other.pad(1)
        other.leaves.push(new Uint8Array(3))
        other.pad(9)
        const net = { logs: [scene.log, other], heads: { [ORIGIN]: [head(other)] } }
        return { scene, result: ran(scene.run({ state, net })) }
      },
    ],
    [
      'a head that extends an older one that is offered too, and not the stored tree',
      'fork',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        const other = scene.log.fork(8)
        other.add(new Uint8Array(3))
        other.pad(9)
        const net = { logs: [scene.log, other], heads: { [ORIGIN]: [head(other)] } }
        return { scene, result: ran(scene.run({ state, bundle: scene.bundle({ size: 8 }), net })) }
      },
    ],
    [
      'a head that extends the stored tree, and not a newer one that is offered too, offline',
      'fork',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        const from = scene.log.size
        const other = scene.log.fork(from)
        scene.publish()
        other.add(new Uint8Array(3))
        other.pad(9)
        const views = [
          other.view({ witnesses: cosigners, from: [from, scene.log.size] }),
          scene.log.view({ witnesses: cosigners, from: [from], indices: scene.last.indices }),
        ]
        return { scene, result: ran(scene.run({ state, bundle: { views, trust: [] }, want: { online: false } })) }
      },
    ],
    [
      'an empty tree with the root of another',
      'empty-root',
      () => {
        const scene = twoReleases()
        const text = scene.log.checkpoint({ size: 0, root: new Uint8Array(32), witnesses: cosigners })
        return {
          scene,
          result: ran(scene.run({ bundle: null, anchor: scene.anchor(), net: { heads: { [ORIGIN]: [text] } } })),
        }
      },
    ],
    [
      'the anchor, cosigned and larger than every head, is of another history than the stored tree',
      'fork',
      () => {
        const { scene, other } = forked(4)
        const { state } = ran(scene.run())
        other.pad(4)
        const anchor = scene.anchor({ checkpoint: head(other), entries: [], heads: new Map() })
        const net = { logs: [scene.log, other] }
        return { scene, result: ran(scene.run({ state, anchor, net })) }
      },
    ],
  ]
  it.each(rows)('%s', (_, kind, run) => {
    const { scene, result } = run()
    expect(convicted(result, scene)).toBe(kind)
  })
})

describe('a convicted log', () => {
  function conviction() {
    const { scene, other } = forked(4)
    const { state } = ran(scene.run())
    other.pad(4)
    const first = ran(scene.run({ state, bundle: null, net: { logs: [other], heads: { [ORIGIN]: [head(other)] } } }))
    return { scene, state: first.state, first }
  }

  it('stays convicted after a restart, with the same evidence', () => {
    const { scene, state, first } = conviction()
    const again = ran(scene.run({ state }))
    expect(again.refusal).toMatchObject({ code: 'FORK', step: '4' })
    expect(again.refusal?.evidence).toEqual(first.refusal?.evidence)
    expect(again.state).toEqual(state)
  })

  it('is not lifted by a new trust version that names it again', () => {
    const { scene, state } = conviction()
    const trust = trustFile({ log: scene.log, version: 2 })
    expect(ran(scene.run({ state, trust })).refusal?.code).toBe('FORK')
  })

  it('is lifted by a shipped version that names another log; its floors stay', () => {
    const { scene, state } = conviction()
    const log = new MemoryLog('new.example.com')
    log.pad(2)
    const trust = trustFile({ log, version: 2 })
    const floors = new Map([['stable', { sequence: 2, id: scene.last.id }]])
    const net = { logs: [log], heads: { [log.origin]: [log.checkpoint({ witnesses: cosigners })] } }
    const result = ran(scene.run({ state: { ...state, floors }, trust, bundle: null, net }))
    expect(result.code).toBe('current')
    expect(result.state.log).toMatchObject({ origin: log.origin, convicted: null })
    expect(result.state.past).toMatchObject([{ origin: ORIGIN, convicted: { detail: expect.any(String) } }])
    expect(result.state.floors).toEqual(floors)
    expect(result.notices.map(({ code }) => code)).toEqual(expect.arrayContaining(['log-replaced', 'trust-updated']))
  })

  it('is convicted still when a later version names it again', () => {
    const { scene, state } = conviction()
    const log = new MemoryLog('new.example.com')
    log.pad(2)
    const net = { logs: [log], heads: { [log.origin]: [log.checkpoint({ witnesses: cosigners })] } }
    const moved = ran(scene.run({ state, trust: trustFile({ log, version: 2 }), bundle: null, net })).state
    const back = ran(scene.run({ state: moved, trust: trustFile({ log: scene.log, version: 3 }) }))
    expect(back.refusal?.code).toBe('FORK')
  })
})

describe('no fork is called', () => {
  it('for a wrong proof: another source may do better, and without one the head is dropped', () => {
    const scene = twoReleases()
    const { state } = ran(scene.run())
    const from = scene.log.size
    scene.publish()
    const bundle = scene.bundle({ from: [from] })
    const views = bundle.views.map((view) => ({
      ...view,
      consistency: view.consistency.map((proof) => ({ ...proof, proof: proof.proof.map(() => new Uint8Array(32)) })),
    }))
    expect(ran(scene.run({ state, bundle: { ...bundle, views } })).code).toBe('accepted')
    expect(ran(scene.run({ state, bundle: { ...bundle, views }, want: { online: false } })).refusal?.code).toBe(
      'PROOF_INVALID',
    )
  })

  it('for a wrong proof from a size that is a power of two', () => {
    const scene = twoReleases()
    const { state } = ran(
      scene.run({ bundle: scene.bundle({ size: 8 }), net: { heads: { [ORIGIN]: [head(scene.log, 8)] } } }),
    )
    const bundle = {
      views: [
        {
          ...(scene.bundle().views[0] ?? expect.fail('no view')),
          consistency: [{ from: 8, proof: [new Uint8Array(32)] }],
        },
      ],
      trust: [],
    }
    expect(ran(scene.run({ state, bundle, want: { online: false } })).refusal?.code).toBe('PROOF_INVALID')
  })

  it('for a made-up old root: only one that leads to the newer root counts', () => {
    const scene = twoReleases()
    const { state } = ran(scene.run())
    scene.publish()
    const result = ran(
      scene.run({
        state,
        net: {
          override: (need) =>
            need.kind === 'consistency'
              ? {
                  kind: 'consistency',
                  proof: scene.log.consistency(need.from, need.to).toReversed(),
                  oldRoot: new Uint8Array(32),
                }
              : null,
        },
      }),
    )
    expect(result.refusal?.code).toBe('PROOF_INVALID')
    expect(result.state.log.convicted).toBeNull()
  })

  it('where the quorum has not cosigned the other history', () => {
    const { scene, other } = forked(4)
    const { state } = ran(scene.run())
    other.pad(4)
    const text = other.checkpoint({ witnesses: { 'w1.example': NOW } })
    const net = { logs: [scene.log, other], heads: { [ORIGIN]: [text] } }
    const result = ran(scene.run({ state, net }))
    expect(result.code).toBe('accepted')
    expect(result.notices.map(({ code }) => code)).toContain('heads-dropped')
  })
})
