/** Where a witness keeps what it cosigned: one role, one contract test (`witness-store-contract.ts`). */
import type { WitnessRecord } from '@samebits/core'

/** What one transaction sees and changes; valid until its work returns. */
export interface WitnessTransaction {
  /** The record under this origin, with what the transaction itself wrote. */
  read(origin: string): WitnessRecord | null
  write(origin: string, record: WitnessRecord): void
}

/**
 * Obligations: `transact` runs `work` alone and commits what it wrote, durably (it survives power loss) before it returns;
 * or throws, with nothing written. Work is synchronous: nothing can slip in between a check and what it allows to write.
 */
export interface WitnessStore {
  transact<R>(work: (transaction: WitnessTransaction) => R): R
  /** The committed record. */
  read(origin: string): WitnessRecord | null
  /** Origins that were ever cosigned, sorted. */
  origins(): readonly string[]
  close(): void
}
