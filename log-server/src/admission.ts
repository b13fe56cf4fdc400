/**
 * Admission: which bytes may become entries (docs/formats.md §1, *Admission*).
 *
 * The sequencer knows nothing about statements. It hands every submitted leaf to an {@link Admission}, in three steps:
 *
 * 1. `prepare` runs at once, outside any transaction, concurrently: size, parsing, canonical form, signature.
 * 2. `begin` and `decide` run inside the sequencing transaction, in submission order, alone: duplicates, chains, heads.
 *    What they read and write are the *admission tables* `Tables`, which live in the log's own database and change in the
 *    log's own transactions (see `store.ts`), so that a decision and the entry that it admits commit together or not at all.
 * 3. `committed` runs after the COMMIT is known to have succeeded: only there may state in memory change.
 *
 * A batch that is rolled back is simply dropped: neither `flush` nor `committed` may have been relied on.
 */

export type AdmissionMode = 'raw' | 'open' | 'product'

/** A leaf that may not be logged, and how HTTP says so: an RFC 9457 problem document with a stable `code`. */
export interface Refusal {
  readonly kind: 'refuse'
  /** HTTP status, 400 to 599. */
  readonly status: number
  /** Stable, lower-case words joined by `-`, for example `already-logged`. */
  readonly code: string
  /** One sentence: what was seen. */
  readonly detail: string
  /** Further members of the problem document, for example `{ index: 12 }` or `{ sha256: '…' }`. */
  readonly extra?: Readonly<Record<string, unknown>>
  /** Sent as `Retry-After`. */
  readonly retryAfterSeconds?: number
}

/** A leaf that passed `prepare`, with what `decide` needs of it. */
export interface Prepared<Item> {
  readonly kind: 'prepared'
  /** The exact bytes that are logged, 0 to 65,535 of them. */
  readonly leaf: Uint8Array
  readonly item: Item
}

/** The place that an item gets if it is admitted. */
export interface Place {
  /** The index that the entry will have. */
  readonly index: number
  /** The leaf's exact bytes. */
  readonly leaf: Uint8Array
  /** RFC 6962 leaf hash, 32 bytes. */
  readonly leafHash: Uint8Array
  /** Unix seconds of this batch. For limits and expiries only, never for what is true of the log: log order decides that. */
  readonly now: number
}

export type Verdict =
  | { readonly kind: 'admit' }
  /** Already an entry (perhaps of this very batch): the submitter gets that index, once it is published. */
  | { readonly kind: 'duplicate'; readonly index: number }
  | Refusal

/**
 * The decisions of one batch: loads what the batch needs in few statements, decides entry by entry on that working set
 * (later items see what earlier ones changed), and writes the changes back in few statements. That shape costs SQLite
 * nothing and spares a PostgreSQL a round trip an entry; `decide` may read more where it must.
 */
export interface AdmissionBatch<Item> {
  /** In order. `place.index` grows by one with each `admit`, and only then. */
  decide(item: Item, place: Place): Promise<Verdict>
  /** Writes what the decisions changed (refusals may change something too). The last thing before COMMIT. */
  flush(): Promise<void>
  /** The COMMIT succeeded. Must not throw. */
  committed(): void
}

/**
 * One mode of admission. `Item` is what `prepare` learned of a leaf, `Tables` the mode's tables (`NoTables` for raw).
 *
 * Obligations: `prepare` has no effects and may run for many leaves at once; `begin` is called for one batch at a time and
 * works only through the `tables` that it is given; anything kept in memory between batches changes only in `committed`
 * and is what the tables say.
 */
export interface Admission<Item, Tables> {
  readonly mode: AdmissionMode
  /** Largest leaf that `prepare` accepts, in bytes. A longer body is answered 413 before it is read to the end. */
  readonly maxLeafBytes: number
  prepare(leaf: Uint8Array): Promise<Prepared<Item> | Refusal>
  begin(tables: Tables, items: readonly Item[]): Promise<AdmissionBatch<Item>>
}

/** A mode without tables of its own. */
export type NoTables = Readonly<Record<never, never>>
