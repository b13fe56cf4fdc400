/** What the parts of the server that only read (products, feed, lookup) may know of the log. */
export interface LogView {
  readonly origin: string
  /** The checkpoint that is served now: everything below its size is durable, signed and published. */
  published(): { readonly size: number; readonly root: Uint8Array; readonly checkpoint: string }
  /** One entry below the published size. @throws RangeError past it */
  entry(index: number): Promise<Uint8Array>
  /** RFC 6962 §2.1.1 path of `index` in the tree of `size` entries, `size` at most the published one. */
  proveInclusion(index: number, size: number): Promise<Uint8Array[]>
  /** RFC 6962 §2.1.2 proof between two published sizes. */
  proveConsistency(from: number, to: number): Promise<Uint8Array[]>
  /** Sizes published that are larger than `since`, ascending, at most `limit`. */
  sizes(since: number, limit: number): Promise<readonly number[]>
}
