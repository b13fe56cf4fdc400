/**
 * Asking the witnesses of a policy (docs/log.md, *Asking witnesses*): all in parallel, each with a time-out and at its own
 * pace; the quorum decides when the head is published, what comes later is published with it again.
 */
import { type Policy, type SignedCheckpoint, satisfiesQuorum } from '@samebits/core'
import type { Step } from '../tracing/tracing.ts'
import { type Witnessing, WitnessQuorumError } from '../witnessing.ts'
import { AbandonedError, type Question, type WitnessAsker } from './asker.ts'
import { WitnessFailure } from './failure.ts'
import { Round } from './round.ts'
import type { WitnessEvents } from './witness-events.ts'

export interface PolicyWitnessesParts {
  /** As it is now: while witnesses change it is that of both, and then one of them again. */
  readonly policy: () => Policy
  /** All that may be asked; those of whom the policy knows nothing are not. */
  readonly askers: readonly WitnessAsker[]
  readonly copies: Witnessing['copies']
  /** Publish without a quorum when it cannot be had; every time is reported. */
  readonly failOpen: boolean
  readonly events: WitnessEvents
  /** Resolves after a while, at once when aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/** Cosignatures that come within this of each other after the quorum are published together. */
const gatherMs = 100

class PolicyWitnesses implements Witnessing {
  readonly #parts: PolicyWitnessesParts
  #round: Round | null = null

  constructor(parts: PolicyWitnessesParts) {
    this.#parts = parts
  }

  /** The wait of the slowest of those that make the earliest quorum. */
  async ready(signal: AbortSignal): Promise<void> {
    const { sleep } = this.#parts
    const policy = this.#parts.policy()
    const names = new Set<string>()
    const open = this.#askersOf(policy)
      .filter(({ pace }) => !pace.closed)
      .map((asker) => ({ asker, waitMs: asker.pace.waitMs }))
    for (const { asker, waitMs } of open.sort((a, b) => a.waitMs - b.waitMs)) {
      for (const { name } of asker.service.witnesses) names.add(name)
      if (!satisfiesQuorum(policy, names)) continue
      await sleep(waitMs, signal)
      return
    }
  }

  async cosign(signed: SignedCheckpoint, signal: AbortSignal, step: Step | null = null): Promise<string> {
    const { failOpen, events } = this.#parts
    const policy = this.#parts.policy()
    const askers = this.#askersOf(policy)
    const round = new Round(policy, signed, askers.length)
    this.#round = round
    const needed = !suffice(
      policy,
      askers.filter(({ pace }) => !pace.backingOff && !pace.closed),
    )
    const current = () => this.#round === round
    for (const asker of askers) void this.#ask(asker, round, { signed, signal, current, needed, step })
    try {
      return await round.quorum()
    } catch (error) {
      if (!(error instanceof WitnessQuorumError) || signal.aborted) throw error
      events.quorumFailed(signed.checkpoint.size, error.message, failOpen)
      if (!failOpen) throw error
      return round.text()
    }
  }

  #askersOf({ witnesses }: Policy): readonly WitnessAsker[] {
    const known = new Set(witnesses.map(({ name }) => name))
    return this.#parts.askers.filter(({ service }) => service.witnesses.some(({ name }) => known.has(name)))
  }

  /** Tells the round how it went; never rejects. */
  async #ask(asker: WitnessAsker, round: Round, question: Question): Promise<void> {
    const { events } = this.#parts
    const { name } = asker.service
    try {
      const cosignatures = await asker.ask(question)
      events.cosigned(name, round.signed.checkpoint.size)
      round.add(cosignatures)
    } catch (error) {
      if (error instanceof WitnessFailure) events.failed(name, error.kind, error.message)
      if (error instanceof WitnessFailure || error instanceof AbandonedError) round.fail(`${name}: ${error.message}`)
      else round.break(error)
    }
  }

  async more(signed: SignedCheckpoint, signal: AbortSignal): Promise<string | null> {
    const round = this.#round
    if (round?.signed !== signed || !(await round.hasMore())) return null
    await this.#parts.sleep(gatherMs, signal)
    return this.#round === round && !signal.aborted ? round.text() : null
  }

  copies(): ReturnType<Witnessing['copies']> {
    return this.#parts.copies()
  }
}

function suffice(policy: Policy, askers: readonly WitnessAsker[]): boolean {
  const names = askers.flatMap(({ service }) => service.witnesses.map(({ name }) => name))
  return satisfiesQuorum(policy, new Set(names))
}

export function policyWitnesses(parts: PolicyWitnessesParts): Witnessing {
  return new PolicyWitnesses(parts)
}
