/** The cosignatures of one head, as they come in. */
import { formatNote, type NoteSignature, type Policy, type SignedCheckpoint, satisfiesQuorum } from '@samebits/core'
import { WitnessQuorumError } from '../witnessing.ts'
import type { Cosignature } from './answer.ts'

export class Round {
  readonly signed: SignedCheckpoint
  readonly #policy: Policy
  /** By the policy's names. */
  readonly #lines = new Map<string, NoteSignature>()
  readonly #failures: string[] = []
  #pending: number
  #returned = 0
  #broken: { readonly error: unknown } | null = null
  #change: PromiseWithResolvers<void> = Promise.withResolvers()

  /** @param pending services that were asked: each calls `add`, `fail` or `break` once */
  constructor(policy: Policy, signed: SignedCheckpoint, pending: number) {
    this.#policy = policy
    this.signed = signed
    this.#pending = pending
  }

  add(cosignatures: readonly Cosignature[]): void {
    for (const { witness, line } of cosignatures) this.#lines.set(witness.name, line)
    this.#settled()
  }

  fail(reason: string): void {
    this.#failures.push(reason)
    this.#settled()
  }

  /** Not a witness's failure: the storage's, say. Whoever waits gets this error. */
  break(error: unknown): void {
    this.#broken ??= { error }
    this.#settled()
  }

  #settled(): void {
    this.#pending--
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }

  /** Resolves with the text once the quorum is met. @throws WitnessQuorumError when it no longer can be */
  async quorum(): Promise<string> {
    while (!this.#isMet() && this.#pending > 0 && this.#broken === null) await this.#change.promise
    if (this.#broken !== null) throw this.#broken.error
    if (!this.#isMet())
      throw new WitnessQuorumError(
        `size ${this.signed.checkpoint.size}: ${this.#failures.join('; ') || 'nobody asked'}`,
      )
    return this.text()
  }

  /** Resolves once there are lines that no text had so far, or with false when none will come. */
  async hasMore(): Promise<boolean> {
    while (this.#lines.size === this.#returned && this.#pending > 0 && this.#broken === null) await this.#change.promise
    if (this.#broken !== null) throw this.#broken.error
    return this.#lines.size > this.#returned
  }

  /** The checkpoint with the log's own lines first, then the witnesses' in the order of the policy. */
  text(): string {
    this.#returned = this.#lines.size
    const lines = this.#policy.witnesses.flatMap(({ name }) => this.#lines.get(name) ?? [])
    const { text, signatures } = this.signed.note
    return formatNote({ text, signatures: [...signatures, ...lines] })
  }

  #isMet(): boolean {
    return satisfiesQuorum(this.#policy, new Set(this.#lines.keys()))
  }
}
