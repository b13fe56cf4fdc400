/** Where a mirror keeps logs: one role, one contract test (`mirror-store-contract.ts`). */
import type { WitnessStore } from '../witness/witness-store.ts'

/** A checkpoint of the log that was accepted: consistent with every other one of the same log that is kept. */
export interface PendingCheckpoint {
  readonly size: number
  readonly root: Uint8Array
  /** The note, with the log's verified lines. */
  readonly checkpoint: string
}

/** What is served as the copy's checkpoint. */
export interface MirrorCheckpoint {
  readonly size: number
  /** Unix seconds, of the mirror's last cosignature; it never goes down. */
  readonly timestamp: number
  readonly checkpoint: string
}

/**
 * Obligations: as `WitnessStore`, whose records are the pending checkpoints, the newest of each log; writing one also keeps it
 * among the last `keptPending` of its log. What `append` and `publish` have returned from survives power loss. Entries and tiles
 * are never changed once they are there. Everything throws as `transact` does.
 */
export interface MirrorStore extends WitnessStore {
  /** Logs that have entries or a mirror checkpoint. */
  copies(): readonly string[]
  /** The accepted checkpoint of this size: the newest, one of the last, or the mirror checkpoint's; null where it is none. */
  pending(origin: string, size: number): PendingCheckpoint | null
  /** Index of the first entry that is missing. */
  nextEntry(origin: string): number
  mirrorCheckpoint(origin: string): MirrorCheckpoint | null
  /**
   * Adds entries from index `start` on, with their tiles; skips those that are there. Gives the next entry.
   * @throws RangeError where it would leave a gap
   */
  append(origin: string, start: number, entries: readonly Uint8Array[]): number
  /** Puts a mirror checkpoint in the place of one that is not larger; false where the one there is. */
  publish(origin: string, checkpoint: MirrorCheckpoint): boolean
  /** `width` hashes; null where there are fewer. */
  tile(origin: string, level: number, index: number, width: number): Uint8Array | null
  /** The bundle of the first `width` entries from `256 * index` on; null where there are fewer. */
  entries(origin: string, index: number, width: number): Uint8Array | null
}

/** Accepted checkpoints of each log under which entries may still be uploaded. */
export const keptPending = 64
