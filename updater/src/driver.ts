/** Runs a pure step of the decision to its end: fetch what it needs, remember what it learned, ask again. */
import { type Answer, type Material, type Need, type Notice, needKey, type Outcome, type State } from '@samebits/core'
import type { NeedFetcher } from './need-fetcher.ts'
import type { StateKeeper } from './state-keeper.ts'

export interface DriveInput<V> {
  readonly step: (state: State, material: Material) => Outcome<V>
  readonly state: State
  /** Bundles in hand, and what was fetched before. */
  readonly material: Material
  /** Null: nothing may be fetched. */
  readonly fetcher: NeedFetcher | null
  readonly keeper: StateKeeper
  readonly signal?: AbortSignal | undefined
  readonly onNeed?: ((need: Need, state: State) => void) | undefined
}

export interface Driven<V> {
  readonly outcome: Exclude<Outcome<V>, { readonly kind: 'needs' }>
  readonly notices: readonly Notice[]
  /** What was fetched, for the steps that follow on the same material. */
  readonly material: Material
}

/** More turns than any honest run takes: 32 trust steps, and a long history in small parts. */
const maxTurns = 100_000

/** @throws IoFailure STATE_BUSY, STATE_INVALID; the signal's reason */
export async function drive<V>(input: DriveInput<V>): Promise<Driven<V>> {
  const { step, keeper, signal } = input
  const { offers } = input.material
  const answers = new Map(input.material.answers)
  let state = input.state
  for (let turn = 0; turn < maxTurns; turn++) {
    signal?.throwIfAborted()
    const outcome = step(state, { offers, answers })
    state = outcome.state
    await keeper.keep(state)
    if (outcome.kind !== 'needs') return { outcome, notices: outcome.notices, material: { offers, answers } }
    forgetRead(answers, outcome.needs)
    await Promise.all(outcome.needs.map((need) => answer(input, state, answers, need)))
  }
  throw new Error('the decision does not end')
}

async function answer<V>(input: DriveInput<V>, state: State, answers: Map<string, Answer>, need: Need): Promise<void> {
  input.onNeed?.(need, state)
  const key = needKey(need)
  if (answers.has(key)) throw new Error(`the decision asks twice for ${key}`)
  answers.set(key, (await input.fetcher?.answer(need)) ?? offline)
}

const offline: Answer = { kind: 'failed', reason: 'transport', detail: 'this run uses no network' }

/** What was read of history is in the state by the time that more is asked for: keeping it would let memory grow with the log. */
function forgetRead(answers: Map<string, Answer>, needs: readonly Need[]): void {
  if (!needs.some(({ kind }) => kind === 'entries')) return
  for (const [key, { kind }] of answers) if (kind === 'entries') answers.delete(key)
}
