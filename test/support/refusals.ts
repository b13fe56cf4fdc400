/**
 * Runs that differ from an honest one in one thing, and the form of tables of what must be refused: rows by code, each a
 * sentence and a run.
 */
import {
  type BundleView,
  formatUpdateBundle,
  fromUtf8,
  type Installed,
  type RebuildStatement,
  type RefusalCode,
  type ReleaseStatement,
  refusalExit,
  utf8,
} from '@samebits/core'
import { describe, expect, it } from 'vitest'
import { entryBy, looseEntry } from './world.ts'
import { type RunResult, ran } from './world-client.ts'
import { ORIGIN, Scene, twoReleases } from './world-scene.ts'
import { hex, member, rebuild, release } from './world-statements.ts'

export type Refusals = Partial<Record<RefusalCode, readonly [string, () => RunResult][]>>

/** One test a row: the code, a remedy, the exit status. */
export function refusals(cases: Refusals): void {
  for (const [code, rows] of Object.entries(cases)) {
    describe(code, () => {
      it.each(rows)('%s', (_, run) => {
        const { refusal } = run()
        expect(refusal?.code, refusal?.detail).toBe(code)
        expect(refusal?.remedy).not.toBe('')
        const isUndecided = ['CLOCK', 'HISTORY_INCOMPLETE', 'TRANSPORT'].includes(code)
        expect(refusal === null ? null : refusalExit(refusal)).toBe(isUndecided ? 20 : 10)
      })
    })
  }
}

export const two: { threshold: number; members: object[] } = { threshold: 2, members: [member('alice'), member('bob')] }
export const offline = { want: { online: false } }

/** One run with the only view of the bundle changed. */
export function withView(change: (view: BundleView, scene: Scene) => BundleView, options = {}): RunResult {
  const scene = twoReleases()
  const bundle = scene.bundle()
  return scene.run({ bundle: { ...bundle, views: bundle.views.map((view) => change(view, scene)) }, ...options })
}

/** One offline run with another checkpoint text in the bundle. */
export function withHead(change: (text: string, scene: Scene) => string): RunResult {
  return withView((view, scene) => ({ ...view, checkpoint: change(view.checkpoint, scene) }), offline)
}

/** One run with the first entry of the bundle changed. */
export function withEntry(
  change: (entry: BundleView['entries'][number], scene: Scene) => Partial<BundleView['entries'][number]>,
): RunResult {
  return withView((view, scene) => ({
    ...view,
    entries: view.entries.map((entry, at) => (at === 0 ? { ...entry, ...change(entry, scene) } : entry)),
  }))
}

/** A bundle around a second release that is logged as these leaves say. */
export function offering(
  leaves: (statement: ReleaseStatement) => readonly Uint8Array[],
  options: ConstructorParameters<typeof Scene>[0] = {},
  over = {},
): RunResult {
  const scene = new Scene(options)
  const first = scene.publish({}, { by: ['alice', 'bob'] })
  const statement = release(2, first.id, over)
  const indices = scene.log.add(...leaves(statement))
  scene.log.pad(2)
  return scene.run({ bundle: scene.bundle({ indices }) })
}

export function flip(bytes: Uint8Array | undefined): Uint8Array {
  const copy = (bytes ?? new Uint8Array(32)).slice()
  copy[5] = (copy[5] ?? 0) ^ 1
  return copy
}

export const bundleBytes = (scene: Scene): Uint8Array => formatUpdateBundle(scene.bundle())
export const replaced = (bytes: Uint8Array, from: string, to: string): Uint8Array =>
  utf8(fromUtf8(bytes).replace(from, to))

export function record({ id, statement: { channel, sequence, version } }: Scene['last']): Installed {
  return { kind: 'record', id, channel, sequence, version }
}

/** A feed that goes on offering the release before the newest. */
export function withheld(now: number, isInstalled = false, isEmpty = false, want = {}): RunResult {
  const scene = twoReleases()
  const old = scene.bundle()
  scene.publish()
  const first = ran(scene.run({ bundle: old }))
  const witnesses = { 'w1.example': now - 60, 'w2.example': now - 60 }
  const net = { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses })] } }
  const installed = isInstalled ? record(scene.releases[1] ?? scene.last) : null
  return scene.run({ state: first.state, bundle: isEmpty ? null : old, now, net, installed, want })
}

/** Release 2, signed by alice and bob, with other entries in place of votes. */
export function rebuilt(
  votes: (statement: ReleaseStatement) => readonly Uint8Array[],
  rebuilders?: object,
  authority?: object,
  over = {},
): RunResult {
  const options = {
    ...(rebuilders === undefined ? {} : { rebuilders }),
    ...(authority === undefined ? {} : { authority }),
  }
  return offering((s) => [entryBy('bob', s), ...votes(s)], options as ConstructorParameters<typeof Scene>[0], over)
}

export function against(statement: ReleaseStatement): RebuildStatement {
  return rebuild(statement, { subjects: statement.artifacts.map(({ name }) => ({ name, sha256: hex('other bytes') })) })
}

export function voteFor(statement: ReleaseStatement, sha256: string): RebuildStatement {
  const { release: _, ...vote } = rebuild(statement, {
    subjects: statement.artifacts.map(({ name }) => ({ name, sha256 })),
  })
  return vote
}

/** An entry around a payload that the formatter would refuse, signed all the same. */
export function entryOfPayloadLoose(payload: string): Uint8Array {
  return looseEntry('alice', utf8(payload))
}
