/**
 * When each log is looked at and read. What is looked at waits for nothing that is read: a log that gives its entries slowly, or hangs,
 * hides neither itself nor others. Reading takes turns, a slice each.
 */
import type { OperatorLog } from '../witness/server-parts.ts'
import type { Follower } from './follower.ts'
import { joined, Slots, Underway } from './slots.ts'

export interface RoundsParts {
  readonly followers: readonly Follower[]
  /** Asks each of the other monitors; what is under way is not begun again. Never rejects. */
  readonly asks: readonly (() => Promise<void>)[]
  /** Something may have been found. Never rejects. */
  readonly tell: () => Promise<void>
  readonly ending: AbortSignal
  readonly operator: OperatorLog
}

/** Logs that are looked at, and that are read, at once. */
const lookedAtOnce = 32
const readAtOnce = 8

interface Poll {
  readonly look: () => Promise<void>
  readonly read: () => Promise<void>
}

export class Rounds {
  readonly #parts: RoundsParts
  readonly #polls: readonly Poll[]
  readonly #under = new Underway()

  constructor(parts: RoundsParts) {
    this.#parts = parts
    const [looks, reads] = [new Slots(lookedAtOnce), new Slots(readAtOnce)]
    this.#polls = parts.followers.map((follower) => ({
      look: joined(() => looks.use(() => this.#look(follower))),
      read: joined(async () => {
        let read = true
        do read = await reads.use(() => this.#read(follower))
        while (read && follower.isBehind && !parts.ending.aborted)
      }),
    }))
  }

  /** Looks at every log that is not being looked at; resolves when all that was new is read. Never rejects. */
  all(): Promise<void> {
    return this.#under.add(this.#all())
  }

  /** Resolves when nothing is under way. */
  end(): Promise<void> {
    return this.#under.end()
  }

  async #all(): Promise<void> {
    const logs = this.#polls.map(({ look, read }) => {
      const looked = look()
      return { looked, done: looked.then(read) }
    })
    await Promise.all(logs.map(({ looked }) => looked))
    await Promise.all(this.#parts.asks.map((ask) => ask()))
    await Promise.all(logs.map(({ done }) => done))
  }

  #look(follower: Follower): Promise<void> {
    return this.#safely(follower, undefined, () => follower.look())
  }

  /** False where nothing could be read. */
  #read(follower: Follower): Promise<boolean> {
    return this.#safely(follower, false, () => follower.read(this.#parts.ending))
  }

  /** @param failed what a defect amounts to */
  async #safely<T>({ log }: Follower, failed: T, work: () => Promise<T>): Promise<T> {
    const { ending, operator, tell } = this.#parts
    try {
      return await work()
    } catch (error) {
      if (!ending.aborted) operator.error({ err: error, origin: log.origin }, 'a poll met a defect')
      return failed
    } finally {
      await tell()
    }
  }
}
