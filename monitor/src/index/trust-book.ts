/** A trust file with its members at hand, and what signatures under one id amount to by it. The judging is `core`'s. */
import {
  type CountedSignature,
  type Entry,
  type Identity,
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
import { identities } from './identities.ts'
import type { LoggedEntries } from './logged-entries.ts'

export interface Signatory {
  readonly role: Role
  readonly member: Member
}

export class TrustBook {
  readonly trust: Trust
  /** Members with keys, by the hint under which entries name them. */
  readonly #members: ReadonlyMap<string, Signatory>
  /** Members whom certificates name. */
  readonly #identities: ReadonlyMap<string, Signatory>
  readonly keys: ReadonlyMap<string, VerificationKey>

  constructor(trust: Trust) {
    const signatories = roles.flatMap((role) => trust[role].members.map((member) => ({ role, member })))
    const byHint = signatories.flatMap((one) =>
      one.member.credential.kind === 'key' ? [[one.member.credential.hint, one] as const] : [],
    )
    this.trust = trust
    this.#members = new Map(byHint)
    this.#identities = new Map(
      signatories.flatMap((one) =>
        one.member.credential.kind === 'identity' ? [[nameOf(one.member.credential), one] as const] : [],
      ),
    )
    this.keys = new Map(
      signatories.flatMap(({ member: { credential } }) =>
        credential.kind === 'key' ? [[credential.hint, credential.key] as const] : [],
      ),
    )
  }

  /**
   * The member whose valid signature an entry carries, or null. Keys were verified where the entry was read; a certificate is verified
   * here, since whose it is depends on the authorities that this trust file pins.
   */
  signatoryOf({ signer, valid }: Pick<EntryRecord, 'signer' | 'valid'>, entry: () => Entry | null): Signatory | null {
    if (signer !== '') return valid === true ? (this.#members.get(signer) ?? null) : null
    const { trustedRoot } = this.trust
    if (trustedRoot === null) return null
    const read = entry()
    const found = read === null ? null : identities.identify(read, trustedRoot)
    return found === null ? null : (this.#identities.get(nameOf(found)) ?? null)
  }

  /** The valid signatures of members among the entries of one statement. */
  signatures({ records, entry }: LoggedEntries): CountedSignature[] {
    return records.flatMap((record) => {
      const found = this.signatoryOf(record, () => entry(record))
      return found === null ? [] : [{ index: record.index, memberId: found.member.id }]
    })
  }

  /** Whether these signatures meet a statement. Of a trust statement: whether the old authority agrees. */
  meets(statement: StatementRecord, entries: LoggedEntries): boolean {
    const signatures = this.signatures(entries)
    const { kind, channel, sequence, id } = statement
    if (kind === 'release' && channel !== null && sequence !== null)
      return isReleaseMet(this.trust, { channel, sequence, id }, signatures)
    return isStatementMet(this.trust, kind, signatures)
  }

  authorityMeets(entries: LoggedEntries): boolean {
    return isMet(this.trust, 'authority', this.signatures(entries))
  }

  /** What one entry of a rebuild says: one vote a file, or none. */
  votes(entry: Entry, record: EntryRecord): readonly Vote[] {
    const signatory = entry.statement.kind === 'rebuild' ? this.signatoryOf(record, () => entry) : null
    if (signatory === null || entry.statement.kind !== 'rebuild') return []
    return votesOf(this.trust, entry.statement, record.index, signatory.member.id)
  }
}

function nameOf({ issuer, san }: Identity): string {
  return JSON.stringify([issuer, san])
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
