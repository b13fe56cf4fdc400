/**
 * What a process must know before it writes (docs/log.md rule 3): that the storage holds every tree that this log ever
 * signed, as far as anything can show it: the marker, the published checkpoint, and what other places have of it.
 *
 * Storage may be larger than what was signed (committed, not yet signed), never smaller, never another tree.
 */
import { type CompactRange, equalBytes, type Hasher, type OpenedCheckpoint, rangeRoot } from '@samebits/core'
import { type Edge, readEdge } from './edge.ts'
import { extendFromStorage, type Issuable, TreeMismatchError } from './issuer.ts'
import { type Marked, MarkerError } from './marker.ts'
import { type HeadSigner, openOwn } from './signer.ts'
import { type Head, HeadMovedError, type LogReader, type LogStore } from './store.ts'
import type { WitnessCopies } from './witnessing.ts'

/** The storage lacks entries that this log has signed: it is an old copy. */
export class BehindError extends Error {
  override readonly name = 'BehindError'
  readonly code = 'STORAGE_BEHIND'
}

/** A place that must be asked before anything is signed did not answer. */
export class PlaceError extends Error {
  override readonly name = 'PlaceError'
  readonly code = 'PLACE_UNREACHABLE'
}

/** Somewhere a checkpoint of this log may be found. `read` throws PlaceError where it cannot tell; null is an answer: none. */
export interface Place {
  readonly name: string
  read(): Promise<string | null>
}

export interface TakeoverParts {
  readonly store: LogStore<unknown>
  readonly hasher: Hasher
  readonly signer: HeadSigner
  readonly marked: Marked
  readonly places: readonly Place[]
  /** What the witnesses hold of this log. */
  readonly copies: () => Promise<WitnessCopies>
  /** The epoch that is to be replaced, where others may take the lease too; null where nobody else does. */
  readonly epoch: number | null
}

/** The state from which a leader goes on. */
export interface Takeover {
  /** Under the new epoch. */
  readonly head: Head
  readonly edge: Edge
  /** Size of the last signed tree. */
  readonly signedSize: number
  readonly last: Issuable
}

/**
 * Checks storage against everything this log is known to have signed, then takes the lease, and checks what was committed
 * meanwhile: until the lease was taken, another process may still have written.
 * @throws BehindError, TreeMismatchError, MarkerError: only a person can help
 * @throws PlaceError, StorageError, HeadMovedError: worth another try
 */
export async function takeOver(parts: TakeoverParts): Promise<Takeover> {
  const { store, signer, marked } = parts
  const before = await store.head()
  if (before === null) throw new HeadMovedError(null)
  if (parts.epoch !== null && before.epoch !== parts.epoch) throw new HeadMovedError(before)
  if (marked.epoch > before.epoch)
    throw new BehindError(
      `the marker is of lease ${marked.epoch}, the storage of lease ${before.epoch}: it is an old copy`,
    )
  const last = openMarked(signer, marked)
  const signed = await checkSigned(parts, before, last.checkpoint, 'the marker')
  const others = await ownCheckpoints(parts)
  for (const { name, opened } of others)
    await checkSigned(parts, await headWith(parts, before, opened), opened.checkpoint, name)
  await checkCopies(parts)
  await edgeOf(parts, before)
  const stored = await extendFromStorage(parts, signed, before)
  const head = await store.takeLease(before.epoch)
  const edge = await edgeOf(parts, head)
  const range = await extendFromStorage(parts, stored, head)
  const signatures = [last, ...others.map(({ opened }) => opened)].flatMap(({ verified }) => verified)
  const time = Math.max(0, ...signatures.map(({ timestamp }) => timestamp ?? 0))
  return { head, edge, signedSize: signed.size, last: { range, time } }
}

async function edgeOf({ store, hasher }: TakeoverParts, head: Head): Promise<Edge> {
  const edge = await readEdge(hasher, store, head.size)
  demandRoot(hasher, edge.range, head.root, 'the stored head')
  return edge
}

/** The head as it is now, where a checkpoint is larger than it was: another process may have written in between. */
async function headWith({ store }: TakeoverParts, before: Head, { checkpoint }: OpenedCheckpoint): Promise<Head> {
  return checkpoint.size <= before.size ? before : ((await store.head()) ?? before)
}

export interface Tree {
  readonly size: number
  readonly root: Uint8Array
}

function openMarked(signer: HeadSigner, { checkpoint }: Marked): OpenedCheckpoint {
  try {
    return signer.open(checkpoint)
  } catch (cause) {
    throw new MarkerError('the checkpoint in the marker is not signed by the keys of this log', { cause })
  }
}

/** Only a checkpoint under our own valid signature counts: anybody can claim the rest. */
async function ownCheckpoints({
  store,
  signer,
  places,
}: TakeoverParts): Promise<{ name: string; opened: OpenedCheckpoint }[]> {
  const published: Place = {
    name: 'the published checkpoint',
    read: async () => (await store.published())?.checkpoint ?? null,
  }
  const found: { name: string; opened: OpenedCheckpoint }[] = []
  for (const place of [published, ...places]) {
    const text = await place.read()
    const opened = text === null ? null : openOwn(signer, text)
    if (opened !== null) found.push({ name: place.name, opened })
  }
  return found
}

/** Proof that the storage is behind comes before the complaint that too few answered. */
async function checkCopies(parts: TakeoverParts): Promise<void> {
  const { found, missing } = await parts.copies()
  const head = await parts.store.head()
  if (head === null) throw new HeadMovedError(null)
  for (const { name, checkpoint } of found) {
    const own = openOwn(parts.signer, checkpoint)
    if (own !== null) await checkSigned(parts, head, own.checkpoint, name)
  }
  if (missing !== null) throw new PlaceError(`no quorum of the witnesses says what it holds of this log: ${missing}`)
}

/**
 * Holds the committed `head` against a tree that this log has signed, and returns that tree's range.
 * @throws BehindError, TreeMismatchError
 */
export async function checkSigned(
  { store, hasher }: { readonly store: Pick<LogReader, 'tile'>; readonly hasher: Hasher },
  head: Head,
  tree: Tree,
  name: string,
): Promise<CompactRange> {
  if (tree.size > head.size)
    throw new BehindError(
      `${name} is signed at size ${tree.size}, the storage holds ${head.size} entries: it is an old copy`,
    )
  const { range } = await readEdge(hasher, store, tree.size)
  demandRoot(hasher, range, tree.root, name)
  return range
}

function demandRoot(hasher: Hasher, range: CompactRange, root: Uint8Array, name: string): void {
  if (!equalBytes(rangeRoot(hasher, range), root))
    throw new TreeMismatchError(`the stored tree of size ${range.size} has another root than ${name}`)
}
