/** What holds whatever happens: nothing spoiled is accepted, and what is remembered never goes back. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entryBy } from '../../../test/support/world.ts'
import { type Network, NOW, ran } from '../../../test/support/world-client.ts'
import { cosigners, ORIGIN, Scene } from '../../../test/support/world-scene.ts'
import { artifactBytes, member, revocation, trustFile, trustStatement } from '../../../test/support/world-statements.ts'
import { toHex } from '../bytes.ts'
import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import { nodeCrypto } from '../node.ts'
import { type BundleView, formatUpdateBundle, type UpdateBundle } from '../release/update-bundle.ts'
import { applied } from './commit.ts'
import type { State } from './state.ts'
import { formatState, parseState } from './state-format.ts'
import { verifyOffline } from './verify-offline.ts'

/** A bundle of which every part is needed: two of two publishers, two of two rebuilders, a quorum and not one more. */
function bare(): Scene {
  const scene = new Scene({
    publishers: { threshold: 2, members: [member('alice'), member('bob')] },
    rebuilders: { threshold: 2, members: [member('rob'), member('rita')] },
  })
  scene.publish({}, { by: ['alice', 'bob'], rebuiltBy: ['rob', 'rita'] })
  scene.publish({}, { by: ['alice', 'bob'], rebuiltBy: ['rob', 'rita'] })
  return scene
}

describe('nothing spoiled is accepted', () => {
  const scene = bare()
  const anchor = scene.anchor({ size: 3 })
  const bundle = scene.bundle({ from: [3] })
  const whole = formatUpdateBundle(bundle)
  const file = artifactBytes('1.2.0')
  const verify = (bytes: Uint8Array, over: { now?: number } = {}): string => {
    const want = { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null, maxAge: 7200 }
    const found = verifyOffline({
      crypto: nodeCrypto,
      now: NOW,
      want,
      trust: scene.trust,
      anchor,
      bundle: bytes,
      file: { size: file.length, sha256: toHex(nodeCrypto.sha256(file)) },
      ...over,
    })
    return found.kind === 'verified' ? 'verified' : (found.refusal.code ?? 'usage')
  }
  const online = (bytes: Uint8Array): string => ran(scene.run({ anchor, offers: [bytes] })).code

  it('and the whole is', () => {
    expect([verify(whole), online(whole)]).toEqual(['verified', 'accepted'])
  })

  it('not with any one bit of the bundle flipped', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(7), (at, bit) => {
        const changed = whole.slice()
        changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        expect(verify(changed)).not.toBe('verified')
      }),
      { numRuns: 300 },
    )
  })

  const view = bundle.views[0] ?? expect.fail('no view')
  const withView = (over: Partial<BundleView>): UpdateBundle => ({ ...bundle, views: [{ ...view, ...over }] })
  const lines = view.checkpoint.split('\n')
  const parts: [string, UpdateBundle][] = [
    ...view.entries.map(({ index }): [string, UpdateBundle] => [
      `entry ${index}`,
      withView({ entries: view.entries.filter((entry) => entry.index !== index) }),
    ]),
    ...view.entries.flatMap((entry, at) =>
      entry.inclusion.map((_, gone): [string, UpdateBundle] => [
        `hash ${gone} of the inclusion of entry ${entry.index}`,
        withView({
          entries: view.entries.map((other, place) =>
            place === at ? { ...other, inclusion: other.inclusion.filter((_hash, n) => n !== gone) } : other,
          ),
        }),
      ]),
    ),
    ...lines.flatMap((line, at): [string, UpdateBundle][] =>
      line.startsWith('— ')
        ? [
            [
              `the signature of ${line.split(' ')[1]}`,
              withView({ checkpoint: lines.filter((_, n) => n !== at).join('\n') }),
            ],
          ]
        : [],
    ),
    ['the consistency proof', withView({ consistency: [] })],
  ]
  it.each(parts)('not without %s', (_, without) => {
    expect(verify(formatUpdateBundle(without))).not.toBe('verified')
  })

  it.each(parts.filter(([name]) => name.includes('entry')))('nor online without %s', (_, without) => {
    expect(online(formatUpdateBundle(without))).not.toBe('accepted')
  })

  it('not with two entries at each other’s place', () => {
    fc.assert(
      fc.property(fc.nat(view.entries.length - 1), fc.nat(view.entries.length - 1), (a, b) => {
        fc.pre(a !== b)
        const entries = view.entries.map((entry, at) => {
          const leaf = at === a ? view.entries[b]?.leaf : at === b ? view.entries[a]?.leaf : entry.leaf
          return { ...entry, leaf: leaf ?? entry.leaf }
        })
        expect(verify(formatUpdateBundle(withView({ entries })))).not.toBe('verified')
      }),
      { numRuns: 20 },
    )
  })
})

