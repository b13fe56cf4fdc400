/**
 * Evidence about statements (docs/formats.md §5): the entries of both sides, each with its inclusion under a head that the
 * policy accepts. From bundles where they carry them, otherwise from tiles of the view; where neither has them, none.
 */
import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import { formatTlogProof } from '../log/tlog-proof.ts'
import type { Evidence, StatementEvidence } from '../release/evidence.ts'
import type { LoggedEntry } from '../release/logged-entry.ts'
import { Halt } from './halt.ts'
import { inclusionFault } from './inclusion.ts'
import { type InclusionNeed, type Material, needKey } from './material.ts'
import type { Observed } from './observe.ts'
import { sourcesOf } from './offers.ts'
import type { Tree } from './one-history.ts'
import { isOnline, type Run } from './run.ts'
import type { KnownEntry } from './state.ts'

/** Entries of one side at most: a file of evidence holds 256. */
const MAX_SIDE = 128

export interface Sides {
  readonly kind: StatementEvidence['kind']
  readonly a: readonly Pick<KnownEntry, 'index'>[]
  readonly b: readonly Pick<KnownEntry, 'index'>[]
}

/** The evidence, null where its material cannot be had, or the need for it. */
export function statementEvidence(
  run: Run,
  observed: Observed,
  material: Material,
  { kind, a, b }: Sides,
): Evidence | Halt | null {
  const [left, right] = [a.slice(0, MAX_SIDE), b.slice(0, MAX_SIDE)]
  const indices = [...new Set([...left, ...right].map(({ index }) => index))].sort((x, y) => x - y)
  const proven = new Map(indices.flatMap((index) => provenInBundle(run, observed, index)))
  const missing = indices.filter((index) => !proven.has(index))
  if (missing.length > 0) {
    const fetched = fetchProven(run, observed, material, missing)
    if (fetched instanceof Halt || fetched === null) return fetched
    for (const [index, found] of fetched) proven.set(index, found)
  }
  const side = (entries: typeof left): Proven[] =>
    entries.flatMap(({ index }) => [proven.get(index)].filter((found) => found !== undefined))
  const [first, second] = [side(left), side(right)]
  return {
    kind,
    origin: observed.rule.trust.origin,
    a: first.map(({ proof }) => proof),
    b: second.map(({ proof }) => proof),
    leaves: [...first, ...second].map(({ leaf }) => leaf),
    trust: observed.rule.trust.bytes,
  }
}

interface Proven {
  /** tlog-proof, its text. */
  readonly proof: string
  readonly leaf: Uint8Array
}

function provenInBundle(run: Run, { heads }: Observed, index: number): [number, Proven][] {
  for (const head of heads) {
    const entry = head.view?.entries.find((candidate) => candidate.index === index)
    if (entry !== undefined && inclusionFault(run.checker.crypto, entry, head) === null)
      return [[index, prove(entry, head)]]
  }
  return []
}

function prove({ index, inclusion: hashes, leaf }: LoggedEntry, { text }: Tree): Proven {
  return { proof: formatTlogProof({ index, hashes, checkpoint: parseSignedCheckpoint(text) }), leaf }
}

/** All that are missing, from tiles; null where the client is offline or they cannot be had. */
function fetchProven(
  run: Run,
  { rule, view }: Observed,
  material: Material,
  indices: readonly number[],
): Map<number, Proven> | Halt | null {
  if (!isOnline(run) || indices.some((index) => index >= view.size)) return null
  const { size, root } = view
  const need: InclusionNeed = {
    kind: 'inclusion',
    origin: rule.trust.origin,
    indices,
    size,
    root,
    sources: sourcesOf(rule),
  }
  const answer = material.answers.get(needKey(need))
  if (answer === undefined) return Halt.needing(need)
  if (answer.kind !== 'inclusion') return null
  const found = new Map<number, Proven>()
  for (const { index, entry: leaf, inclusion } of answer.entries) {
    if (inclusionFault(run.checker.crypto, { index, inclusion, leaf }, view) !== null) continue
    found.set(index, prove({ index, inclusion, leaf }, view))
  }
  return indices.every((index) => found.has(index)) ? found : null
}
