/**
 * The files that carry proofs, made anew under one tree: every inclusion and every consistency proof is computed from
 * authenticated tiles and checked again as a client will check it, before a byte is written.
 */
import {
  type BundleView,
  bundleCaps,
  type ConsistencyProof,
  checkConsistency,
  FileError,
  formatAnchor,
  formatUpdateBundle,
  fromBase64,
  type LoggedEntry,
  openLoggedEntry,
  parseAnchor,
  parseSignedCheckpoint,
  parseUpdateBundle,
  type Trust,
  toBase64,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { ProductEntry } from './history.ts'
import { type Log, openTree, type Tree } from './log-access.ts'
import type { LoggedRelease, ProductView } from './product-view.ts'
import type { KnownTree, Sizes } from './sizes.ts'
import { anchorEntries, bundleEntries } from './staple-set.ts'

export interface Restated {
  readonly bytes: Uint8Array
  /** Sizes of `sizes.json` that did not fit. */
  readonly sizesLeftOut: readonly number[]
}

export interface BundleParts {
  readonly log: Log
  readonly tree: Tree
  readonly view: ProductView
  readonly release: LoggedRelease
  readonly sizes: Sizes
  /** Views that trust steps need besides: of this log without proofs, of logs before it with their own. Oldest first. */
  readonly steps: readonly BundleView[]
  /** Exact bytes of the trust files that the logged trust steps name. */
  readonly trust: readonly Uint8Array[]
}

/** The update bundle of a release under `tree` (docs/formats.md §3). */
export async function makeBundle(parts: BundleParts): Promise<Restated> {
  const { tree, view, release, sizes, log, steps } = parts
  const entries = await withInclusion(tree, bundleEntries(view, release))
  const known = [...sizes.anchors, ...sizes.seen].filter(({ size }) => size < tree.size)
  const earlier = steps.filter(({ checkpoint }) => isOlder(log, checkpoint, tree))
  const newest: BundleView = { checkpoint: tree.signed.text, consistency: [], entries }
  const views = [...earlier, newest]
  const bytes = fitting(await proofsFor(parts, views, known), (proofs) =>
    formatUpdateBundle({ views: withProofs(views, proofs), trust: parts.trust }),
  )
  checkBundle(parts, bytes, known)
  const proven = new Set((parseUpdateBundle(bytes).views.at(-1)?.consistency ?? []).map(({ from }) => from))
  return { bytes, sizesLeftOut: known.map(({ size }) => size).filter((size) => !proven.has(size)) }
}

/** A view of another log, or of this one when it was smaller. */
function isOlder({ origin }: Log, text: string, tree: Tree): boolean {
  const { checkpoint } = parseSignedCheckpoint(text)
  return checkpoint.origin !== origin || checkpoint.size < tree.size
}

/** A proof for one of the views. */
interface PlacedProof {
  readonly view: number
  readonly proof: ConsistencyProof
}

/**
 * What leads from one view to the next comes first, then a proof from every known size to the first view above it and to the
 * newest: a client of before a step goes by the former, one of after it by the latter. (Views of another log bring their own.)
 */
async function proofsFor(
  { log }: BundleParts,
  views: readonly BundleView[],
  known: readonly KnownTree[],
): Promise<readonly PlacedProof[]> {
  const own = views.flatMap(({ checkpoint }, view) => {
    const { origin, size } = parseSignedCheckpoint(checkpoint).checkpoint
    return origin === log.origin ? [{ view, size, tree: openTree(log, checkpoint) }] : []
  })
  const newest = own.at(-1)
  const wanted = new Map<string, { readonly from: number; readonly to: (typeof own)[number] }>()
  const want = (from: number, to: (typeof own)[number] | undefined) => {
    if (to !== undefined && from > 0 && from < to.size) wanted.set(`${from} ${to.view}`, { from, to })
  }
  for (const [at, to] of own.entries()) for (const { size } of own.slice(0, at)) want(size, to)
  for (const { size } of known) {
    want(size, newest)
    want(
      size,
      own.find((view) => view.size > size),
    )
  }
  const room = bundleCaps.consistency - views.reduce((sum, { consistency }) => sum + consistency.length, 0)
  const proofs: PlacedProof[] = []
  for (const { from, to } of [...wanted.values()].slice(0, Math.max(0, room)))
    proofs.push({ view: to.view, proof: { from, proof: await to.tree.reader.proveConsistency(from) } })
  return proofs
}

function withProofs(views: readonly BundleView[], proofs: readonly PlacedProof[]): readonly BundleView[] {
  return views.map((view, at) => ({
    ...view,
    consistency: [...view.consistency, ...proofs.filter((placed) => placed.view === at).map(({ proof }) => proof)],
  }))
}

/** The longest run of `proofs` from the first on with which the file keeps within its cap. */
function fitting(proofs: readonly PlacedProof[], format: (proofs: readonly PlacedProof[]) => Uint8Array): Uint8Array {
  for (let count = proofs.length; ; count = Math.floor(count * 0.9)) {
    try {
      return format(proofs.slice(0, count))
    } catch (error) {
      if (!(error instanceof FileError && error.fault === 'too-large') || count === 0) throw error
    }
  }
}

/** The anchor of a tree, for the application that is built next (docs/formats.md §2). */
export async function makeAnchor(
  { log, tree, view }: Pick<BundleParts, 'log' | 'tree' | 'view'>,
  trust: Trust,
  feeds: readonly string[],
): Promise<Uint8Array> {
  const entries = await withInclusion(tree, anchorEntries(trust, view))
  const { product } = trust
  const bytes = formatAnchor({ product, checkpoint: tree.signed.text, heads: view.heads, entries, feeds })
  const anchor = parseAnchor(bytes)
  checkEntries(openTree(log, anchor.checkpoint), anchor.entries)
  return bytes
}

async function withInclusion(tree: Tree, entries: readonly ProductEntry[]): Promise<LoggedEntry[]> {
  const logged: LoggedEntry[] = []
  for (const { index, entry } of entries)
    logged.push({ index, inclusion: await tree.reader.proveInclusion(index), leaf: entry.leaf })
  return logged
}

/**
 * Reads a bundle back as a client would: signatures, inclusion, and consistency with every known tree. Views of another log
 * were checked when they were kept; no key of it is listed any more.
 */
function checkBundle({ log }: BundleParts, bytes: Uint8Array, known: readonly KnownTree[]): void {
  const trees = [...known]
  for (const view of parseUpdateBundle(bytes).views) {
    if (parseSignedCheckpoint(view.checkpoint).checkpoint.origin !== log.origin) continue
    const tree = openTree(log, view.checkpoint)
    checkEntries(tree, view.entries)
    for (const proof of view.consistency) checkProof(tree, proof, trees)
    trees.push({ size: tree.size, root: toBase64(tree.signed.checkpoint.root) })
  }
}

function checkEntries(tree: Tree, entries: BundleView['entries']): void {
  const { size, root } = tree.signed.checkpoint
  for (const entry of entries) openLoggedEntry(nodeCrypto, entry, { size, root })
}

function checkProof(tree: Tree, { from, proof }: ConsistencyProof, known: readonly KnownTree[]): void {
  const older = known.find(({ size }) => size === from)
  if (older === undefined) throw new Error(`a proof from ${from}, which no one asked for`)
  const fromRoot = fromBase64(older.root)
  const { size: to, root: toRoot } = tree.signed.checkpoint
  checkConsistency(nodeCrypto, { from, to, proof, fromRoot, toRoot })
}
