/**
 * Admission of a frozen log: what is logged still gets its index, so that a submitter who lost an answer may ask again
 * (docs/formats.md §1, "Submitting again is idempotent"); everything else is told that the log has ended.
 */
import type { Admission } from '../admission.ts'
import { type Frozen, frozenRefusal } from './frozen.ts'

export function frozenAdmission<Item, Tables>(
  admission: Admission<Item, Tables>,
  frozen: Frozen,
): Admission<Item, Tables> {
  const refusal = frozenRefusal(frozen)
  return {
    ...admission,
    async prepare(leaf) {
      const prepared = await admission.prepare(leaf)
      return prepared.kind === 'refuse' ? refusal : prepared
    },
    begin: async (tables) => ({
      async decide(item, place) {
        // Each on its own, and never flushed: what one would have changed must not be seen by the next.
        const verdict = await (await admission.begin(tables, [item])).decide(item, place)
        return verdict.kind === 'duplicate' ? verdict : refusal
      },
      flush: async () => undefined,
      committed: () => undefined,
    }),
  }
}
