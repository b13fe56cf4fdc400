/**
 * Records that become durable together: what is ready at the same moment is one transaction, and so one sync of the disk, however
 * many logs it is of.
 */
import { equalBytes, type WitnessRecord } from '@samebits/core'
import type { WitnessStore } from './witness-store.ts'

interface Change {
  readonly origin: string
  /** The record that the change was allowed upon. */
  readonly before: WitnessRecord | null
  readonly after: WitnessRecord
}

interface Waiting {
  readonly change: Change
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The record is no longer the one that was checked; nothing was written. Somebody else writes to this state. */
export class RecordChangedError extends Error {
  override readonly name = 'RecordChangedError'
  readonly code = 'RECORD_CHANGED'
}

export class Commits {
  readonly #store: WitnessStore
  readonly #defer: (work: () => void) => void
  #waiting: Waiting[] = []

  /** @param defer runs its argument once what is ready now was heard */
  constructor(store: WitnessStore, defer: (work: () => void) => void) {
    this.#store = store
    this.#defer = defer
  }

  /**
   * Writes the record if it still follows the one before; resolves once it is durable.
   * @throws RecordChangedError; what the store throws, for everybody in the transaction
   */
  write(change: Change): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.#defer(() => this.#commit())
      this.#waiting.push({ change, resolve, reject })
    })
  }

  #commit(): void {
    const waiting = this.#waiting
    this.#waiting = []
    try {
      const written = this.#store.transact((transaction) =>
        waiting.map(({ change: { origin, before, after } }) => {
          if (!isSame(transaction.read(origin), before)) return false
          transaction.write(origin, after)
          return true
        }),
      )
      for (const [at, { change, resolve, reject }] of waiting.entries()) {
        if (written[at]) resolve()
        else reject(new RecordChangedError(`the record of ${change.origin} changed under its check`))
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }
}

/** The time is part of it: it never goes down, so no later write can leave all three as they were unless it wrote the same. */
function isSame(a: WitnessRecord | null, b: WitnessRecord | null): boolean {
  if (a === null || b === null) return a === b
  return a.size === b.size && a.timestamp === b.timestamp && equalBytes(a.root, b.root)
}
