/** Where a witness keeps what it cosigned: one role, one contract test (`witness-store-contract.ts`). */
import type { WitnessRecord } from '@samebits/core'

/** What one transaction sees and changes; valid until its work returns. */
export interface WitnessTransaction {
  /** The record under this origin, with what the transaction itself wrote. */
  read(origin: string): WitnessRecord | null
  write(origin: string, record: WitnessRecord): void
}

/** Nothing was written, and nothing that was written before is in doubt: no room, or a lock. A later try may succeed. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
  readonly code = 'STATE_UNAVAILABLE'
}

/** The file is not one that this version can work on. */
export class StoreUnfitError extends Error {
  override readonly name = 'StoreUnfitError'
  /** `STATE_NEWER`: written by a later version; `STATE_FOREIGN`: no state of a witness. */
  readonly code: 'STATE_NEWER' | 'STATE_FOREIGN'

  constructor(code: 'STATE_NEWER' | 'STATE_FOREIGN', message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Obligations: `transact` runs `work` alone and commits what it wrote, durably (it survives power loss) before it returns.
 * It throws what `work` throws, with nothing written; StoreUnavailableError, with nothing written; or any other error, and then
 * nobody knows what is on the disk. Work is synchronous: nothing can slip in between a check and what it allows to write.
 */
export interface WitnessStore {
  /** Made once with the store, at random; it stays through restarts and in copies of it. */
  readonly id: string
  transact<R>(work: (transaction: WitnessTransaction) => R): R
  /** The committed record. */
  read(origin: string): WitnessRecord | null
  /** Origins that were ever cosigned, sorted by code point. */
  origins(): readonly string[]
  close(): void
}
