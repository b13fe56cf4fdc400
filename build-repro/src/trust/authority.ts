/** Who has signed a statement, and whether that is enough under a trust file, for the statements that authorities make. */
import {
  type CountedSignature,
  type Entry,
  isStatementMet,
  operatorsOf,
  type Role,
  type Statement,
  signingRoles,
  type Trust,
  toHex,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { ProductEntry } from '../history.ts'
import type { StatementKey } from '../keygen.ts'
import { signersOf } from '../signers.ts'

/** The role in which a key may sign a statement of this kind under one of the trust files; null: in none. */
function roleOf(
  trusts: readonly Trust[],
  kind: Statement['kind'],
  { keyid }: Pick<StatementKey, 'keyid'>,
): Role | null {
  for (const trust of trusts)
    for (const role of signingRoles[kind])
      if (trust[role].members.some(({ credential }) => credential.kind === 'key' && credential.hint === keyid))
        return role
  return null
}

/** @throws ProgramError NOT_ADMITTED where the key may not sign that */
export function demandRole(trusts: readonly Trust[], kind: Statement['kind'], key: StatementKey): Role {
  const role = roleOf(trusts, kind, key)
  if (role !== null) return role
  throw new ProgramError({
    code: 'NOT_ADMITTED',
    detail: `the key ${key.keyid} is listed among none of those who may sign a ${kind} statement`,
    remedy: `Sign with a key of: ${signingRoles[kind].join(', ')}.`,
    exitCode: 10,
  })
}

/** The signatures of entries under one id. `foreign`: they are in another log than the one of `trust`. */
function signaturesOf(trust: Trust, entries: readonly ProductEntry[], foreign: boolean): readonly CountedSignature[] {
  return entries.flatMap(({ index, entry }) =>
    signersOf(trust, entry).map(({ member }) => ({ index: foreign ? null : index, memberId: member.id })),
  )
}

/** How far a statement is with the authority of one trust file. */
export interface Agreement {
  readonly signed: number
  readonly needed: number
  readonly met: boolean
}

export function authorityAgreement(trust: Trust, entries: readonly ProductEntry[], origin: string): Agreement {
  const signatures = signaturesOf(trust, entries, trust.origin !== origin)
  return {
    signed: operatorsOf(trust, 'authority', signatures).size,
    needed: trust.authority.threshold,
    met: isStatementMet(trust, 'trust', signatures),
  }
}

/** Names the signer of an entry, as the trust files call it; null for a stranger or a broken signature. */
export function signerName(trusts: readonly Trust[], entry: Entry): string | null {
  for (const trust of trusts) {
    const [found] = signersOf(trust, entry)
    if (found !== undefined) return found.member.id
  }
  return null
}

/** What tells one signer's entry of a statement from another's. */
export function signerKey({ signer }: Entry): string {
  return signer.kind === 'key' ? signer.hint : toHex(nodeCrypto.sha256(signer.certificate))
}
