/**
 * A mirror that fetches by itself what nobody uploads: the log's checkpoint, which becomes pending as an uploaded one would, and the
 * entries, each verified against the checkpoint's root (C2SP tlog-mirror, "other update processes").
 */
import {
  type Crypto,
  FormatError,
  fromUtf8,
  httpTileSource,
  loggedLines,
  NoteError,
  parseSignedCheckpoint,
  type SignedCheckpoint,
  type TileSource,
  treeReader,
} from '@samebits/core'
import type { LogList } from '../witness/log-list.ts'
import type { Mirror } from './mirror.ts'
import type { MirrorStore } from './mirror-store.ts'

export interface FollowParts {
  readonly mirror: Mirror
  readonly store: MirrorStore
  readonly crypto: Crypto
  readonly logs: () => LogList
  readonly fetch: typeof globalThis.fetch
  /** For one request. */
  readonly timeoutMs: number
  /** Unix seconds. */
  readonly now: () => number
  /** Entries are stored up to here, of so many. */
  readonly progress: (origin: string, next: number, size: number) => void
  /** Ends it between two batches. */
  readonly signal: AbortSignal
}

/** Why the copy is not as new as what the log shows; `detail` is for the operator. */
class FollowError extends Error {
  override readonly name = 'FollowError'
  readonly code: 'CHECKPOINT_UNUSABLE' | 'CHECKPOINT_REFUSED' | 'LOG_WENT_BACK'

  constructor(code: FollowError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What is stored together. */
const batchEntries = 4096
const batchBytes = 8 << 20
/** An unchanged tree is cosigned again after so many seconds: the copy's time says that the log still stands there. */
const refreshSeconds = 60

/**
 * Brings the copy of the log under `prefix` to what the log shows now; what was stored stays, wherever it stops.
 * @throws FollowError, SourceError, TileError; what `Mirror` throws
 */
export async function catchUp(parts: FollowParts, prefix: string): Promise<void> {
  const { fetch, timeoutMs, store, mirror, now } = parts
  const signal = () => AbortSignal.any([parts.signal, AbortSignal.timeout(timeoutMs)])
  const source = httpTileSource({ prefix, fetch, signal, allowHttpLoopback: true })
  const shown = await readCheckpoint(parts, source)
  const { origin, size } = shown.checkpoint
  await accept(parts, source, shown)
  if (!(await fill(parts, source, shown))) return
  const before = store.mirrorCheckpoint(origin)
  if (before !== null && before.size === size && now() - before.timestamp < refreshSeconds) return
  const pending = store.pending(origin, size)
  if (pending !== null) await mirror.publish(origin, pending, shown.note.signatures)
}

/** A checkpoint that a listed log has signed: nothing else is worth another request. */
async function readCheckpoint({ crypto, logs }: FollowParts, source: TileSource): Promise<SignedCheckpoint> {
  try {
    const shown = parseSignedCheckpoint(fromUtf8(await source.checkpoint()))
    const keys = logs().get(shown.checkpoint.origin)?.keys
    if (keys !== undefined && loggedLines(crypto, shown, keys) !== null) return shown
    const why = keys === undefined ? 'of a log that is not listed' : 'not signed by its log'
    throw new FollowError('CHECKPOINT_REFUSED', `the checkpoint is ${why}`)
  } catch (cause) {
    if (!(cause instanceof FormatError) && !(cause instanceof NoteError)) throw cause
    throw new FollowError('CHECKPOINT_UNUSABLE', `the log shows no checkpoint: ${cause.message}`, { cause })
  }
}

/** Makes the log's checkpoint the pending one, by the rules for anybody's. */
async function accept(parts: FollowParts, source: TileSource, shown: SignedCheckpoint): Promise<void> {
  const { store, mirror, crypto: hasher } = parts
  const { origin, size, root } = shown.checkpoint
  const oldSize = store.read(origin)?.size ?? 0
  if (size < oldSize)
    throw new FollowError('LOG_WENT_BACK', `the log shows size ${size}, and has shown ${oldSize} before`)
  const grows = oldSize > 0 && oldSize < size
  const proof = grows ? await treeReader({ hasher, source, size, root }).proveConsistency(oldSize) : []
  const decision = await mirror.addCheckpoint({ oldSize, proof, checkpoint: shown })
  if (decision.status === 200) return
  const why = `${decision.status} ${decision.body.trim()}`
  throw new FollowError('CHECKPOINT_REFUSED', `the checkpoint of ${origin} at size ${size} was refused: ${why}`)
}

/** Stores the entries that are missing; false where it was ended before it had them all. */
async function fill(parts: FollowParts, source: TileSource, { checkpoint }: SignedCheckpoint): Promise<boolean> {
  const { store, mirror, crypto: hasher, progress, signal } = parts
  const { origin, size, root } = checkpoint
  let from = store.nextEntry(origin)
  let batch: Uint8Array[] = []
  let bytes = 0
  const flush = () => {
    if (batch.length === 0) return
    mirror.save(origin, from, batch)
    from += batch.length
    ;[batch, bytes] = [[], 0]
    progress(origin, from, size)
  }
  if (from >= size) return true
  for await (const { entry } of treeReader({ hasher, source, size, root }).readEntries(from, size)) {
    batch.push(entry)
    bytes += entry.length
    if (batch.length >= batchEntries || bytes >= batchBytes) flush()
    if (signal.aborted) break
  }
  flush()
  return from >= size
}
