/** How the calls of an updater end: values, also for refusals; only an abort and misuse are thrown. */
import {
  type Accepted,
  type Current,
  failedBeforeSwap,
  type InstallRecord,
  type Notice,
  type Refusal,
  type RefusalCode,
  refusalExit,
  refuse,
  verdictExit,
} from '@samebits/core'
import { IoFailure } from './failure.ts'
import { InstallFailure } from './install-job.ts'

export interface Stopped {
  readonly kind: 'stopped'
  readonly refusal: Refusal
  readonly notices: readonly Notice[]
  /** Where the evidence was written, for refusals that have some. */
  readonly evidencePath: string | null
}

export interface AcceptedResult {
  readonly kind: 'accepted'
  readonly release: Accepted
  readonly notices: readonly Notice[]
}

export interface CurrentResult {
  readonly kind: 'current'
  readonly current: Current
  readonly notices: readonly Notice[]
}

export type CheckResult = AcceptedResult | CurrentResult | Stopped

export type DownloadResult =
  | {
      readonly kind: 'downloaded'
      readonly release: Accepted
      /** The folder in which each file lies under its SHA-256. */
      readonly directory: string
      readonly notices: readonly Notice[]
    }
  | Stopped

export type ApplyResult =
  | {
      readonly kind: 'installed'
      readonly release: Accepted
      readonly record: InstallRecord
      readonly notices: readonly Notice[]
    }
  | { readonly kind: 'nothing-staged'; readonly notices: readonly Notice[] }
  | CurrentResult
  | Stopped

/** rejected: a journal of unknown origin was removed. restored: the version before stands. finished: the new one. */
export type RecoverResult =
  | { readonly kind: 'none' }
  | { readonly kind: 'rejected' | 'restored' | 'finished'; readonly detail: string }
  | Stopped

/** Exit status of a program that ends with this result (docs/decision.md). */
export function exitStatus(result: CheckResult): number {
  if (result.kind === 'stopped') return refusalExit(result.refusal)
  return verdictExit(result.kind === 'accepted' ? result.release : result.current)
}

/** The step of docs/decision.md at which each failure of ours stands. */
const steps: Readonly<Record<IoFailure['code'], string>> = {
  STATE_INVALID: '2',
  STATE_FULL: '9',
  STATE_BUSY: '2',
  TRANSPORT: '24',
  SIZE_EXCEEDED: '24',
  DIGEST_MISMATCH: '24',
  PATH_REFUSED: '24',
  INSTALL_FAILED: '25',
}

/** A failure of ours as the refusal that it stands for; whatever else was thrown stays thrown. */
export function stoppedBy(error: unknown, notices: readonly Notice[] = []): Stopped {
  if (!(error instanceof IoFailure)) throw error
  return { kind: 'stopped', refusal: refusalOf(error), notices, evidencePath: null }
}

function refusalOf(error: IoFailure): Refusal {
  if (error instanceof InstallFailure && !error.swapBegan) return failedBeforeSwap(error.detail)
  const code: RefusalCode = error.code
  return refuse(code, steps[error.code], error.detail)
}
