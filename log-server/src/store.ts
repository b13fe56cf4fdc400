/**
 * Where a log keeps its entries, tiles and heads: one role, {@link LogStore}, with its obligations written on it, and one
 * contract test (`store-contract.ts`) that every implementation passes.
 *
 * Three kinds of rows belong to the log and are written by nobody else: entries with their leaf hashes, tiles of level 1
 * and above, and the head. A mode of admission (see `admission.ts`) keeps its own tables in the same database; they are the
 * `Tables` of the type, opened by an extension object (`StoreExtension` in `sql.ts`), and are written only inside
 * {@link LogStore.commit}, so that they change in the log's transactions or not at all; what no head depends on, also inside
 * {@link LogStore.update}.
 */

import { equalBytes } from '@samebits/core'

/** The committed state of a log. */
export interface Head {
  /** Number of entries. */
  readonly size: number
  /** RFC 6962 root hash of those entries, 32 bytes. */
  readonly root: Uint8Array
  /** Raised by one whenever a process takes the lease; part of the condition of every commit (docs/log.md rule 1). */
  readonly epoch: number
}

export function sameHead(a: Head, b: Head): boolean {
  return a.size === b.size && a.epoch === b.epoch && equalBytes(a.root, b.root)
}

/** A tile of level 1 or above, complete or the right edge: `hashes` holds 1 to 256 hashes of 32 bytes. */
export interface StoredTile {
  readonly level: number
  readonly index: number
  readonly hashes: Uint8Array
}

/** What one commit adds to the log. */
export interface Append {
  /** In log order, starting at the expected head's size. */
  readonly entries: readonly Uint8Array[]
  /** 32 bytes an entry, in the same order. */
  readonly leafHashes: Uint8Array
  /** Every tile of level 1 and above that the entries changed, as it is now. */
  readonly tiles: readonly StoredTile[]
  /** Root hash of the grown tree. */
  readonly root: Uint8Array
}

/** What a transaction may do. Valid only until the callback of {@link LogStore.commit} settles. */
export interface LogTransaction<Tables> {
  readonly tables: Tables
  /** At most once a transaction; entries must not be empty. */
  append(change: Append): Promise<void>
}

/** A checkpoint as it is, or was, served. */
export interface Publication {
  readonly size: number
  /** The exact bytes, as text: they are UTF-8. */
  readonly checkpoint: string
}

/** Consecutive entries as they are stored. */
export interface EntryRange {
  readonly entries: readonly Uint8Array[]
  /** 32 bytes an entry. */
  readonly leafHashes: Uint8Array
}

/**
 * What is committed, for everybody who only reads: the HTTP API, the check at start, `fsck`.
 *
 * Reads see committed rows only, and may run while a commit is under way. Bytes come back as they were given, or the read
 * fails: nothing is repaired silently.
 */
export interface LogReader {
  /** The committed head; null where no log was made yet. */
  head(): Promise<Head | null>
  /** Bytes of the entry bundle of [256 * index, 256 * index + width) (C2SP tlog-tiles, "Log entries"); null where they are not all there. */
  entries(index: number, width: number): Promise<Uint8Array | null>
  /** The first `width` hashes of a tile; null where they are not all there. */
  tile(level: number, index: number, width: number): Promise<Uint8Array | null>
  /** One entry; null past the head. */
  entry(index: number): Promise<Uint8Array | null>
  /** Entries `from` to `to - 1` with their stored leaf hashes, to check what was committed; null where they are not all there. */
  range(from: number, to: number): Promise<EntryRange | null>
  published(): Promise<Publication | null>
  /** The statement with which the log was frozen (`frozen/frozen.ts`), as it was given; null while it is not. */
  frozen(): Promise<string | null>
  /** Sizes published that are larger than `since`, ascending, at most `limit`. */
  sizes(since: number, limit: number): Promise<readonly number[]>
  close(): Promise<void>
}

