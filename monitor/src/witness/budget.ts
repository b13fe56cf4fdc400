/** How many requests a log, and everybody together, may make: buckets that fill at an even rate. */

/** Tokens up to `capacity`, refilled at `perSecond`. */
interface Bucket {
  tokens: number
  filledAt: number
}

export interface BudgetOptions {
  /** Seconds that only go up; fractions count. */
  readonly clock: () => number
  /** Requests a second over all logs. */
  readonly globalPerSecond: number
  /** Smallest burst of one log: even a log with one request a day may ask again after a conflict. */
  readonly minBurst: number
}

const secondsPerDay = 86_400

/** Request budgets by origin. Origins come from the log list, so memory is bounded by it. */
export class Budget {
  readonly #options: BudgetOptions
  readonly #global: Bucket
  readonly #logs = new Map<string, Bucket>()

  constructor(options: BudgetOptions) {
    this.#options = options
    this.#global = { tokens: options.globalPerSecond, filledAt: options.clock() }
  }

  /** Takes one request: null, or after how many seconds it may be tried again. */
  take(origin: string, queriesPerDay: number): number | null {
    const { globalPerSecond, minBurst } = this.#options
    const own = this.#bucket(origin, Math.max(minBurst, queriesPerDay / 24))
    const wait =
      this.#wait(own, Math.max(minBurst, queriesPerDay / 24), queriesPerDay / secondsPerDay) ??
      this.#wait(this.#global, globalPerSecond, globalPerSecond)
    if (wait !== null) return wait
    own.tokens--
    this.#global.tokens--
    return null
  }

  /** Forgets logs that are no longer listed. */
  keep(origins: ReadonlyMap<string, unknown>): void {
    for (const origin of this.#logs.keys()) if (!origins.has(origin)) this.#logs.delete(origin)
  }

  #bucket(origin: string, capacity: number): Bucket {
    const found = this.#logs.get(origin)
    if (found !== undefined) return found
    const fresh = { tokens: capacity, filledAt: this.#options.clock() }
    this.#logs.set(origin, fresh)
    return fresh
  }

  #wait(bucket: Bucket, capacity: number, perSecond: number): number | null {
    const now = this.#options.clock()
    bucket.tokens = Math.min(capacity, bucket.tokens + (now - bucket.filledAt) * perSecond)
    bucket.filledAt = now
    if (bucket.tokens >= 1) return null
    return perSecond === 0 ? secondsPerDay : Math.ceil((1 - bucket.tokens) / perSecond)
  }
}
