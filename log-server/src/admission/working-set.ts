/**
 * The rows that one batch reads and changes: loaded with a few questions, changed in memory as the decisions go, written
 * back once. Nothing of it outlives the batch.
 */
import type { Claim } from './claim.ts'
import type { Head, KnownRelease } from './heads.ts'
import { MAX_OPEN_BLOBS } from './refusals.ts'
import type {
  HeadRow,
  NamedFile,
  NewStatement,
  OpenBlob,
  ProductRow,
  ProductTables,
  SignedRow,
  StatementRow,
  TableChanges,
  UnmetChange,
} from './tables.ts'

const placeOf = (product: string, channel: string): string => `${product} ${channel}`

export class WorkingSet {
  readonly #tables: ProductTables
  readonly #products: Map<string, ProductRow>
  readonly #heads: Map<string, HeadRow>
  readonly #statements: Map<string, StatementRow>
  readonly #files: Map<string, readonly NamedFile[]>
  /** `<product> <sha256>` of artifacts of logged releases, among those that the batch asks about. */
  readonly #artifacts = new Set<string>()
  readonly #unmet: Map<string, number>
  readonly #blobs: ReadonlyMap<string, number>

  readonly #changedProducts = new Set<string>()
  readonly #changedHeads = new Set<string>()
  readonly #changedMet = new Set<string>()
  readonly #added: NewStatement[] = []
  readonly #signed: SignedRow[] = []
  /** By `<signer> <id>`; `was` is what the tables say. */
  readonly #unmetChanges = new Map<string, UnmetChange & { readonly was: boolean }>()
  /** Ids of releases that this batch added, by `<product> <channel> <sequence>`. */
  readonly #addedAt = new Map<string, string[]>()
  readonly #keptBlobs = new Set<string>()
  readonly #openBlobs = new Map<string, OpenBlob>()

  /** Loads what deciding these claims takes, and what is known of `others`, further products. */
  static async load(
    tables: ProductTables,
    claims: readonly Claim[],
    others: Iterable<string> = [],
  ): Promise<WorkingSet> {
    const products = new Set([...claims.map(({ facts }) => facts.product), ...others])
    const targets = claims.flatMap(({ facts }) => facts.targets)
    const set = new WorkingSet(tables, {
      products: await tables.products(products),
      heads: await tables.heads(products),
      statements: await tables.statements([...claims.map(({ facts }) => facts.id), ...targets]),
      files: await tables.files(claims.flatMap(({ facts }) => (facts.kind === 'rebuild' ? facts.targets : []))),
      unmet: await tables.unmetCounts(claims.map(({ signer }) => signer)),
      blobs: await tables.blobSizes(claims.flatMap(({ bodies }) => bodies)),
    })
    await set.#loadArtifacts(claims)
    return set
  }

  private constructor(
    tables: ProductTables,
    rows: {
      products: readonly ProductRow[]
      heads: readonly HeadRow[]
      statements: readonly StatementRow[]
      files: ReadonlyMap<string, readonly NamedFile[]>
      unmet: ReadonlyMap<string, number>
      blobs: ReadonlyMap<string, number>
    },
  ) {
    this.#tables = tables
    this.#products = new Map(rows.products.map((row) => [row.product, row]))
    this.#heads = new Map(rows.heads.map((row) => [placeOf(row.product, row.channel), row]))
    this.#statements = new Map(rows.statements.map((row) => [row.id, row]))
    this.#files = new Map(rows.files)
    this.#unmet = new Map(rows.unmet)
    this.#blobs = rows.blobs
  }

  async #loadArtifacts(claims: readonly Claim[]): Promise<void> {
    const wanted = new Map<string, string[]>()
    for (const { facts } of claims) {
      if (facts.kind !== 'rebuild') continue
      const digests = wanted.get(facts.product) ?? []
      wanted.set(facts.product, [...digests, ...facts.files.map(({ sha256 }) => sha256)])
    }
    for (const [product, digests] of wanted)
      for (const sha256 of await this.#tables.artifacts(product, digests)) this.#artifacts.add(placeOf(product, sha256))
  }

  product(name: string): ProductRow | null {
    return this.#products.get(name) ?? null
  }

  setProduct(row: ProductRow): void {
    this.#products.set(row.product, row)
    this.#changedProducts.add(row.product)
  }

  head(product: string, channel: string): Head | null {
    return this.#heads.get(placeOf(product, channel))?.head ?? null
  }

  setHead(product: string, channel: string, head: Head | null): void {
    const present = this.head(product, channel)
    if (present?.id === head?.id && present?.sequence === head?.sequence) return
    const place = placeOf(product, channel)
    this.#heads.set(place, { product, channel, head })
    this.#changedHeads.add(place)
  }

