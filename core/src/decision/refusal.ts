/**
 * How a run ends and how it says so (docs/decision.md, the table of results; docs/attacks.md, the codes).
 * A refusal carries a stable `code`, `detail` (what was seen) and `remedy` (what the user can do). Exit statuses:
 *
 *     accepted, current            0        current, but installed is revoked or disowned   12
 *     refused                     10        undecided                                       20
 *     refused FORK                11        usage                                           64
 */
import type { Evidence } from '../release/evidence.ts'

/** One sentence each: what the user can do. */
const remedies = {
  PROOF_MISSING: 'Ask the publisher for the update bundle that belongs to this file, or go online and try again.',
  PROOF_INVALID: 'Fetch the update bundle again from the publisher; do not install this file.',
  CHECKPOINT_INVALID: 'Fetch the update bundle again from the publisher; do not install this file.',
  WITNESS_QUORUM: 'Try again later; if it stays, ask the publisher whether the witnesses have changed.',
  FORK: 'Install nothing from this log; send the evidence file to the publisher and to the witnesses.',
  ROLLBACK_LOG: 'Try again later or through another network; report it to the publisher if it stays.',
  STALE: 'Go online and try again; if the log or the feed stays old, report it to the publisher.',
  CLOCK: 'Set the clock of this machine and try again.',
  HISTORY_INCOMPLETE: 'Run again: what was read is kept and the next run goes on from there.',
  DOWNGRADE: 'Keep what is installed; to step back on purpose, name the release with --downgrade-to.',
  EQUIVOCATION: 'Do not install this release; send the evidence file to the publisher and wait for the next one.',
  CHAIN_BROKEN: 'Do not install this release; report it to the publisher.',
  SIGNATURE_INVALID: 'Do not install this file; get it from the publisher again.',
  STATEMENT_INVALID: 'Do not install this file; get it and its update bundle from the publisher again.',
  WRONG_PRODUCT: 'Get the update bundle of the product that was asked for.',
  WRONG_CHANNEL: 'Get the update bundle of the channel that was asked for, or choose that channel with --channel.',
  WRONG_PLATFORM: 'Get the artifact for this platform.',
  REBUILD_QUORUM: 'Wait until enough independent rebuilders have confirmed this release, then try again.',
  REBUILD_MISMATCH: 'Do not install this release: a rebuilder got other bytes; report it to the publisher.',
  REVOKED: 'Do not install this release; wait for the one that replaces it.',
  TRUST_INVALID: 'Get the current trust file from the publisher and compare its digest before importing it.',
  DIGEST_MISMATCH: 'Delete the file and download it again; do not install it.',
  SIZE_EXCEEDED: 'Do not install this file; get it from the publisher again.',
  TRANSPORT: 'Check the network connection and try again.',
  PATH_REFUSED: 'Do not install this release; report the name to the publisher.',
  STATE_INVALID: 'Look at the state folder; `samebits state reset` starts again from the shipped anchor.',
  STATE_FULL: 'Install a current build by hand and run `samebits state reset`: its anchor starts history anew.',
  STATE_BUSY: 'Another run is working on this state: try again when it has ended.',
  INSTALL_FAILED: 'The earlier version stays; look at the reason, then try again.',
} as const

export type RefusalCode = keyof typeof remedies

/** All codes, in the order of docs/attacks.md. */
export const refusalCodes: readonly RefusalCode[] = Object.keys(remedies) as RefusalCode[]

/** Codes that decide nothing: never "up to date", never "this is bad". INSTALL_FAILED only before the swap began. */
const undecidedCodes: ReadonlySet<RefusalCode> = new Set(['CLOCK', 'HISTORY_INCOMPLETE', 'TRANSPORT', 'STATE_BUSY'])

export interface Refusal {
  /** `undecided` decides nothing and is never "up to date"; `usage` is a want that fits several artifacts. */
  readonly kind: 'refused' | 'undecided' | 'usage'
  /** Null for `usage` alone. */
  readonly code: RefusalCode | null
  /** What was seen. May quote what others wrote: neutralise it before a terminal shows it. */
  readonly detail: string
  readonly remedy: string
  /** The step of docs/decision.md that failed. */
  readonly step: string
  /** What convinces a third party, where the code stands for someone's misbehaviour and the material is at hand. */
  readonly evidence: Evidence | null
}

/** A refusal, or undecided where the code says so. `step` as in docs/decision.md: `5a`, `17`. */
export function refuse(code: RefusalCode, step: string, detail: string, evidence: Evidence | null = null): Refusal {
  const kind = undecidedCodes.has(code) ? 'undecided' : 'refused'
  return { kind, code, detail, remedy: remedies[code], step, evidence }
}

/** INSTALL_FAILED before the swap began: nothing was decided about the release (docs/decision.md, the table of results). */
export function failedBeforeSwap(detail: string): Refusal {
  return { ...refuse('INSTALL_FAILED', '25', detail), kind: 'undecided' }
}

/** A want that cannot be answered as it was asked. */
export function usage(step: string, detail: string): Refusal {
  return { kind: 'usage', code: null, detail, remedy: 'Say which one is meant.', step, evidence: null }
}

export function remedyFor(code: RefusalCode): string {
  return remedies[code]
}

/** Why the installed release is to be left, though nothing newer is at hand. */
export type InstalledFlaw = 'revoked' | 'disowned'

/** Exit status of a refusal. */
export function refusalExit(refusal: Refusal): 10 | 11 | 20 | 64 {
  if (refusal.kind === 'usage') return 64
  if (refusal.kind === 'undecided') return 20
  return refusal.code === 'FORK' ? 11 : 10
}

/** Exit status of a verdict that is no refusal. */
export function verdictExit(verdict: {
  readonly kind: 'accepted' | 'current'
  readonly flaw: InstalledFlaw | null
}): 0 | 12 {
  return verdict.kind === 'current' && verdict.flaw !== null ? 12 : 0
}
