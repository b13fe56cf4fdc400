/**
 * Admission in product mode: a leaf is admitted for what it says and for who signed it (docs/formats.md §1, "Admission").
 *
 * `prepare` parses, demands the canonical form and verifies the signature: that is the submitter's authentication, and the
 * expensive part. Whether that signer may say this, here and now, is decided inside the sequencing transaction.
 */
import {
  type Crypto,
  type Entry,
  entryMessage,
  type IdentityVerifier,
  parseEntry,
  StatementError,
  type VerificationKey,
} from '@samebits/core'
import type { Admission, AdmissionBatch, Place, Prepared, Refusal, Verdict } from '../admission.ts'
import type { AdmissionConfig } from './admission-file.ts'
import { type Claim, claimOf } from './claim.ts'
import { decideClaim, type NextTrust, repeatOf } from './decide.ts'
import { rulesInForce } from './in-force.ts'
import {
  bodyInvalid,
  keyNotAdmitted,
  malformed,
  productNotAdmitted,
  signatureInvalid,
  tooLarge,
  trustConflict,
} from './refusals.ts'
import type { ProductRow, ProductTables } from './tables.ts'
import type { TrustLibrary } from './trust-library.ts'
import { signerId, type TrustRules } from './trust-rules.ts'
import { WorkingSet } from './working-set.ts'

/** Committed rows, readable at any time. */
interface CommittedRows {
  product(name: string): Promise<ProductRow | null>
  blob(sha256: string): Promise<Uint8Array | null>
}

export interface ProductAdmissionOptions {
  readonly crypto: Crypto
  /** What `crypto.verify` says, without keeping the thread that sequences. */
  readonly verify: (key: VerificationKey, message: Uint8Array, signature: Uint8Array) => Promise<boolean>
  /** Name of this log. */
  readonly origin: string
  readonly maxLeafBytes: number
  /** The admission file as it is now. */
  readonly config: () => AdmissionConfig
  readonly committed: CommittedRows
  readonly library: TrustLibrary
  /** For entries that are signed with certificates; without it they are refused. */
  readonly identities?: IdentityVerifier
}

export function productAdmission(options: ProductAdmissionOptions): Admission<Claim, ProductTables> {
  const authentication = new Authentication(options)
  return {
    mode: 'product',
    maxLeafBytes: options.maxLeafBytes,
    prepare: (leaf) => prepareLeaf(options, authentication, leaf),
    begin: (tables, claims) => ProductBatch.begin(options, authentication, tables, claims),
  }
}

async function prepareLeaf(
  { crypto, config, maxLeafBytes }: ProductAdmissionOptions,
  authentication: Authentication,
  leaf: Uint8Array,
): Promise<Prepared<Claim> | Refusal> {
  if (leaf.length > maxLeafBytes) return tooLarge(maxLeafBytes)
  const entry = readEntry(crypto, leaf)
  if ('kind' in entry) return entry
  const { product } = entry.statement
  const file = config().products.get(product)
  if (file === undefined) return productNotAdmitted(product)
  const signer = await authentication.signerOf(entry, file)
  return typeof signer === 'string' ? { kind: 'prepared', leaf, item: claimOf(entry, signer) } : signer
}

/** Parses a leaf, or says why it is no entry. */
export function readEntry(crypto: Crypto, leaf: Uint8Array): Entry | Refusal {
  try {
    return parseEntry(crypto, leaf)
  } catch (error) {
    if (error instanceof StatementError) return malformed(error.detail)
    throw error
  }
}

/** Finds the key or identity that an entry names, among everybody whom a trust file of its product lists, and verifies by it. */
class Authentication {
  readonly #options: ProductAdmissionOptions
  /** By product. Only a shortcut: what is missing here is read from the committed rows. */
  readonly #inForce = new Map<string, TrustRules>()

  constructor(options: ProductAdmissionOptions) {
    this.#options = options
  }

  /** New rules are in force. */
  note(rules: TrustRules): void {
    this.#inForce.set(rules.product, rules)
  }

  /** The id of the signer whose signature the entry carries. */
  async signerOf(entry: Entry, file: TrustRules): Promise<string | Refusal> {
    for await (const rules of this.#candidates(entry, file)) {
      const signer = await this.#verify(entry, rules)
      if (signer !== null) return signer
    }
    return keyNotAdmitted(entry.statement.kind)
  }

