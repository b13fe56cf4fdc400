/**
 * What admission in product mode remembers of the log: the *product index*. Every row follows from the entries in log order,
 * from the trust files of the admission file, and from the blobs; it is kept so that no decision has to read the log again.
 *
 * The rows live in the log's own database and change in the log's transactions (see `../store.ts`). Ids, digests and signers
 * are 64 lower-case hex digits, as in docs/formats.md.
 */

import type { ProductReader } from '../products/product-reader.ts'
import type { Head } from './heads.ts'

export type StatementKind = 'release' | 'rebuild' | 'revocation' | 'waiver' | 'trust'

/** The trust file in force for one product. */
export interface ProductRow {
  readonly product: string
  /** Of the trust file in force. */
  readonly version: number
  /** SHA-256 of its exact bytes, which are a blob. */
  readonly sha256: string
  /** Index of the statement of a trust file in a format that this server does not know: nothing is admitted past it. */
  readonly endsAt: number | null
}

/** The head of one channel. */
export interface HeadRow {
  readonly product: string
  readonly channel: string
  /** Null where no release is met (any more). */
  readonly head: Head | null
}

/** One signer's entry of a statement. */
export interface SignedRow {
  readonly id: string
  /** SHA-256 of the signing key's SPKI DER. */
  readonly signer: string
  readonly index: number
  /** RFC 6962 leaf hash, 32 bytes. */
  readonly leafHash: Uint8Array
}

/** A file that a statement names in its subject. */
export interface NamedFile {
  readonly name: string
  readonly sha256: string
}

/** A statement that was logged at least once: what never changes of it. */
export interface StatementFacts {
  readonly id: string
  readonly product: string
  readonly kind: StatementKind
  /** Releases: the channel. */
  readonly channel: string | null
  /** Releases: the sequence. Trust: the version of the next trust file. */
  readonly sequence: number | null
  /** Releases: the id before this one. */
  readonly previous: string | null
  /** Releases: the version. */
  readonly version: string | null
}

export interface NewStatement extends StatementFacts {
  /** Releases: the artifacts. Rebuilds: what the builder got. Trust: the next trust file. In the statement's order. */
  readonly files: readonly NamedFile[]
  /** Ids of the releases that this statement is about: revocation, waiver, negative vote. */
  readonly targets: readonly string[]
}

export interface StatementRow extends StatementFacts {
  /** Index of the entry that met it under the trust in force; null while not met. Votes are never met. */
  readonly metAt: number | null
  /** It was met once, under this trust file or one before: it no longer counts against its signers' limit. */
  readonly everMet: boolean
  /** In log order, one per signer. */
  readonly signed: readonly SignedRow[]
}

/** A statement that begins or ceases to count against the limit of one signer. */
export interface UnmetChange {
  readonly signer: string
  readonly id: string
  readonly counts: boolean
}

/** What a batch changed, to be written in one go. */
export interface TableChanges {
  readonly products: readonly ProductRow[]
  readonly heads: readonly HeadRow[]
  readonly statements: readonly NewStatement[]
  readonly signed: readonly SignedRow[]
  readonly met: readonly Pick<StatementRow, 'id' | 'metAt' | 'everMet'>[]
  readonly unmet: readonly UnmetChange[]
  /** Digests of stored blobs that an admitted entry names: they are kept for ever, and no longer open. */
  readonly keptBlobs: readonly string[]
  readonly openBlobs: readonly OpenBlob[]
}

/** A file that an admitted signer's entry named while it was not stored: `PUT` takes it until a time in Unix seconds. */
export interface OpenBlob {
  readonly sha256: string
  readonly signer: string
  readonly until: number
}

/**
 * The product index inside a transaction of the log. Lists that are asked for may repeat keys; rows come in any order.
 * Within one transaction, reads see what was written before.
 */
export interface ProductTables {
  /** What was committed before; it may be read at any time. */
  readonly committed: ProductReader
  products(names: Iterable<string>): Promise<readonly ProductRow[]>
  /** All heads of these products. */
  heads(products: Iterable<string>): Promise<readonly HeadRow[]>
  statements(ids: Iterable<string>): Promise<readonly StatementRow[]>
  /** The files of these statements, in order; a statement that is not logged has none. */
  files(ids: Iterable<string>): Promise<ReadonlyMap<string, readonly NamedFile[]>>
  /** Which of these digests are artifacts of a logged release of `product`. */
  artifacts(product: string, digests: Iterable<string>): Promise<ReadonlySet<string>>
  /** How many statements that were never met each signer has signed. */
  unmetCounts(signers: Iterable<string>): Promise<ReadonlyMap<string, number>>
  /** Sizes in bytes of the blobs that are stored. */
  blobSizes(digests: Iterable<string>): Promise<ReadonlyMap<string, number>>
  blob(sha256: string): Promise<Uint8Array | null>
  /** The logged releases of one channel and sequence. */
  releasesAt(product: string, channel: string, sequence: number): Promise<readonly StatementRow[]>
  /** Every statement of a product except votes: a new trust file judges them all again. */
  judged(product: string): Promise<readonly StatementRow[]>
  write(changes: TableChanges): Promise<void>

  /** Digests of the files that are open on account of `signer`, stored or not, until no entry of it waits for them. */
  openBlobs(signer: string, now: number): Promise<readonly string[]>
  /** Stores a blob, which must hash to `sha256`; until an entry names it, it may be swept. */
  putBlob(sha256: string, body: Uint8Array, now: number): Promise<void>
  /** Forgets uploads that no entry names and that came before `before`, and openings that ended by then. */
  sweepBlobs(before: number): Promise<void>
  /** Keeps the bundle of one trust step; the first one stays. */
  putTrustBundle(product: string, version: number, bundle: Uint8Array): Promise<void>
}
