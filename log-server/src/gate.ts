/** Whether this process may write, and why not. Reading never depends on it (docs/log.md rule 6). */
import type { Frozen } from './frozen/frozen.ts'

export type GateState =
  | { readonly state: 'starting'; readonly code: string; readonly detail: string }
  | { readonly state: 'writing' }
  /** Another process leads; entries are handed on to it. */
  | { readonly state: 'following'; readonly url: string }
  /** `retrySeconds`: null where only a person can help. */
  | {
      readonly state: 'read-only'
      readonly code: string
      readonly detail: string
      readonly retrySeconds: number | null
    }
  /** Entries are taken no more, by any server of the log; its last tree is signed on. */
  | { readonly state: 'frozen'; readonly frozen: Frozen }
  | { readonly state: 'stopping' }

/** Nothing is written now. The submitted entry may or may not become an entry: submitting it again is safe. */
export class NotWritingError extends Error {
  override readonly name = 'NotWritingError'
  readonly code = 'NOT_WRITING'
  readonly gate: GateState
  constructor(gate: GateState) {
    super('detail' in gate ? gate.detail : `the log is ${gate.state}`)
    this.gate = gate
  }
}