  /** The channels of a product that have, or had, a head. */
  channels(product: string): string[] {
    return [...this.#heads.values()].filter((row) => row.product === product).map(({ channel }) => channel)
  }

  statement(id: string): StatementRow | null {
    return this.#statements.get(id) ?? null
  }

  files(id: string): readonly NamedFile[] {
    return this.#files.get(id) ?? []
  }

  isArtifact(product: string, sha256: string): boolean {
    return this.#artifacts.has(placeOf(product, sha256))
  }

  unmetCount(signer: string): number {
    return this.#unmet.get(signer) ?? 0
  }

  /** In bytes; null where it is not stored. */
  blobSize(sha256: string): number | null {
    return this.#blobs.get(sha256) ?? null
  }

  /** Opens `PUT` of these files on account of `signer`; false, with nothing opened, where that would be too many. */
  async openBlobs(signer: string, digests: readonly string[], now: number, until: number): Promise<boolean> {
    const open = new Set(await this.#tables.openBlobs(signer, now))
    for (const row of this.#openBlobs.values()) if (row.signer === signer) open.add(row.sha256)
    for (const sha256 of digests) open.add(sha256)
    if (open.size > MAX_OPEN_BLOBS) return false
    for (const sha256 of digests) this.#openBlobs.set(sha256, { sha256, signer, until })
    return true
  }

  /** Adds one signature, and the statement itself with its first one. Until it is met it counts against its signers, if `counts`. */
  sign(facts: NewStatement, row: SignedRow, counts = true): StatementRow {
    const present = this.#statements.get(facts.id)
    if (present === undefined) this.#add(facts)
    const signed = {
      ...(present ?? { ...facts, metAt: null, everMet: false }),
      signed: [...(present?.signed ?? []), row],
    }
    this.#statements.set(facts.id, signed)
    this.#signed.push(row)
    if (counts && !signed.everMet && facts.kind !== 'rebuild') this.#count(row.signer, facts.id, true)
    return signed
  }

  #add(facts: NewStatement): void {
    this.#added.push(facts)
    if (facts.kind !== 'release') return
    const place = `${placeOf(facts.product, facts.channel ?? '')} ${facts.sequence}`
    this.#addedAt.set(place, [...(this.#addedAt.get(place) ?? []), facts.id])
    this.#files.set(facts.id, facts.files)
    for (const { sha256 } of facts.files) this.#artifacts.add(placeOf(facts.product, sha256))
  }

  /** Notes whether a statement is met, and with it whether it counts against its signers. */
  setMet(id: string, metAt: number | null): void {
    const row = this.#statements.get(id)
    if (row === undefined || row.metAt === metAt) return
    const everMet = row.everMet || metAt !== null
    if (everMet && !row.everMet) for (const { signer } of row.signed) this.#count(signer, id, false)
    this.#statements.set(id, { ...row, metAt, everMet })
    this.#changedMet.add(id)
  }

  #count(signer: string, id: string, counts: boolean): void {
    this.#unmet.set(signer, this.unmetCount(signer) + (counts ? 1 : -1))
    const key = `${signer} ${id}`
    this.#unmetChanges.set(key, { signer, id, counts, was: this.#unmetChanges.get(key)?.was ?? !counts })
  }

  keepBlobs(digests: readonly string[]): void {
    for (const digest of digests) this.#keptBlobs.add(digest)
  }

  /** Every statement of a product but votes, those of this batch included. */
  async judged(product: string): Promise<readonly StatementRow[]> {
    for (const row of await this.#tables.judged(product)) this.#adopt(row)
    return [...this.#statements.values()].filter((row) => row.product === product && row.kind !== 'rebuild')
  }

  /** The logged releases of one sequence. */
  async releasesAt(product: string, channel: string, sequence: number): Promise<readonly KnownRelease[]> {
    const rows = await this.#tables.releasesAt(product, channel, sequence)
    for (const row of rows) this.#adopt(row)
    const ids = [...rows.map(({ id }) => id), ...(this.#addedAt.get(`${placeOf(product, channel)} ${sequence}`) ?? [])]
    return releasesOf(
      ids.flatMap((id) => this.#statements.get(id) ?? []),
      channel,
    )
  }

  #adopt(row: StatementRow): void {
    if (!this.#statements.has(row.id)) this.#statements.set(row.id, row)
  }

  changes(): TableChanges {
    const met = [...this.#changedMet].flatMap((id) => this.#statements.get(id) ?? [])
    return {
      products: [...this.#changedProducts].flatMap((name) => this.#products.get(name) ?? []),
      heads: [...this.#changedHeads].flatMap((place) => this.#heads.get(place) ?? []),
      statements: this.#added,
      signed: this.#signed,
      met: met.map(({ id, metAt, everMet }) => ({ id, metAt, everMet })),
      unmet: [...this.#unmetChanges.values()].filter(({ counts, was }) => counts !== was),
      keptBlobs: [...this.#keptBlobs],
      openBlobs: [...this.#openBlobs.values()],
    }
  }
}

/** The releases of one channel among statements, as the chain sees them. */
export function releasesOf(rows: readonly StatementRow[], channel: string): KnownRelease[] {
  return rows.flatMap(({ id, kind, sequence, previous, metAt, ...row }) =>
    kind === 'release' && row.channel === channel && sequence !== null ? [{ id, sequence, previous, metAt }] : [],
  )
}
