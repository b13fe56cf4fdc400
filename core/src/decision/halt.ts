/** Why a part of a step goes no further: it needs something, or it refuses. The step adds the state and the notices. */
import type { Need } from './material.ts'
import type { Notice, Outcome } from './outcome.ts'
import type { Refusal } from './refusal.ts'
import type { State } from './state.ts'

export class Halt {
  readonly needs: readonly Need[]
  readonly refusal: Refusal | null

  private constructor(needs: readonly Need[], refusal: Refusal | null) {
    this.needs = needs
    this.refusal = refusal
  }

  static needing(...needs: readonly Need[]): Halt {
    return new Halt(needs, null)
  }

  static refusing(refusal: Refusal): Halt {
    return new Halt([], refusal)
  }

  outcome(state: State, notices: readonly Notice[]): Outcome<never> {
    if (this.refusal !== null) return { kind: 'stopped', state, notices, refusal: this.refusal }
    return { kind: 'needs', state, notices, needs: this.needs }
  }
}
