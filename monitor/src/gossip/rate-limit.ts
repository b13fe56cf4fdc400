/** Token buckets, one a sender and one for all: how often somebody may hand something in. */

interface Bucket {
  tokens: number
  filledAt: number
}

export interface RateLimitOptions {
  /** Seconds that only go up. */
  readonly clock: () => number
  /** Requests of one sender that may come at once, and how many an hour come back. */
  readonly burst: number
  readonly perHour: number
  /** Of all senders together. */
  readonly burstOfAll: number
  readonly perHourOfAll: number
}

/** Senders that are remembered; the longest unseen go first, and only the limit of all holds them then. */
const maxSenders = 10_000

export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #senders = new Map<string, Bucket>()
  readonly #all: Bucket

  constructor(options: RateLimitOptions) {
    this.#options = options
    this.#all = { tokens: options.burstOfAll, filledAt: options.clock() }
  }

  /** Null, and it was counted; or after how many whole seconds the sender may come again. */
  admit(sender: string): number | null {
    const { burst, perHour, burstOfAll, perHourOfAll, clock } = this.#options
    const bucket = this.#senders.get(sender) ?? { tokens: burst, filledAt: clock() }
    this.#senders.delete(sender)
    this.#senders.set(sender, bucket)
    const oldest = this.#senders.keys().next()
    if (this.#senders.size > maxSenders && !oldest.done) this.#senders.delete(oldest.value)
    const wait = Math.max(fill(bucket, burst, perHour, clock()), fill(this.#all, burstOfAll, perHourOfAll, clock()))
    if (wait > 0) return Math.ceil(wait)
    bucket.tokens--
    this.#all.tokens--
    return null
  }
}

/** Fills up to now; returns the seconds until there is a token. */
function fill(bucket: Bucket, capacity: number, perHour: number, now: number): number {
  bucket.tokens = Math.min(capacity, bucket.tokens + ((now - bucket.filledAt) * perHour) / 3600)
  bucket.filledAt = now
  return bucket.tokens >= 1 ? 0 : ((1 - bucket.tokens) * 3600) / perHour
}
