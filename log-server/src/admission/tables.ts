/**
 * What admission in product mode remembers of the log: the *product index*. Every row follows from the entries in log order,
 * from the trust files of the admission file, and from the blobs; it is kept so that no decision has to read the log again.
 *
 * The rows live in the log's own database and change in the log's transactions (see `../store.ts`). Ids, digests and signers
 * are 64 lower-case hex digits, as in docs/formats.md.
 */

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

/** The head of one channel; `id` null where a channel lost its only met release to a new trust file. */
export interface HeadRow {
  readonly product: string
  readonly channel: string
  readonly sequence: number
  readonly id: string | null
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

/** A statement that was logged at least once. What never changes of it. */
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
  /** Releases: the artifacts. Rebuilds: what the builder got. Trust: the next trust file. */
  readonly files: readonly NamedFile[]
  /** Ids of the releases that this statement is about: revocation, waiver, negative vote. */
  readonly targets: readonly string[]
}

export interface StatementRow extends StatementFacts {
  /** Index of the entry that met it under the trust in force; null while not met. Votes are never met. */
  readonly metAt: number | null
  /** It was met once, under this trust file or one before: it no longer counts against its signers' limit. */
  readonly everMet: boolean
  /** In log order. */
  readonly signed: readonly SignedRow[]
}

/** What a batch changed, to be written in one go. */
export interface TableChanges {
  readonly products: readonly ProductRow[]
  readonly heads: readonly HeadRow[]
  readonly statements: readonly StatementFacts[]
  readonly signed: readonly SignedRow[]
  readonly met: readonly Pick<StatementRow, 'id' | 'metAt' | 'everMet'>[]
  readonly unmet: readonly UnmetChange[]
  /** Digests of blobs that an admitted entry names: they are kept for ever. */
  readonly keptBlobs: readonly string[]
}

/** A statement that begins or ceases to count against the limit of one signer. */
export interface UnmetChange {
  readonly signer: string
  readonly id: string
  readonly counts: boolean
}

/**
 * The product index inside a sequencing transaction. Reads see what earlier transactions committed (and nothing of this
 * one's `write`, which comes last). Lists that are asked for may repeat keys; rows come in any order.
 */
export interface ProductTables {
  products(names: readonly string[]): Promise<readonly ProductRow[]>
  heads(product: string, channels: readonly string[]): Promise<readonly HeadRow[]>
  /** Statements with their files, targets and signatures. */
  statements(ids: readonly string[]): Promise<readonly StatementRow[]>
  /** Which of these digests are artifacts of a logged release of `product`. */
  artifacts(product: string, digests: readonly string[]): Promise<ReadonlySet<string>>
  /** How many statements that were never met each signer has signed. */
  unmetCounts(signers: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Sizes in bytes of the blobs that are stored. */
  blobSizes(digests: readonly string[]): Promise<ReadonlyMap<string, number>>
  blob(sha256: string): Promise<Uint8Array | null>
  /** Every statement of a product except votes: a new trust file judges them all again. */
  judged(product: string): Promise<readonly StatementRow[]>
  write(changes: TableChanges): Promise<void>
}
