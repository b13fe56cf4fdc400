/** What a monitor takes from one entry, worked out where the entry was hashed: plain data, it crosses threads. */
import {
  bodiesOf,
  type Crypto,
  type Entry,
  parseEntry,
  type Statement,
  StatementError,
  type StatementFault,
  signsEntries,
  type VerificationKey,
  verifyEntryWithKey,
} from '@samebits/core'

/** Keys of the members of watched products, by the hint under which entries name them. */
export type KeyRing = ReadonlyMap<string, VerificationKey>

/** An entry that this version does not read. */
export interface UnreadFacts {
  readonly kind: 'unread'
  readonly index: number
  /** `unknown-type`: somebody else's, or of a later version. */
  readonly fault: StatementFault
  readonly detail: string
}

export interface StatementFacts {
  readonly kind: 'statement'
  readonly index: number
  readonly id: string
  readonly product: string
  readonly says: Statement['kind']
  /** Releases only. */
  readonly channel: string | null
  /** Releases: the sequence. Trust: the version that it brings. */
  readonly sequence: number | null
  readonly version: string | null
  readonly previous: string | null
  /** Ids of releases that it is about. */
  readonly names: readonly string[]
  /** Rebuilds: digests of what came out. */
  readonly made: readonly string[]
  /** Digests of its detached bodies. */
  readonly bodies: readonly string[]
  /** The key's hint; empty for a certificate. */
  readonly signer: string
  /** Null: the key is not listed by any watched product, or it is a certificate, which is judged under each trust file. */
  readonly valid: boolean | null
  readonly leaf: Uint8Array
}

export type EntryFacts = StatementFacts | UnreadFacts

/** Reads a leaf that was hashed into the tree, and verifies its signature where its key is on the ring. */
export function factsOf(crypto: Crypto, keys: KeyRing, index: number, leaf: Uint8Array): EntryFacts {
  let entry: Entry
  try {
    entry = parseEntry(crypto, leaf)
  } catch (error) {
    if (!(error instanceof StatementError)) throw error
    return { kind: 'unread', index, fault: error.fault, detail: error.detail }
  }
  const { id, statement, signer } = entry
  return {
    ...{ kind: 'statement', index, id, product: statement.product, says: statement.kind },
    ...placeOf(statement),
    names: namesOf(statement),
    made: statement.kind === 'rebuild' ? [...new Set(statement.subjects.map(({ sha256 }) => sha256))] : [],
    bodies: bodiesOf(statement),
    signer: signer.kind === 'key' ? signer.hint : '',
    valid: validityOf(crypto, keys, entry),
    leaf,
  }
}

/** Whether the entry's signature is its signer's; null where its key is not on the ring. */
export function validityOf(crypto: Crypto, keys: KeyRing, entry: Entry): boolean | null {
  const key = entry.signer.kind === 'key' ? keys.get(entry.signer.hint) : undefined
  return key === undefined || !signsEntries(key) ? null : verifyEntryWithKey(crypto, entry, key)
}

function placeOf(statement: Statement): Pick<StatementFacts, 'channel' | 'sequence' | 'version' | 'previous'> {
  const nowhere = { channel: null, sequence: null, version: null, previous: null }
  if (statement.kind === 'trust') return { ...nowhere, sequence: statement.version }
  if (statement.kind !== 'release') return nowhere
  const { channel, sequence, version, previous } = statement
  return { channel, sequence, version, previous }
}

function namesOf(statement: Statement): readonly string[] {
  if (statement.kind === 'revocation') return statement.ids
  if (statement.kind === 'waiver') return [statement.id]
  return statement.kind === 'rebuild' && statement.release !== undefined ? [statement.release] : []
}
