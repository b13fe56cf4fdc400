/** Where tiles come from: the role interface, and how a source or its bytes fail. */
import type { Tile } from './tile.ts'

/**
 * Why a source gave no bytes: `missing`, it does not have them (404); `transport`, it could not be reached, answered with
 * an error, or with what cannot be the resource; `too-large`, the answer passed the resource's greatest size;
 * `redirect`, it pointed where this client does not go.
 */
export type SourceErrorKind = 'missing' | 'transport' | 'too-large' | 'redirect'

/** A source gave no bytes. Says nothing about the log: another source, or a later time, may do better. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  readonly code = 'SOURCE_FAILED'
  readonly kind: SourceErrorKind
  /** What was asked for, e.g. `tile/0/001.p/5`. */
  readonly path: string
  readonly detail: string

  constructor(kind: SourceErrorKind, path: string, detail: string, options?: ErrorOptions) {
    super(`${path}: ${detail}`, options)
    this.kind = kind
    this.path = path
    this.detail = detail
  }
}

/**
 * A tile or bundle that does not hash to what the tree's root demands. The root is authentic, the bytes are not: a
 * corrupt source, never evidence of a fork.
 */
export class TileError extends Error {
  override readonly name = 'TileError'
  readonly code = 'TILE_INVALID'
  readonly path: string
  readonly detail: string

  constructor(path: string, detail: string, options?: ErrorOptions) {
    super(`${path}: ${detail}`, options)
    this.path = path
    this.detail = detail
  }
}

/**
 * The read interface of a log (C2SP tlog-tiles, "APIs"). Nothing it returns is authentic; its callers verify.
 *
 * Obligations: answers are exact or a {@link SourceError}; a partial tile or bundle of a size that was signed is served
 * for as long as its full successor is not, and cut from the full one afterwards; bytes once returned do not change.
 */
export interface TileSource {
  /** The newest signed checkpoint, at most {@link MAX_CHECKPOINT_SIZE} bytes. */
  checkpoint(): Promise<Uint8Array>
  /** `tile.width * 32` bytes. */
  tile(tile: Tile): Promise<Uint8Array>
  /** The bundle of `width` entries from entry `256 * index` on, in the format of `parseEntryBundle`. */
  entries(index: number, width: number): Promise<Uint8Array>
}

/** Bytes of the largest checkpoint that is read: 64 ML-DSA-44 signature lines are 215 KiB. */
export const MAX_CHECKPOINT_SIZE: number = 256 * 1024