type Move = { readonly do: string; readonly n: number }
const moves = fc.array(
  fc.record({
    do: fc.constantFrom(
      'publish',
      'pad',
      'rewitness',
      'revoke',
      'run',
      'old bundle',
      'small head',
      'fork',
      'block',
      'clock',
      'trust',
      'install',
      'empty feed',
      'offline',
    ),
    n: fc.nat(6),
  }),
  { minLength: 3, maxLength: 12 },
)

/** A client that lives through moves of the world; hands each state that it would persist to `see`. */
function live(script: readonly Move[], see: (state: State) => void): void {
  const scene = new Scene({ publishers: { threshold: 1, members: [member('alice'), member('bob')] } })
  scene.publish()
  let [state, now, version, bundle]: [State | null, number, number, UpdateBundle] = [null, NOW, 1, scene.bundle()]
  let witnesses: Record<string, number> = cosigners
  const run = (options: Parameters<Scene['run']>[0] = {}): ReturnType<typeof ran> => {
    const heads = { [ORIGIN]: [scene.log.checkpoint({ witnesses })] }
    const { net, ...rest } = options
    const result = ran(scene.run({ state, now, bundle: scene.bundle({ witnesses }), net: { heads, ...net }, ...rest }))
    for (const seen of result.states) see(seen)
    state = result.state
    return result
  }
  const block: Network['override'] = ({ kind }) =>
    kind === 'entries' ? { kind: 'failed', reason: 'transport', detail: '' } : null
  const acts: Record<string, (n: number) => void> = {
    publish: () => {
      scene.publish()
      run()
    },
    pad: (n) => scene.log.pad(n),
    rewitness: (n) => {
      now += n * 86_400
      witnesses = { 'w1.example': now - 60, 'w2.example': now - 30 }
      run({ bundle })
    },
    revoke: () => {
      scene.log.add(entryBy('alice', revocation(scene.last.id)))
      run()
    },
    run: () => {
      run()
    },
    'old bundle': () => {
      run({ bundle })
      bundle = scene.bundle({ witnesses })
    },
    'small head': (n) => {
      const size = Math.min(1 + n, scene.log.size)
      run({ bundle: null, net: { heads: { [ORIGIN]: [scene.log.checkpoint({ size, witnesses })] } } })
    },
    fork: (n) => {
      const other = scene.log.fork(2)
      other.pad(n)
      run({ bundle: null, net: { logs: [other, scene.log], heads: { [ORIGIN]: [other.checkpoint({ witnesses })] } } })
    },
    block: () => {
      run({ net: { override: block } })
    },
    clock: (n) => {
      now -= n * 40_000
      run()
    },
    trust: () => {
      version++
      const next = trustFile({
        log: scene.log,
        version,
        publishers: { threshold: 1, members: [member('alice'), member(`p${version}`)] },
      })
      scene.bodies.push(next)
      scene.log.add(entryBy('root', trustStatement(next, version)))
      run()
    },
    install: () => {
      const { verdict } = run()
      if (state === null || verdict?.kind !== 'accepted') return
      state = applied(state, verdict, null).state
      see(state)
    },
    'empty feed': () => {
      run({ bundle: null })
    },
    offline: () => {
      run({ want: { online: false } })
    },
  }
  for (const move of script) acts[move.do]?.(move.n)
}

const sizeOf = ({ log }: State): number => (log.tree === null ? 0 : parseSignedCheckpoint(log.tree).checkpoint.size)

describe('what is remembered never goes back', () => {
  it('time, tree, trust, floors, convictions, knowledge; and every state can be written', () => {
    fc.assert(
      fc.property(moves, (script) => {
        let before: State | null = null
        live(script, (state) => {
          expect(parseState(nodeCrypto, formatState(nodeCrypto, state))).toEqual(state)
          expect(state.log.read.to).toBeLessThanOrEqual(sizeOf(state))
          if (before !== null) expectGrown(before, state)
          before = state
        })
      }),
      { numRuns: 40 },
    )
  }, 60_000)

  function expectGrown(before: State, after: State): void {
    expect(after.time).toBeGreaterThanOrEqual(before.time)
    expect(sizeOf(after)).toBeGreaterThanOrEqual(sizeOf(before))
    expect(after.trust.version).toBeGreaterThanOrEqual(before.trust.version)
    expect(after.log.read.from).toBe(before.log.tree === null ? after.log.read.from : before.log.read.from)
    for (const [channel, { sequence }] of before.floors) {
      expect(after.floors.get(channel)?.sequence ?? 0).toBeGreaterThanOrEqual(sequence)
    }
    if (before.log.convicted !== null) expect(after.log.convicted).toEqual(before.log.convicted)
    const known = new Set(after.known.releases.map(({ id }) => id))
    expect(before.known.releases.filter(({ id }) => !known.has(id))).toEqual([])
  }
})
