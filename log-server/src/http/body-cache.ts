/** Bodies that never change, kept in memory up to a number of bytes; the ones unused for longest go first. */

/** What one body costs beside its bytes: small ones must not be free, anybody can ask for millions of them. */
const overheadBytes = 512

function costOf(key: string, body: Uint8Array): number {
  return overheadBytes + 2 * key.length + body.length
}

/** A body that keeps no larger buffer alive. */
function owned(body: Uint8Array): Uint8Array {
  return body.length === body.buffer.byteLength ? body : new Uint8Array(body)
}

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
    const cost = costOf(key, body)
    if (cost > this.#maxBytes || this.#bodies.has(key)) return
    this.#bodies.set(key, owned(body))
    this.#bytes += cost
    for (const [oldest, old] of this.#bodies) {
      if (this.#bytes <= this.#maxBytes) break
      this.#bodies.delete(oldest)
      this.#bytes -= costOf(oldest, old)
    }
  }
}
