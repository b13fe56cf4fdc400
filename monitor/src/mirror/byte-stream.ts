/** Bytes that come in chunks, handed out in the pieces that a format asks for; it holds one piece and one chunk. */
export class ByteStream {
  readonly #chunks: AsyncIterator<Uint8Array>
  #block = new Uint8Array(0)
  #from = 0
  #to = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /**
   * What `read` finds at the place where the last piece ended, once enough bytes are there; null where they end before. `read` gets
   * all that is there, and gives null where it needs more; what it keeps of the bytes it has to copy.
   * @throws what `read` throws, and what the chunks fail with
   */
  async parse<T>(read: (bytes: Uint8Array) => { used: number; value: T } | null): Promise<T | null> {
    for (;;) {
      const found = read(this.#block.subarray(this.#from, this.#to))
      if (found !== null) {
        this.#from += found.used
        return found.value
      }
      const { done, value } = await this.#chunks.next()
      if (done) return null
      this.#add(value)
    }
  }

  #add(chunk: Uint8Array): void {
    const left = this.#to - this.#from
    if (this.#to + chunk.length > this.#block.length) {
      const need = left + chunk.length
      const block = need > this.#block.length / 2 ? new Uint8Array(2 * need) : this.#block
      block.set(this.#block.subarray(this.#from, this.#to))
      this.#block = block
      ;[this.#from, this.#to] = [0, left]
    }
    this.#block.set(chunk, this.#to)
    this.#to += chunk.length
  }
}