/**
 * Obligations of every implementation:
 *
 * - A commit is durable (survives power loss) before its promise resolves; it is atomic, with the admission tables.
 * - A commit is conditional on the whole expected head, epoch included, under a lock on its row: no wall clock, no session.
 * - Once an operation failed with {@link StorageError}, reading goes on; the caller stops writing.
 * - A frozen log is never appended to again, by any process: that is decided under the lock of the head's row.
 */
export interface LogStore<Tables> extends LogReader {
  /** Makes the empty log (size 0, epoch 0). Throws {@link HeadMovedError} where a head exists. */
  create(emptyRoot: Uint8Array): Promise<Head>
  /**
   * Raises the epoch durably, if it is still `epoch`, and returns the head, which may have grown meanwhile: from then on
   * commits that expect an older epoch fail. Of several processes that saw the same epoch one succeeds.
   * @param next what it is raised to, larger than `epoch`; one more unless told
   * @throws HeadMovedError another process took the lease
   */
  takeLease(epoch: number, next?: number): Promise<Head>
  /**
   * Runs `work` in one transaction, if `expected` is the committed head, and commits it.
   * What `work` throws rolls back and is thrown on. Returns the new head with `work`'s result.
   * @throws HeadMovedError another process committed, or took the lease: nothing was written
   * @throws CommitUnknownError the answer to COMMIT was lost: drop the lease, read back, resume
   * @throws StorageError nothing was written, and nothing more can be
   * @throws FrozenError the work appended, and the log is frozen
   */
  commit<R>(expected: Head, work: (tx: LogTransaction<Tables>) => Promise<R>): Promise<{ head: Head; result: R }>
  /**
   * Runs `work` on the admission tables alone and commits: for rows that no head depends on (blobs that were uploaded).
   * What `work` throws rolls back and is thrown on.
   * @throws CommitUnknownError, StorageError as `commit` does
   */
  update<R>(work: (tables: Tables) => Promise<R>): Promise<R>
  /**
   * Replaces the published checkpoint durably, and adds its size to `sizes`. Never goes backwards: returns false, with
   * nothing written, where a larger size, or one under a newer lease, is published. The same size replaces (another
   * signature, more cosignatures).
   * @param epoch of the lease under which it was signed
   */
  publish(publication: Publication, epoch: number): Promise<boolean>
  /**
   * Freezes the log for ever, if `expected` is the committed head, and raises the epoch: whoever leads learns of it, and a copy
   * of the storage from before is one of an older lease. A log that is frozen stays as it was frozen.
   * @throws HeadMovedError, CommitUnknownError, StorageError as `commit` does
   */
  freeze(expected: Head, statement: string): Promise<Head>
}

/** A store with the tables of a mode of admission. */
export interface OpenStore<Tables> extends LogStore<Tables> {
  readonly tables: Tables
}

/** Another writer's head is the committed one. */
export class HeadMovedError extends Error {
  override readonly name = 'HeadMovedError'
  readonly code = 'HEAD_MOVED'
  readonly committed: Head | null
  constructor(committed: Head | null) {
    super(
      committed === null
        ? 'the store holds no log'
        : `the committed head is size ${committed.size} of epoch ${committed.epoch}: another process writes`,
    )
    this.committed = committed
  }
}

/** The log was ended: nothing is appended to it any more. */
export class FrozenError extends Error {
  override readonly name = 'FrozenError'
  readonly code = 'LOG_FROZEN'
  constructor() {
    super('the log is frozen: nothing is appended to it any more')
  }
}

/** COMMIT was sent and its answer lost: the transaction may or may not have happened. */
export class CommitUnknownError extends Error {
  override readonly name = 'CommitUnknownError'
  readonly code = 'COMMIT_UNKNOWN'
}

/** The storage refused to read or write: disk full, I/O error, failed sync, damaged file, a server that does not answer. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code: 'STORAGE_FULL' | 'STORAGE_FAILED' | 'STORAGE_DAMAGED' | 'STORAGE_BUSY' | 'STORAGE_UNREACHABLE'
  constructor(code: StorageError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
