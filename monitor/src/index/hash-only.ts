/** The index of a raw log: its entries are hashed and compared, and mean nothing here. */
import type { EntryIndex } from '../follow/follower.ts'

export const hashOnly: EntryIndex = {
  ring: () => null,
  prepare: async () => undefined,
  apply: () => undefined,
  committed: () => undefined,
  tend: async () => undefined,
  conditions: () => [],
}
