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
  parseUpdateBundle,
  type Trust,
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
  /** Exact bytes of the trust files that the logged trust steps name. */
  readonly trust: readonly Uint8Array[]
}

/** The update bundle of a release under `tree` (docs/formats.md §3). */
export async function makeBundle(parts: BundleParts): Promise<Restated> {
  const { tree, view, release, sizes } = parts
  const entries = await withInclusion(tree, bundleEntries(view, release))
  const known = [...sizes.anchors, ...sizes.seen].filter(({ size }) => size < tree.size)
  const proofs: ConsistencyProof[] = []
  for (const { size } of known.slice(0, bundleCaps.consistency))
    proofs.push({ from: size, proof: await tree.reader.proveConsistency(size) })
  const bytes = fitting(proofs, (consistency) =>
    formatUpdateBundle({ views: [{ checkpoint: tree.signed.text, consistency, entries }], trust: parts.trust }),
  )
  checkBundle(parts, bytes, known)
  const proven = new Set(
    parseUpdateBundle(bytes).views.flatMap(({ consistency }) => consistency.map(({ from }) => from)),
  )
  return { bytes, sizesLeftOut: known.map(({ size }) => size).filter((size) => !proven.has(size)) }
}

/** The longest run of `proofs` from the first on with which the file keeps within its cap. */
function fitting(
  proofs: readonly ConsistencyProof[],
  format: (proofs: readonly ConsistencyProof[]) => Uint8Array,
): Uint8Array {
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

/** Reads a bundle back as a client would: signatures, quorum, inclusion, and consistency with every known tree. */
function checkBundle({ log }: BundleParts, bytes: Uint8Array, known: readonly KnownTree[]): void {
  for (const view of parseUpdateBundle(bytes).views) {
    const tree = openTree(log, view.checkpoint)
    checkEntries(tree, view.entries)
    for (const proof of view.consistency) checkProof(tree, proof, known)
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