  /** The trust files that may list the signer, those at hand first. */
  async *#candidates(entry: Entry, file: TrustRules): AsyncIterable<TrustRules> {
    const { committed } = this.#options
    const known = this.#inForce.get(file.product)
    if (known !== undefined) yield known
    if (file !== known) yield file
    const row = await committed.product(file.product)
    const current = row === null ? null : await this.#rules(row.sha256)
    if (current !== null) {
      this.note(current)
      yield current
    }
    const next = entry.statement.kind === 'trust' ? await this.#rules(entry.statement.sha256) : null
    if (next !== null) yield next
  }

  async #rules(sha256: string): Promise<TrustRules | null> {
    const { library, committed } = this.#options
    const body = await library.get(sha256, (digest) => committed.blob(digest))
    return body?.kind === 'rules' ? body.rules : null
  }

  /** Null where these rules do not know the signer. */
  async #verify(entry: Entry, rules: TrustRules): Promise<string | Refusal | null> {
    const { crypto, identities, verify } = this.#options
    if (entry.signer.kind === 'key') {
      const credential = rules.credential(entry.signer.hint)
      if (credential?.kind !== 'key') return null
      const holds = await verify(credential.key, entryMessage(entry.payload), entry.signature)
      return holds ? credential.hint : signatureInvalid()
    }
    const { trustedRoot } = rules.trust
    if (trustedRoot === null || identities === undefined) return null
    const identity = identities.identify(entry, trustedRoot)
    if (identity === null) return null
    const signer = signerId(crypto, { kind: 'identity', ...identity })
    return rules.credential(signer) === null ? null : signer
  }
}

class ProductBatch implements AdmissionBatch<Claim> {
  readonly #options: ProductAdmissionOptions
  readonly #authentication: Authentication
  readonly #tables: ProductTables
  readonly #set: WorkingSet
  /** In force at this point of the batch, by product. */
  readonly #rules: Map<string, TrustRules | Refusal>

  static async begin(
    options: ProductAdmissionOptions,
    authentication: Authentication,
    tables: ProductTables,
    claims: readonly Claim[],
  ): Promise<ProductBatch> {
    const { products } = options.config()
    const set = await WorkingSet.load(tables, claims)
    const rules = new Map<string, TrustRules | Refusal>()
    for (const product of new Set(claims.map(({ facts }) => facts.product))) {
      const file = products.get(product)
      const found = file && (await rulesInForce(set, tables, options.library, file))
      if (found === undefined) rules.set(product, productNotAdmitted(product))
      else rules.set(product, 'conflict' in found ? trustConflict(found.conflict) : found)
    }
    return new ProductBatch(options, authentication, tables, set, rules)
  }

  private constructor(
    options: ProductAdmissionOptions,
    authentication: Authentication,
    tables: ProductTables,
    set: WorkingSet,
    rules: Map<string, TrustRules | Refusal>,
  ) {
    this.#options = options
    this.#authentication = authentication
    this.#tables = tables
    this.#set = set
    this.#rules = rules
  }

  async decide(claim: Claim, place: Place): Promise<Verdict> {
    const repeat = repeatOf(this.#set, claim, place)
    if (repeat !== null) return repeat
    const { product, kind } = claim.facts
    const rules = this.#rules.get(product)
    if (rules === undefined || 'kind' in rules) return rules ?? productNotAdmitted(product)
    const next = kind === 'trust' ? await this.#next(claim) : null
    if (next !== null && typeof next !== 'string' && 'kind' in next) return next
    const verdict = await decideClaim(this.#set, { claim, rules, next, origin: this.#options.origin }, place)
    const tookEffect = next !== null && typeof next !== 'string' && this.#set.product(product)?.sha256 === next.sha256
    if (tookEffect) this.#rules.set(product, next)
    return verdict
  }

  /** The trust file that a statement brings, held against what the statement says of it. */
  async #next({
    facts,
    bodies: [sha256 = ''],
    bodySize,
  }: Claim): Promise<TrustRules | Exclude<NextTrust, object> | Refusal> {
    const body = await this.#options.library.get(sha256, (digest) => this.#tables.blob(digest))
    if (body === null) return 'missing'
    if (body.kind === 'invalid') return bodyInvalid(body.detail)
    if (this.#set.blobSize(sha256) !== bodySize) return bodyInvalid('the trust file has another size')
    if (body.kind === 'unknown-format') return 'unknown-format'
    const { rules } = body
    if (rules.product !== facts.product) return bodyInvalid(`the trust file is for ${rules.product}`)
    if (rules.version !== facts.sequence) return bodyInvalid(`the trust file is version ${rules.version}`)
    return rules
  }

  async flush(): Promise<void> {
    await this.#tables.write(this.#set.changes())
  }

  committed(): void {
    for (const rules of this.#rules.values()) if (!('kind' in rules)) this.#authentication.note(rules)
  }
}
