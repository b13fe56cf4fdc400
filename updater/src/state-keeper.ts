/** The state of one run on its way to disk: stored when it has changed, and only over the generation that the run knows. */
import type { Hasher, State } from '@samebits/core'
import { formatOrRefuse, type StateStore } from './state-store.ts'

export interface StateKeeper {
  /** Stores `state` where it differs from what is stored. @throws IoFailure STATE_BUSY, STATE_FULL, STATE_INVALID */
  keep(state: State): Promise<void>
}

/** Keeps in `store`; `opened` is what was loaded from it, null at first contact. */
export function createStateKeeper(store: StateStore, hasher: Hasher, opened: State | null): StateKeeper {
  let generation = opened?.generation ?? 0
  let seen = opened
  let stored = opened === null ? null : contentOf(hasher, opened)
  return {
    async keep(state) {
      if (state === seen) return
      const content = contentOf(hasher, state)
      seen = state
      if (stored !== null && content.equals(stored)) return
      await store.save(state, generation)
      generation++
      stored = content
    },
  }
}

/** For runs that store nothing. */
export const forgetful: StateKeeper = { keep: async () => undefined }

/** The bytes of a state whatever its generation. @throws IoFailure STATE_FULL */
function contentOf(hasher: Hasher, state: State): Buffer {
  return Buffer.from(formatOrRefuse(hasher, { ...state, generation: 1 }))
}
