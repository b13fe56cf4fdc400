/**
 * The product index as pages and feeds read it: committed rows, at any time. What they say is not proven: clients verify
 * against the log.
 */
import type { HeadRow, NamedFile, ProductRow, StatementRow } from '../admission/tables.ts'

/** Most rows of one list. */
export const MAX_ROWS = 256

export interface ProductReader {
  product(name: string): Promise<ProductRow | null>
  /** In order of their names, those after `after`, at most {@link MAX_ROWS}. */
  products(after: string): Promise<readonly ProductRow[]>
  heads(product: string): Promise<readonly HeadRow[]>
  statement(id: string): Promise<StatementRow | null>
  files(id: string): Promise<readonly NamedFile[]>
  /** Releases of one place of a channel. */
  releasesAt(product: string, channel: string, sequence: number): Promise<readonly StatementRow[]>
  /** Revocations, waivers and trust statements that are not met; at most {@link MAX_ROWS}, in order of their ids. */
  unmet(product: string): Promise<readonly StatementRow[]>
  /** Trust statements that are met, in order of their versions. */
  trustSteps(product: string): Promise<readonly StatementRow[]>
  /** SHA-256 of the trust file that was in force before `version`; null where none was. */
  trustBefore(product: string, version: number): Promise<string | null>
  /** Met revocations of a product, the last met first; at most `limit`. */
  revocations(product: string, limit: number): Promise<readonly StatementRow[]>
  /** Statements that have `digest` for id, name it among their files, or are about it: of each at most `limit`, in order of their ids. */
  naming(digest: string, limit: number): Promise<readonly StatementRow[]>
  /** Statements about a release: revocations, waivers, votes that name it. */
  about(id: string): Promise<readonly StatementRow[]>
  /** Votes of a product that name one of these digests. */
  votes(product: string, digests: readonly string[]): Promise<readonly StatementRow[]>
  blob(sha256: string): Promise<Uint8Array | null>
  /** In bytes; null where it is not stored. */
  blobSize(sha256: string): Promise<number | null>
  /** Whether `PUT` of this blob is open. */
  isOpen(sha256: string, now: number): Promise<boolean>
  trustBundle(product: string, version: number): Promise<Uint8Array | null>
  /** Met trust statements whose bundle is not kept yet. */
  stepsWithoutBundle(): Promise<readonly StatementRow[]>
}
