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
  let current = state
  // Each turn but the last takes one trust step, and absorb lets no run take more than 32.
  for (;;) {
    const observed = observe(run, current, material)
    if (observed.kind !== 'done') return concluded(run, [], observed)
    const absorbed = absorb(run, observed.state, observed.value, material)
    if (absorbed.kind !== 'done') return concluded(run, observed.notices, absorbed)
    current = absorbed.state
    if (absorbed.value.again) continue
    const notices = [...observed.notices, ...absorbed.notices]
    return concluded(run, notices, decide(run, current, absorbed.value, material))
  }
}

/** What changed since the run began is told from the states, since the steps do not remember earlier calls. */
function concluded<V>({ began }: Run, notices: readonly Notice[], outcome: Outcome<V>): Outcome<V> {
  const { trust, log } = outcome.state
  const changes: Notice[] = []
  if (trust.version !== began.trustVersion) {
    changes.push({
      code: 'trust-updated',
      text: `trust version ${trust.version} has taken the place of ${began.trustVersion}`,
    })
  }
  if (log.origin !== began.origin) {
    changes.push({ code: 'log-replaced', text: `${log.origin} has taken the place of ${began.origin}` })
  }
  return { ...outcome, notices: [...changes, ...notices, ...outcome.notices] }
}
