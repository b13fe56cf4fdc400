/**
 * Signing a step of trust, on a machine that has the authority's key and needs nothing else: the trust file in force, the next
 * one, and a person who has read what changes.
 */
import { formatStatement, type Trust } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { StatementKey } from '../keygen.ts'
import { signStatement } from '../signing.ts'
import { demandRole } from './authority.ts'

/** The statement that makes `next` the trust file of its product (docs/formats.md §1). */
export function trustPayload({ product, version, sha256, size }: Trust): Uint8Array {
  return formatStatement({ kind: 'trust', product, version, sha256, size })
}

/** @throws ProgramError TRUST_INVALID where `next` is not the version after `current` */
export function demandNext(current: Trust, next: Trust): void {
  const refuse = (detail: string, remedy: string) =>
    new ProgramError({ code: 'TRUST_INVALID', detail, remedy, exitCode: 10 })
  if (next.product !== current.product)
    throw refuse(
      `the next trust file is for ${next.product}, the one in force for ${current.product}`,
      'Name files of one product.',
    )
  if (next.version !== current.version + 1)
    throw refuse(
      `the next trust file is version ${next.version}, the one in force version ${current.version}`,
      `Give it version ${current.version + 1}: no version can be skipped.`,
    )
  if (next.origin !== current.origin && next.replaces?.origin !== current.origin)
    throw refuse(
      `it names the log ${next.origin} and no tree of ${current.origin} that this one continues`,
      'Propose it again: replaces says where the log before it ended.',
    )
}

/** The signed leaf. @throws ProgramError NOT_ADMITTED, TRUST_INVALID */
export async function signTrust(current: Trust, next: Trust, key: StatementKey): Promise<Uint8Array> {
  demandNext(current, next)
  demandRole([current, next], 'trust', key)
  return signStatement(trustPayload(next), key)
}
