/**
 * Brings a storage that is behind up to what was signed (docs/log.md rule 3): the missing entries are appended byte for byte
 * from published tiles or a mirror, each batch verified against a checkpoint of our own before it is committed.
 *
 * A mode that keeps an index decides on each entry again, as when it was submitted: the index follows from the entries. It can
 * be interrupted and run again at any time; it ends at the tree that was asked for or says what is missing.
 */
import {
  checkConsistency,
  concat,
  equalBytes,
  type Hasher,
  httpGet,
  MAX_BODY_BYTES,
  type OpenedCheckpoint,
  ProofError,
  SourceError,
  type TileSource,
  toHex,
  treeReader,
} from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Admission } from './admission.ts'
import { type Edge, growEdge, readEdge } from './edge.ts'
import type { EntryBodies } from './http/modes-http.ts'
import { TreeMismatchError } from './issuer.ts'
import type { Marked } from './marker.ts'
import type { Head, LogStore } from './store.ts'

export interface RestoreParts<Item, Tables> {
  readonly store: LogStore<Tables>
  readonly hasher: Hasher
  readonly source: TileSource
  /** The tree to restore, under our own signature. */
  readonly target: OpenedCheckpoint
  /** The target is what the source publishes, with its cosignatures: it may be published here, too. */
  readonly publish: boolean
  /** What the marker says, where there is one. */
  readonly marked: Marked | null
  /** Where entries are decided upon again; null where nothing is kept of them. */
  readonly admission: Admission<Item, Tables> | null
  readonly bodies: EntryBodies<Item> | null
  /** A body by its digest, from where the entries come from. @throws SourceError */
  readonly fetchBody: (sha256: string) => Promise<Uint8Array>
  /** Unix seconds. */
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onProgress: (size: number) => void
}

export interface Restored {
  /** Entries that were there before. */
  readonly from: number
  readonly to: number
  /** Of the lease that was taken for it. */
  readonly epoch: number
}

/** Entries of one commit. */
const batchEntries = 256

/** @throws ProgramError RESTORE_REFUSED; TreeMismatchError, SourceError, StorageError */
export async function restoreLog<Item, Tables>(parts: RestoreParts<Item, Tables>): Promise<Restored> {
  const { store, hasher, target, source, marked, signal } = parts
  const { size, root } = target.checkpoint
  const before = (await store.head()) ?? (await store.create(hasher.sha256(new Uint8Array(0))))
  const tree = treeReader({ hasher, source, size, root })
  await demandPrefix(parts, tree, before)
  const next = Math.max(before.epoch, marked?.epoch ?? 0) + 1
  let head = await store.takeLease(before.epoch, next)
  let edge = await readEdge(hasher, store, head.size)
  const batch: Uint8Array[] = []
  const flush = async () => {
    ;({ head, edge } = await append(parts, { head, edge }, batch.splice(0)))
    parts.onProgress(head.size)
  }
  for await (const { entry } of tree.readEntries(Math.min(head.size, size), size)) {
    signal.throwIfAborted()
    if (batch.push(entry) === batchEntries) await flush()
  }
  if (batch.length > 0) await flush()
  if (head.size === size && !equalBytes(head.root, root))
    throw new TreeMismatchError('the restored tree has another root')
  if (parts.publish) await store.publish({ size, checkpoint: target.text }, head.epoch)
  return { from: before.size, to: head.size, epoch: head.epoch }
}

/** What is stored must be the beginning of the tree that was signed, or go beyond it. */
async function demandPrefix<Item, Tables>(
  { store, hasher, target }: RestoreParts<Item, Tables>,
  tree: ReturnType<typeof treeReader>,
  head: Head,
): Promise<void> {
  const { size, root } = target.checkpoint
  const stored = await readEdge(hasher, store, Math.min(head.size, size))
  const fromRoot = growEdge(hasher, stored, []).root
  try {
    if (head.size >= size) {
      if (!equalBytes(fromRoot, root)) throw new TreeMismatchError(`the stored tree has another root at size ${size}`)
      return
    }
    const proof = await tree.proveConsistency(head.size)
    checkConsistency(hasher, { from: head.size, to: size, proof, fromRoot, toRoot: root })
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    throw new TreeMismatchError(`the ${head.size} entries stored are not the beginning of the tree of size ${size}`, {
      cause,
    })
  }
}

