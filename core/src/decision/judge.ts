/**
 * Steps 3 to 24 of docs/decision.md in one call: goes back to 3 where step 10 changes the trust. It begins at the start each
 * time it is called, with the state that it handed out before: what was verified and persisted is not asked for again.
 */
import { absorb } from './absorb.ts'
import { decide } from './decide.ts'
import type { Material } from './material.ts'
import { observe } from './observe.ts'
import type { Notice, Outcome } from './outcome.ts'
import type { Run } from './run.ts'
import type { State } from './state.ts'
import type { Verdict } from './verdict.ts'

/** docs/decision.md steps 3 to 24; of 25, for `apply`, everything that comes before the swap. */
export function judge(run: Run, state: State, material: Material): Outcome<Verdict> {
  const notices: Notice[] = []
  let current = state
  // Each turn but the last takes one trust step, and absorb lets no run take more than 32.
  for (;;) {
    const observed = observe(run, current, material)
    if (observed.kind !== 'done') return withNotices(notices, observed)
    const absorbed = absorb(run, observed.state, observed.value, material)
    notices.push(...observed.notices, ...absorbed.notices)
    if (absorbed.kind !== 'done') return { ...absorbed, notices }
    current = absorbed.state
    if (!absorbed.value.again) return withNotices(notices, decide(run, current, absorbed.value, material))
  }
}

function withNotices<V>(notices: readonly Notice[], outcome: Outcome<V>): Outcome<V> {
  return { ...outcome, notices: [...notices, ...outcome.notices] }
}
