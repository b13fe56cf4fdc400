/** Bodies that never change, kept in memory up to a number of bytes; the ones unused for longest go first. */

export class BodyCache {
  readonly #maxBytes: number
  readonly #bodies = new Map<string, Uint8Array>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Uint8Array | undefined {
    const body = this.#bodies.get(key)
    if (body !== undefined) {
      this.#bodies.delete(key)
      this.#bodies.set(key, body)
    }
    return body
  }

  set(key: string, body: Uint8Array): void {
    if (body.length > this.#maxBytes || this.#bodies.has(key)) return
    this.#bodies.set(key, body)
    this.#bytes += body.length
    for (const [oldest, { length }] of this.#bodies) {
      if (this.#bytes <= this.#maxBytes) break
      this.#bodies.delete(oldest)
      this.#bytes -= length
    }
  }
}