interface Position {
  readonly head: Head
  readonly edge: Edge
}

/** Commits entries, together where that goes: a batch may hold the trust file by which its later entries are known. */
async function append<Item, Tables>(
  parts: RestoreParts<Item, Tables>,
  at: Position,
  entries: readonly Uint8Array[],
): Promise<Position> {
  try {
    return await commit(parts, at, entries)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    if (entries.length === 1) throw refusal(error)
    const half = entries.length >> 1
    return append(parts, await append(parts, at, entries.slice(0, half)), entries.slice(half))
  }
}

async function commit<Item, Tables>(
  parts: RestoreParts<Item, Tables>,
  { head, edge }: Position,
  entries: readonly Uint8Array[],
): Promise<Position> {
  const { store, hasher } = parts
  const items = await prepareAll(parts, head.size, entries)
  const leafHashes = hasher.leafHashes(entries)
  const growth = growEdge(hasher, edge, leafHashes)
  const committed = await store.commit(head, async (tx) => {
    if (items !== null) await decideAll(parts, tx.tables, items, { first: head.size, entries, leafHashes })
    await tx.append({ entries, leafHashes: concat(...leafHashes), tiles: growth.tiles, root: growth.root })
  })
  return { head: committed.head, edge: growth.edge }
}

async function prepareAll<Item, Tables>(
  { admission, bodies, fetchBody, hasher }: RestoreParts<Item, Tables>,
  first: number,
  entries: readonly Uint8Array[],
): Promise<Item[] | null> {
  if (admission === null) return null
  const items: Item[] = []
  for (const [at, leaf] of entries.entries()) {
    const prepared = await admission.prepare(leaf)
    if (prepared.kind === 'refuse') throw new RefusedError(first + at, prepared.code, prepared.detail)
    items.push(prepared.item)
  }
  for (const sha256 of (await bodies?.missing(items)) ?? []) {
    const body = await fetchBody(sha256)
    if (toHex(hasher.sha256(body)) !== sha256)
      throw new SourceError('transport', sha256, 'it does not hash to its address')
    await bodies?.keep(sha256, body)
  }
  return items
}

async function decideAll<Item, Tables>(
  { admission, now }: RestoreParts<Item, Tables>,
  tables: Tables,
  items: readonly Item[],
  batch: {
    readonly first: number
    readonly entries: readonly Uint8Array[]
    readonly leafHashes: readonly Uint8Array[]
  },
): Promise<void> {
  const decisions = await admission?.begin(tables, items)
  for (const [at, item] of items.entries()) {
    const index = batch.first + at
    const [leaf, leafHash] = [batch.entries[at], batch.leafHashes[at]] as [Uint8Array, Uint8Array]
    const verdict = await decisions?.decide(item, { index, leaf, leafHash, now: now() })
    if (verdict?.kind === 'duplicate') throw new RefusedError(index, 'duplicate', `it is entry ${verdict.index} again`)
    if (verdict?.kind === 'refuse') throw new RefusedError(index, verdict.code, verdict.detail)
  }
  await decisions?.flush()
}

/** An entry that is in the log and that admission would not take now. */
class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly index: number
  constructor(index: number, code: string, detail: string) {
    super(`entry ${index}: ${detail} (${code})`)
    this.index = index
  }
}

function refusal(cause: RefusedError): ProgramError {
  return new ProgramError({
    code: 'RESTORE_REFUSED',
    detail: `the index cannot be made again from ${cause.message}`,
    remedy:
      'Name the admission file that was in force, and a source that has the detached bodies (a server, not a folder).',
    cause,
  })
}

/** Bodies from the server that the entries come from (docs/formats.md §4). */
export function bodiesOver(url: string, fetch: typeof globalThis.fetch): (sha256: string) => Promise<Uint8Array> {
  const signal = () => AbortSignal.timeout(60_000)
  return (sha256) => httpGet({ fetch, signal, allowHttpLoopback: true }, `${url}/v1/blob/${sha256}`, MAX_BODY_BYTES)
}
