import type { Refusal } from '@samebits/core'
import type { Stopped } from '../results.ts'

/** What electron-updater's `error` event carries where samebits stops an update: its `code`, and the whole refusal. */
export class RefusedUpdate extends Error {
  override readonly name = 'RefusedUpdate'
  /** As in docs/attacks.md; `usage` where several artifacts fit. */
  readonly code: string
  readonly refusal: Refusal
  /** Where the evidence was written, for refusals that have some. */
  readonly evidencePath: string | null

  constructor({ refusal, evidencePath }: Stopped) {
    super(`${refusal.code ?? refusal.kind}: ${refusal.detail}. ${refusal.remedy}`)
    this.code = refusal.code ?? refusal.kind
    this.refusal = refusal
    this.evidencePath = evidencePath
  }
}
