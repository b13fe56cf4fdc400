/** The state of one run on its way to disk: stored when it has changed, and only over the generation that the run knows. */
import { isDeepStrictEqual } from 'node:util'
import type { State } from '@samebits/core'
import type { StateStore } from './state-store.ts'

export interface StateKeeper {
  /** Stores `state` where it differs from what is stored. @throws IoFailure STATE_BUSY, STATE_FULL, STATE_INVALID */
  keep(state: State): Promise<void>
}

/** Keeps in `store`; `opened` is what was loaded from it, null at first contact. */
export function createStateKeeper(store: StateStore, opened: State | null): StateKeeper {
  let stored = opened
  return {
    async keep(state) {
      const generation = stored?.generation ?? 0
      if (stored !== null && isDeepStrictEqual({ ...state, generation }, stored)) return
      stored = await store.save(state, generation)
    },
  }
}

/** For runs that store nothing. */
export const forgetful: StateKeeper = { keep: async () => undefined }
