/** A trust file with its members at hand, and what signatures under one id amount to by it. The judging is `core`'s. */
import {
  type CountedSignature,
  type Entry,
  isMet,
  isReleaseMet,
  isStatementMet,
  type Member,
  parseTrust,
  type Role,
  roles,
  type Trust,
  TrustError,
  type VerificationKey,
  type Vote,
  votesOf,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { EntryRecord, StatementRecord } from '../state/monitor-store.ts'

export interface Signatory {
  readonly role: Role
  readonly member: Member
}

export class TrustBook {
  readonly trust: Trust
  /** By the hint under which entries name them. Members with certificates are not here: nothing verifies those yet. */
  readonly members: ReadonlyMap<string, Signatory>
  readonly keys: ReadonlyMap<string, VerificationKey>

  constructor(trust: Trust) {
    const signatories = roles.flatMap((role) => trust[role].members.map((member) => ({ role, member })))
    const byHint = signatories.flatMap((one) =>
      one.member.credential.kind === 'key' ? [[one.member.credential.hint, one] as const] : [],
    )
    this.trust = trust
    this.members = new Map(byHint)
    this.keys = new Map(
      signatories.flatMap(({ member: { credential } }) =>
        credential.kind === 'key' ? [[credential.hint, credential.key] as const] : [],
      ),
    )
  }

  /** The valid signatures of members among the entries of one statement. */
  signatures(entries: readonly EntryRecord[]): CountedSignature[] {
    return entries.flatMap(({ index, signer, valid }) => {
      const found = valid === true ? this.members.get(signer) : undefined
      return found === undefined ? [] : [{ index, memberId: found.member.id }]
    })
  }

  /** Whether these signatures meet a statement. Of a trust statement: whether the old authority agrees. */
  meets(statement: StatementRecord, entries: readonly EntryRecord[]): boolean {
    const signatures = this.signatures(entries)
    const { kind, channel, sequence, id } = statement
    if (kind === 'release' && channel !== null && sequence !== null)
      return isReleaseMet(this.trust, { channel, sequence, id }, signatures)
    return isStatementMet(this.trust, kind, signatures)
  }

  authorityMeets(entries: readonly EntryRecord[]): boolean {
    return isMet(this.trust, 'authority', this.signatures(entries))
  }

  /** What one entry of a rebuild says: one vote a file, or none. */
  votes(entry: Entry, record: EntryRecord): readonly Vote[] {
    const [signature] = this.signatures([record])
    if (signature === undefined || entry.statement.kind !== 'rebuild') return []
    return votesOf(this.trust, entry.statement, record.index, signature.memberId)
  }
}

/** The trust file of exact bytes; `unknown-format`, or null for what is none. */
export function readTrust(bytes: Uint8Array): TrustBook | 'unknown-format' | null {
  try {
    return new TrustBook(parseTrust(nodeCrypto, bytes))
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
    return error.fault === 'unknown-format' ? 'unknown-format' : null
  }
}
