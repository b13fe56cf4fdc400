/**
 * A place from which a log is read without any server of ours: a folder behind a web server, or a bucket (docs/log.md rule 4).
 *
 * Obligations: `put` and `swapCheckpoint` resolve once what they wrote survives a power cut. A file that is put never changes
 * afterwards; putting the same bytes again is harmless. The checkpoint changes only by comparing and swapping.
 */
export interface StaticPlace {
  /** For people. */
  readonly name: string
  /** What is published there, with a version to compare by; null for nothing yet. */
  checkpoint(): Promise<PlacedCheckpoint | null>
  /** @param path as in C2SP tlog-tiles, such as `tile/entries/000` */
  put(path: string, bytes: Uint8Array): Promise<void>
  /** False, with nothing written, where another version is there. `null`: none may be there. */
  swapCheckpoint(text: string, version: string | null): Promise<boolean>
  /** Removes the files whose paths begin so. */
  removeUnder(prefix: string): Promise<void>
}

export interface PlacedCheckpoint {
  readonly text: string
  readonly version: string
}

/** Of tiles and bundles: they never change. */
export const immutable = 'public, max-age=31536000, immutable'
