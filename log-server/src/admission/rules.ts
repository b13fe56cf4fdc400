/** A product's trust file, as far as admission follows it, and what it makes of signatures (docs/formats.md §1, *Met*). */
import { type Role, signingRoles } from '@samebits/core'
import type { Head } from './heads.ts'
import type { SignedRow, StatementFacts, StatementKind } from './tables.ts'

export interface Rules {
  readonly product: string
  readonly version: number
  /** SHA-256 of the trust file's exact bytes. */
  readonly sha256: string
  /** Name of the log that its `tlogPolicy` names. */
  readonly origin: string
  readonly channels: ReadonlySet<string>
  /** The trust file's `heads`, by channel: these ids count as met. */
  readonly floors: ReadonlyMap<string, Head>
  threshold(role: Role): number
  /** The operator for whom `signer` speaks in `role` with an entry of this log at `index`; null if for none. */
  operator(role: Role, signer: string, index: number): string | null
}

/** Whether `signer` may sign a statement of this kind with an entry at `index`. */
export function maySign(rules: Rules, kind: StatementKind, signer: string, index: number): boolean {
  return signingRoles[kind].some((role) => rules.operator(role, signer, index) !== null)
}

/** Index of the entry with which enough distinct operators of `role` had signed; null while too few have. */
export function thresholdMetAt(rules: Rules, role: Role, signed: readonly SignedRow[]): number | null {
  const operators = new Set<string>()
  for (const { signer, index } of signed) {
    const operator = rules.operator(role, signer, index)
    if (operator !== null) operators.add(operator)
    if (operators.size >= rules.threshold(role)) return index
  }
  return null
}

/** The same for a statement of any kind but trust. Votes are never met, ids in `heads` are met with their first entry. */
export function metAt(rules: Rules, statement: StatementFacts, signed: readonly SignedRow[]): number | null {
  const { kind, channel, id } = statement
  if (kind === 'rebuild' || kind === 'trust') return null
  if (kind === 'release' && rules.floors.get(channel ?? '')?.id === id) return signed[0]?.index ?? null
  return earliest(signingRoles[kind].map((role) => thresholdMetAt(rules, role, signed)))
}

/** A trust statement is met when both the authority in force and the one that it brings have signed it. */
export function trustMetAt(rules: Rules, next: Rules, signed: readonly SignedRow[]): number | null {
  const old = thresholdMetAt(rules, 'authority', signed)
  const brought = thresholdMetAt(next, 'authority', signed)
  return old === null || brought === null ? null : Math.max(old, brought)
}

function earliest(indices: readonly (number | null)[]): number | null {
  const known = indices.filter((index) => index !== null)
  return known.length === 0 ? null : Math.min(...known)
}
