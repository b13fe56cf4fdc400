/** How often one witness is asked: a minimum interval between heads, and a bucket of requests that fills at an even rate. */

export interface PaceOptions {
  readonly minIntervalMs: number
  readonly requestsPerDay: number
}

const dayMs = 86_400_000
/** Even with the smallest budget a witness may be asked again after a conflict. */
const minBurst = 16
/** After this many milliseconds a witness that failed is asked again, then twice as many, … */
const firstBackOffMs = 1000
const maxBackOffMs = 60_000

export class Pace {
  readonly #options: PaceOptions
  readonly #clock: () => number
  readonly #capacity: number
  #tokens: number
  #filledAt: number
  #notBefore = Number.NEGATIVE_INFINITY
  #closedUntil = Number.NEGATIVE_INFINITY
  #backOffUntil = Number.NEGATIVE_INFINITY
  #failures = 0

  /** @param clock milliseconds that only go up */
  constructor(options: PaceOptions, clock: () => number) {
    this.#options = options
    this.#clock = clock
    this.#capacity = Math.max(minBurst, options.requestsPerDay / 24)
    this.#tokens = this.#capacity
    this.#filledAt = clock()
  }

  /** Milliseconds until the next head may be sent. */
  get waitMs(): number {
    this.#fill()
    const forToken = this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * dayMs) / this.#options.requestsPerDay
    return Math.max(0, forToken, this.#notBefore - this.#clock())
  }

  /** The witness said when it wants to be asked again, and that is not yet. */
  get closed(): boolean {
    return this.#closedUntil > this.#clock()
  }

  /** It failed lately: it is asked only where the quorum cannot be met without it. */
  get backingOff(): boolean {
    return this.#backOffUntil > this.#clock()
  }

  /** A request is sent now; `again` for another one about the same head. */
  sent(again = false): void {
    this.#fill()
    this.#tokens--
    if (!again) this.#notBefore = this.#clock() + this.#options.minIntervalMs
  }

  succeeded(): void {
    this.#failures = 0
    this.#backOffUntil = Number.NEGATIVE_INFINITY
  }

  failed(retryAfterSeconds: number | null): void {
    const backOffMs = Math.min(maxBackOffMs, firstBackOffMs * 2 ** Math.min(this.#failures, 10))
    this.#failures++
    this.#backOffUntil = this.#clock() + backOffMs
    if (retryAfterSeconds !== null) this.#closedUntil = this.#clock() + retryAfterSeconds * 1000
  }

  #fill(): void {
    const now = this.#clock()
    const gained = ((now - this.#filledAt) * this.#options.requestsPerDay) / dayMs
    this.#tokens = Math.min(this.#capacity, this.#tokens + gained)
    this.#filledAt = now
  }
}
