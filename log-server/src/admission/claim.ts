/** What a submitted entry claims, in the terms of the product index. */
import { bodiesOf, type Entry, type Statement } from '@samebits/core'
import type { NamedFile, NewStatement } from './tables.ts'

/** An entry whose signature was verified under the key or identity that it names. */
export interface Claim {
  /** The statement, as it is indexed if this is its first entry. */
  readonly facts: NewStatement
  /** Who signed: SHA-256 of the key's SPKI DER, or of the identity. That it may say so is not decided yet. */
  readonly signer: string
  /** Digests of the detached bodies that must be stored. */
  readonly bodies: readonly string[]
  /** Trust statements: the size in bytes of the next trust file. */
  readonly bodySize: number | null
}

export function claimOf({ id, statement }: Pick<Entry, 'id' | 'statement'>, signer: string): Claim {
  return {
    facts: factsOf(id, statement),
    signer,
    bodies: bodiesOf(statement),
    bodySize: statement.kind === 'trust' ? statement.size : null,
  }
}

function factsOf(id: string, statement: Statement): NewStatement {
  const { kind, product } = statement
  const bare = {
    id,
    kind,
    product,
    channel: null,
    sequence: null,
    previous: null,
    version: null,
    files: [],
    targets: [],
  }
  switch (statement.kind) {
    case 'release': {
      const { channel, sequence, previous, version } = statement
      return { ...bare, channel, sequence, previous, version, files: statement.artifacts.map(named) }
    }
    case 'rebuild':
      return { ...bare, files: statement.subjects.map(named), targets: statement.release ? [statement.release] : [] }
    case 'revocation':
      return { ...bare, targets: statement.ids }
    case 'waiver':
      return { ...bare, targets: [statement.id] }
    case 'trust':
      return { ...bare, sequence: statement.version, files: [{ name: 'trust.json', sha256: statement.sha256 }] }
  }
}

const named = ({ name, sha256 }: NamedFile): NamedFile => ({ name, sha256 })
