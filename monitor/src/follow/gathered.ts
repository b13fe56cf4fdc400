/** Bytes that outlive what they were cut from: copied together into a few blocks, which another thread takes over without a copy. */

const blockBytes = 1 << 20

export class Gathered {
  readonly #blocks: Uint8Array<ArrayBuffer>[] = []
  #used = 0

  /** The same bytes, as a view of a block. */
  keep(bytes: Uint8Array): Uint8Array {
    let block = this.#blocks.at(-1)
    if (block === undefined || this.#used + bytes.length > block.length) {
      block = new Uint8Array(Math.max(blockBytes, bytes.length))
      this.#blocks.push(block)
      this.#used = 0
    }
    const kept = block.subarray(this.#used, this.#used + bytes.length)
    kept.set(bytes)
    this.#used += bytes.length
    return kept
  }

  /** To be transferred: no view of them is of use here afterwards. */
  get buffers(): readonly ArrayBuffer[] {
    return this.#blocks.map(({ buffer }) => buffer)
  }
}
