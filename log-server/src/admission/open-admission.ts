/**
 * Admission in open mode: any well-formed statement, by anybody (docs/formats.md §1, "Modes"). No trust file says whose
 * signature would count, so none is verified, and nobody can take the place of a statement by logging junk under its
 * name: each leaf is its own signer, and only the same leaf is a repeat. There are no heads here and nothing is ever met;
 * the index serves lookups alone.
 */
import { type Crypto, equalBytes, toHex } from '@samebits/core'
import type { Admission, AdmissionBatch, Place, Verdict } from '../admission.ts'
import { type Claim, claimOf } from './claim.ts'
import { readEntry } from './product-admission.ts'
import { tooLarge } from './refusals.ts'
import type { ProductTables } from './tables.ts'
import { WorkingSet } from './working-set.ts'

export interface OpenAdmissionOptions {
  readonly crypto: Crypto
  readonly maxLeafBytes: number
}

export function openAdmission({ crypto, maxLeafBytes }: OpenAdmissionOptions): Admission<Claim, ProductTables> {
  return {
    mode: 'open',
    maxLeafBytes,
    async prepare(leaf) {
      if (leaf.length > maxLeafBytes) return tooLarge(maxLeafBytes)
      const entry = readEntry(crypto, leaf)
      if ('kind' in entry) return entry
      const [leafHash] = crypto.leafHashes([leaf])
      return { kind: 'prepared', leaf, item: claimOf(entry, toHex(leafHash ?? new Uint8Array(0))) }
    },
    begin: async (tables, claims) => new OpenBatch(tables, await WorkingSet.load(tables, claims)),
  }
}

class OpenBatch implements AdmissionBatch<Claim> {
  readonly #tables: ProductTables
  readonly #set: WorkingSet

  constructor(tables: ProductTables, set: WorkingSet) {
    this.#tables = tables
    this.#set = set
  }

  async decide({ facts, signer }: Claim, { index, leafHash }: Place): Promise<Verdict> {
    const prior = this.#set.statement(facts.id)?.signed.find((row) => equalBytes(row.leafHash, leafHash))
    if (prior !== undefined) return { kind: 'duplicate', index: prior.index }
    this.#set.sign(facts, { id: facts.id, signer, index, leafHash }, false)
    return { kind: 'admit' }
  }

  async flush(): Promise<void> {
    await this.#tables.write(this.#set.changes())
  }

  committed(): void {}
}
