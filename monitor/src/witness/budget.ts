/**
 * How often a log may be cosigned, and how many requests are looked at in all: buckets that fill at an even rate.
 *
 * Anyone can send junk that names a log, and anyone can send again what the log has published. So junk costs the log nothing: only
 * a cosignature is taken from its budget; and cosigning a tree again is counted apart from growth, so that nobody who repeats
 * a checkpoint can keep the log from growing.
 */

/** Tokens, at most the capacity; refilled as time goes. */
interface Bucket {
  tokens: number
  filledAt: number
}

interface Rate {
  readonly capacity: number
  readonly perSecond: number
}

export interface BudgetOptions {
  /** Seconds that only go up; fractions count. */
  readonly clock: () => number
  /** Requests a second over all logs, cosigned or not. */
  readonly globalPerSecond: number
  /** Smallest burst of one log: even a log with one request a day may ask again after a conflict. */
  readonly minBurst: number
}

/** `growth`: to a larger tree; `repeat`: the same tree again, for a newer time. */
export type Purpose = 'growth' | 'repeat'

/** The log that is asked for, as in the log list. */
export interface Budgeted {
  readonly origin: string
  readonly queriesPerDay: number
}

const secondsPerDay = 86_400
/** What many small refills may lose: whoever has waited as long as was said is let in. */
const rounding = 1e-6

/** Origins come from the log list, so memory is bounded by it. */
export class Budget {
  readonly #options: BudgetOptions
  readonly #global: Bucket
  readonly #logs = new Map<string, Record<Purpose, Bucket>>()

  constructor(options: BudgetOptions) {
    this.#options = options
    this.#global = this.#full(this.#globalRate)
  }

  /**
   * Asks before a request is looked at: null, and it was counted among all requests; or after how many whole seconds it may
   * come again, and nothing was taken.
   */
  admit(log: Budgeted, purpose: Purpose): number | null {
    const wait = this.#wait(this.#bucket(log, purpose), this.#rateOf(log)) ?? this.#wait(this.#global, this.#globalRate)
    if (wait === null) this.#global.tokens--
    return wait
  }

  /** Whether one more request may be looked at that takes nothing from any log; it is counted among all. */
  look(): boolean {
    if (this.#wait(this.#global, this.#globalRate) !== null) return false
    this.#global.tokens--
    return true
  }

  /** Takes one cosignature from the log's budget. Requests under way at once may overdraw it; it is then closed for longer. */
  spend(log: Budgeted, purpose: Purpose): void {
    this.#bucket(log, purpose).tokens--
  }

  /** Forgets logs that are no longer listed. */
  keep(origins: ReadonlyMap<string, unknown>): void {
    for (const origin of this.#logs.keys()) if (!origins.has(origin)) this.#logs.delete(origin)
  }

  get #globalRate(): Rate {
    const { globalPerSecond } = this.#options
    return { capacity: globalPerSecond, perSecond: globalPerSecond }
  }

  /** An hour's worth at once. */
  #rateOf({ queriesPerDay }: Budgeted): Rate {
    return {
      capacity: Math.max(this.#options.minBurst, queriesPerDay / 24),
      perSecond: queriesPerDay / secondsPerDay,
    }
  }

  #bucket(log: Budgeted, purpose: Purpose): Bucket {
    const found = this.#logs.get(log.origin)
    if (found !== undefined) return found[purpose]
    const rate = this.#rateOf(log)
    const fresh = { growth: this.#full(rate), repeat: this.#full(rate) }
    this.#logs.set(log.origin, fresh)
    return fresh[purpose]
  }

  #full({ capacity }: Rate): Bucket {
    return { tokens: capacity, filledAt: this.#options.clock() }
  }

  #wait(bucket: Bucket, { capacity, perSecond }: Rate): number | null {
    const now = this.#options.clock()
    bucket.tokens = Math.min(capacity, bucket.tokens + (now - bucket.filledAt) * perSecond)
    bucket.filledAt = now
    return bucket.tokens >= 1 - rounding ? null : Math.ceil((1 - bucket.tokens) / perSecond)
  }
}
