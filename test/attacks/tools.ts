/** Small changes that several cases make. */
import { type BundleView, fromUtf8, type UpdateBundle, utf8 } from '@samebits/core'
import { entryBy, looseEntry } from '../support/world.ts'
import type { Scene } from '../support/world-scene.ts'
import { hex, rebuild, release } from '../support/world-statements.ts'
import { notes, type Stage } from './stage.ts'

export const day = 86_400
export type Release = ReturnType<typeof release>
type BundleEntry = BundleView['entries'][number]

export function flip(bytes: Uint8Array = new Uint8Array(32)): Uint8Array {
  const copy = bytes.slice()
  copy[5] = (copy[5] ?? 0) ^ 1
  return copy
}

/** Text of bytes, changed. */
export function altered(bytes: Uint8Array, change: (text: string) => string): Uint8Array {
  return utf8(change(fromUtf8(bytes)))
}

/** The first entry of the offer, changed. */
export function offerEntry(stage: Stage, change: (entry: BundleEntry) => Partial<BundleEntry>): void {
  stage.offerView((view) => ({
    ...view,
    entries: view.entries.map((entry, at) => (at === 0 ? { ...entry, ...change(entry) } : entry)),
  }))
}

/** The second release, logged and offered as these leaves say. */
export function offerLeaves(
  stage: Stage,
  leaves: (statement: Release) => readonly Uint8Array[],
  over: Partial<Release> = {},
): UpdateBundle {
  const { scene } = stage
  const version = over.version ?? '1.2.0'
  const statement = release(2, scene.releases[0]?.id ?? null, { version, artifacts: [notes(version)], ...over })
  const indices = scene.log.add(...leaves(statement))
  scene.log.pad(2)
  const bundle = stage.bundle({ indices })
  stage.offer = bundle
  return bundle
}

/** The second release, signed by bob, with other entries in place of votes. */
export function offerVotes(
  stage: Stage,
  votes: (statement: Release) => readonly Uint8Array[],
  over: Partial<Release> = {},
): UpdateBundle {
  return offerLeaves(stage, (statement) => [entryBy('bob', statement), ...votes(statement)], over)
}

/** A vote that says: I got other bytes. */
export function against(statement: Release) {
  return rebuild(statement, { subjects: statement.artifacts.map(({ name }) => ({ name, sha256: hex('other bytes') })) })
}

/** An entry around a payload that the formatter would refuse, signed all the same. */
export function loose(payload: string): Uint8Array {
  return looseEntry('alice', utf8(payload))
}

/** Index of the last line of signatures. */
export function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n— ') + 1)
}

export function firstIndices({ releases }: Scene): readonly number[] {
  return releases[0]?.indices ?? []
}
