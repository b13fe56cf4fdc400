/** Memory for the bodies that are being read: many clients that send slowly must not hold more than they may. */
export class BodyBudget {
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes that are taken. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes room for more bytes; false where there is none. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#bytes -= bytes
  }
}
