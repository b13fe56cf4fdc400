/**
 * What the entries of a log say about its products, taken in one by one, in log order, inside the transaction that says they were
 * read: statements, who signed them, whether they are met, which trust file is in force, and what is wrong with any of it.
 */
import { bearing, parseEntry, votedArtifact } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import {
  equivocated,
  flood,
  flooded,
  judgeEntry,
  metFinding,
  trustEnds,
  trustForked,
  trustMoves,
  unread,
  votedAgainst,
} from '../rules/entry-rules.ts'
import { alertOf, type Finding, strangersMakeIt } from '../rules/rules.ts'
import type {
  EntryRecord,
  MonitorReader,
  MonitorWriter,
  PendingCase,
  ProductRecord,
  StatementRecord,
} from '../state/monitor-store.ts'
import { type EntryFacts, type StatementFacts, validityOf } from './entry-facts.ts'
import { entriesUnder, entryAt, type LoggedEntries, statementOf, statementUnder } from './logged-entries.ts'
import { readTrust, type TrustBook } from './trust-book.ts'

/** A watched product: the trust file in force, and the one before. */
export interface Watched {
  readonly book: TrustBook
  readonly before: TrustBook | null
  readonly endsAt: number | null
}

export interface LedgerParts {
  readonly origin: string
  readonly reader: MonitorReader
  readonly writer: MonitorWriter
  readonly sinks: readonly string[]
  readonly now: number
  /** By product; the ledger puts the next trust file in its place. */
  readonly watched: Map<string, Watched>
  /** Bodies of trust files that were fetched before, by digest. */
  readonly bodies: ReadonlyMap<string, Uint8Array>
}

/** Tries of a body begin at once. */
const firstTry = 0

export class ProductLedger {
  readonly #parts: LedgerParts
  readonly #touched = new Map<string, { entries: number; lastIndex: number }>()
  /** Statements of watched products that this transaction added: most releases name one of them as the one before. */
  readonly #added = new Map<string, StatementRecord>()

  constructor(parts: LedgerParts) {
    this.#parts = parts
  }

  /** Takes in entries, in log order, and writes what follows. */
  takeAll(facts: readonly EntryFacts[]): void {
    const { reader, origin } = this.#parts
    const indexedTo = reader.log(origin)?.indexedTo ?? 0
    for (const fact of facts) {
      const again = fact.index < indexedTo
      if (fact.kind === 'unread') this.#raise(unread(fact))
      else if (!again) this.#count(fact)
      if (fact.kind === 'statement' && !(again && this.#isJudged(fact))) this.#take(fact)
    }
    this.#countProducts()
  }

  /** A body came late: the trust statement is looked at again. */
  stepTrust(statement: StatementRecord): void {
    const watched = this.#parts.watched.get(statement.product)
    if (watched !== undefined) this.#trustStep(statement, watched)
  }

  /** Judges a product from its entries anew, under the trust file in force. */
  judgeAgain(product: string, one: Pick<Watched, 'book'>): void {
    const { reader } = this.#parts
    const met: StatementRecord[] = []
    const votes: StatementRecord[] = []
    for (const statement of reader.statements(this.#parts.origin, product, null, Number.MAX_SAFE_INTEGER)) {
      const verified = this.#verifyAgain(statement.id, one.book)
      if (statement.kind === 'rebuild' && verified) votes.push(statement)
      const fresh = this.#meetAgain(statement, one)
      if (fresh !== null) met.push(fresh)
    }
    // When all is judged: what follows depends on which others are met.
    for (const statement of met.reverse()) this.#met(statement, one)
    for (const { id } of votes.reverse()) {
      const said = statementUnder(reader, this.#parts.origin, id)
      if (said?.kind === 'rebuild' && said.release !== undefined) this.#vote({ id, names: [said.release] }, one)
    }
  }

  /** The statement where it is met now and was not before. */
  #meetAgain(statement: StatementRecord, { book }: Pick<Watched, 'book'>): StatementRecord | null {
    const { reader, origin, now } = this.#parts
    if (statement.kind === 'rebuild' || statement.kind === 'trust') return null
    const meets = book.meets(statement, entriesUnder(reader, origin, statement.id))
    if (meets === (statement.metAt !== null)) return null
    const [metAt, metSeenAt] = meets ? [statement.firstIndex, now] : [null, null]
    this.#setMet(statement.id, metAt, metSeenAt)
    return meets ? { ...statement, metAt, metSeenAt } : null
  }

  #count({ product, index }: StatementFacts): void {
    const touched = this.#touched.get(product)
    this.#touched.set(product, { entries: (touched?.entries ?? 0) + 1, lastIndex: index })
  }

  /** An entry that is read again for the sake of another product: judged now, it would be held against what came after it. */
  #isJudged({ product, index }: StatementFacts): boolean {
    const { watched, reader, origin } = this.#parts
    return !watched.has(product) || reader.leaf(origin, index) !== null
  }

  #take(facts: StatementFacts): void {
    const { writer, origin, watched, now } = this.#parts
    const { product, index, id } = facts
    const known = this.#statement(id)
    const statement = known ?? recordOf(origin, facts)
    const names = [...facts.names, ...facts.made]
    const one = watched.get(product)
    if (one === undefined) {
      writer.addStatement(statement, names)
      writer.addEntry(origin, { index, id, signer: facts.signer, valid: facts.valid }, null)
      return
    }
    const valid = this.#validity(facts, one)
    const judged = this.#caseOf(facts, one, valid)
    const entry = { index, id, signer: facts.signer, valid }
    const findings = judgeEntry(judged)
    // Most releases are met by their first entry: that costs little more then.
    const atOnce = known === null && statement.kind === 'release' && one.book.meets(statement, onlyEntry(entry, facts))
    const first = atOnce ? { ...statement, metAt: index, metSeenAt: now } : statement
    if (known === null) {
      writer.addStatement(first, names)
      this.#added.set(id, first)
    }
    writer.addEntry(origin, entry, facts.leaf)
    for (const sha256 of facts.bodies)
      writer.wantBlob({ origin, sha256, product, index, since: now, attempts: 0, nextAt: firstTry })
    for (const finding of findings) this.#raise(finding)
    if (atOnce) this.#releaseMet(first, judged.rivals.length > 0, one)
    else this.#follow(statement, facts, one)
  }

  /** Under the keys of the trust file in force; for a trust statement also those of the file that it brings. */
  #validity(facts: StatementFacts, { book }: Watched): boolean | null {
    if (facts.valid !== null && book.keys.has(facts.signer)) return facts.valid
    const brought = this.#broughtBy(facts)
    for (const keys of [book.keys, ...(brought === null ? [] : [brought.keys])])
      if (keys.has(facts.signer)) return validityOf(nodeCrypto, keys, parseEntry(nodeCrypto, facts.leaf))
    return null
  }

  #broughtBy({ says, bodies }: Pick<StatementFacts, 'says' | 'bodies'>): TrustBook | null {
    const body = says === 'trust' ? this.#parts.bodies.get(bodies[0] ?? '') : undefined
    const read = body === undefined ? null : readTrust(body)
    return read === 'unknown-format' ? null : read
  }

  #caseOf(facts: StatementFacts, { book, endsAt }: Watched, valid: boolean | null) {
    const brought = this.#broughtBy(facts)
    const signed = { signer: facts.signer, valid }
    const entry = () => parseEntry(nodeCrypto, facts.leaf)
    const signatory = book.signatoryOf(signed, entry) ?? brought?.signatoryOf(signed, entry) ?? null
    return {
      ...{ facts, trust: book.trust, endsAt, valid, signatory },
      previous: facts.previous === null ? null : this.#statement(facts.previous),
      rivals: facts.says === 'release' ? this.#rivals(facts) : [],
      unknownNames: facts.names.filter((name) => !this.#isRelease(name, facts, book)),
    }
  }

  #isRelease(id: string, { product, index }: StatementFacts, { trust }: TrustBook): boolean {
    const known = this.#statement(id)
    if (known !== null) return known.kind === 'release' && known.product === product && known.firstIndex < index
    return [...trust.heads.values()].some((head) => head.id === id)
  }

  /** What follows from one more signature under a statement. */
  #follow(statement: StatementRecord, facts: StatementFacts, one: Watched): void {
    const { reader, origin, now } = this.#parts
    if (statement.kind === 'trust') {
      this.#trustStep(statement, one)
      return
    }
    if (statement.kind === 'rebuild') {
      this.#vote(facts, one)
      return
    }
    if (statement.metAt !== null || !one.book.meets(statement, entriesUnder(reader, origin, statement.id))) return
    this.#setMet(statement.id, facts.index, now)
    this.#met({ ...statement, metAt: facts.index, metSeenAt: now }, one)
  }

  /** What follows from a statement's being met. */
  #met(statement: StatementRecord, one: Pick<Watched, 'book'>): void {
    const { reader } = this.#parts
    if (statement.kind === 'release') {
      this.#releaseMet(statement, this.#rivals(statement).length > 0, one)
      return
    }
    const said = statementOf(reader, statement)
    const names = said?.kind === 'revocation' ? said.ids : said?.kind === 'waiver' ? [said.id] : []
    const finding = metFinding(statement, names, said !== null && 'reason' in said ? said.reason : '')
    if (finding !== null) this.#raise(finding)
  }

  #releaseMet(release: StatementRecord, hasRivals: boolean, one: Pick<Watched, 'book'>): void {
    const { reader, origin } = this.#parts
    const { id, product, channel, sequence } = release
    if (hasRivals && channel !== null && sequence !== null)
      for (const other of reader.metReleasesAt(origin, product, channel, sequence))
        if (other.id !== id) this.#open('equivocation', equivocated(other, release), other.id, id, product)
    // Votes that came before the release was met, or even logged.
    for (const vote of reader.naming(origin, id)) if (vote.kind === 'rebuild') this.#against(release, vote.id, one)
  }

  /** The oldest other release of the same place, where there is one. However many there are, one is enough to tell. */
  #rivals({
    product,
    channel,
    sequence,
    id,
  }: Pick<StatementRecord, 'product' | 'channel' | 'sequence' | 'id'>): StatementRecord[] {
    const { reader, origin } = this.#parts
    if (channel === null || sequence === null) return []
    const oldest = reader.releasesAt(origin, product, channel, sequence, 2)
    return oldest.filter((other) => other.id !== id).slice(0, 1)
  }

  #vote({ id, names }: Pick<StatementFacts, 'id' | 'names'>, one: Pick<Watched, 'book'>): void {
    for (const name of names) {
      const release = this.#statement(name)
      if (release?.kind === 'release') this.#against(release, id, one)
    }
  }

  /** Tells of negative votes in a rebuild about this release. */
  #against(release: StatementRecord, rebuild: string, { book }: Pick<Watched, 'book'>): void {
    const { reader, origin } = this.#parts
    const said = statementOf(reader, release)
    if (said?.kind !== 'release') return
    for (const record of reader.entries(origin, rebuild)) {
      const entry = entryAt(reader, origin, record)
      const votes = entry === null ? [] : book.votes(entry, record)
      for (const artifact of said.artifacts)
        for (const vote of votes)
          if (bearing(vote, votedArtifact(release.id, said, artifact)) === 'negative') {
            const finding = votedAgainst(release, vote)
            if (release.metAt === null) this.#raise(finding)
            else this.#open('mismatch', finding, release.id, rebuild, release.product)
          }
    }
  }

  #trustStep(statement: StatementRecord, one: Watched): void {
    const { reader, origin, bodies } = this.#parts
    const { book } = one
    const { product, sequence: version, id } = statement
    const entries = entriesUnder(reader, origin, id)
    const said = statementOf(reader, statement)
    if (said?.kind !== 'trust' || version === null) return
    if (version === book.trust.version) {
      this.#trustFork(statement, said.sha256, one)
      return
    }
    if (version !== book.trust.version + 1 || !book.authorityMeets(entries)) return
    const body = bodies.get(said.sha256)
    const next = body === undefined ? null : readTrust(body)
    if (next === 'unknown-format')
      this.#end(product, version, entries.records.at(-1)?.index ?? statement.firstIndex, one)
    else if (next !== null && body !== undefined && fits(next, product, version, said.size))
      this.#takeEffect(statement, next, one)
  }

  #end(product: string, version: number, index: number, one: Watched): void {
    if (one.endsAt !== null) return
    this.#endAt(product, index, one)
    this.#raise(trustEnds(product, version, index))
  }

  #endAt(product: string, index: number, one: Watched): void {
    const { reader, writer, origin, watched } = this.#parts
    const record = reader.product(origin, product) ?? freshProduct(origin, product)
    writer.putProduct({ ...record, endsAt: index })
    watched.set(product, { ...one, endsAt: index })
  }

  /** The new authority has to have signed as well. */
  #takeEffect(statement: StatementRecord, next: TrustBook, one: Watched): void {
    const { reader, writer, origin, watched, now } = this.#parts
    this.#verifyAgain(statement.id, next)
    const entries = entriesUnder(reader, origin, statement.id)
    if (!next.authorityMeets(entries)) return
    if (next.trust.origin !== origin) {
      this.#moves(statement, next, entries.records.at(-1)?.index ?? statement.firstIndex, one)
      return
    }
    const record = reader.product(origin, statement.product) ?? freshProduct(origin, statement.product)
    const { version, sha256, bytes } = next.trust
    const trust = { version, sha256, body: bytes }
    writer.putProduct({ ...record, watched: true, trust, before: one.book.trust.bytes, endsAt: null })
    this.#setMet(statement.id, entries.records.at(-1)?.index ?? statement.firstIndex, now)
    watched.set(statement.product, { book: next, before: one.book, endsAt: null })
    this.judgeAgain(statement.product, { book: next })
    const finding = metFinding(statement, [], '')
    if (finding !== null) this.#raise(finding)
  }

  /** The next trust file names another log: this one is judged to its end by the file that named it, and past that nothing counts. */
  #moves(statement: StatementRecord, { trust }: TrustBook, index: number, one: Watched): void {
    const { product } = statement
    if (one.endsAt !== null) return
    this.#endAt(product, index, one)
    this.#setMet(statement.id, index, this.#parts.now)
    this.#raise(trustMoves(trust, this.#parts.origin, index))
  }

  /** Another trust file of the version that is in force, which the authority of the one before signed too. */
  #trustFork(statement: StatementRecord, sha256: string, { book, before }: Watched): void {
    const { reader, origin } = this.#parts
    if (before === null || sha256 === book.trust.sha256) return
    if (!before.authorityMeets(entriesUnder(reader, origin, statement.id))) return
    const inForce = reader
      .statements(origin, statement.product, 'trust', 1000)
      .find((other) => other.sequence === book.trust.version && other.metAt !== null)
    if (inForce === undefined) return
    const finding = trustForked(statement.product, book.trust.version, [inForce.id, statement.id])
    this.#open('trust-fork', finding, inForce.id, statement.id, statement.product)
  }

  /** Signatures by keys that were not listed before. True where one counts now that may not have counted. */
  #verifyAgain(id: string, { keys }: TrustBook): boolean {
    const { reader, writer, origin } = this.#parts
    let counts = false
    for (const record of reader.entries(origin, id)) {
      counts ||= record.signer === '' // a certificate: whose it is depends on the trust file
      if (record.valid !== null || !keys.has(record.signer)) continue
      const entry = entryAt(reader, origin, record)
      const valid = entry === null ? null : validityOf(nodeCrypto, keys, entry)
      if (valid === null) continue
      writer.setValid(origin, record.index, valid)
      counts ||= valid
    }
    return counts
  }

  /** Tells at once, and leaves the evidence to be made: it needs proofs from tiles. */
  #open(kind: PendingCase['kind'], finding: Finding, a: string, b: string, product: string): void {
    const { reader, writer, origin } = this.#parts
    const alert = this.#raise(finding)
    if (alert === null) return
    const indices = (id: string) => reader.entries(origin, id).map(({ index }) => index)
    writer.putCase({ origin, product, kind, a: indices(a), b: indices(b), alert, attempts: 0 })
  }

  #statement(id: string): StatementRecord | null {
    return this.#added.get(id) ?? this.#parts.reader.statement(this.#parts.origin, id)
  }

  #setMet(id: string, metAt: number | null, metSeenAt: number | null): void {
    this.#added.delete(id)
    this.#parts.writer.setMet(this.#parts.origin, id, metAt, metSeenAt)
  }

  /** The alert's id; null where it was told before, or is one of too many. */
  #raise(finding: Finding): string | null {
    const { reader, writer, origin, now, sinks } = this.#parts
    const alert = alertOf(nodeCrypto, origin, finding, now)
    if (!strangersMakeIt(finding.rule)) return writer.raise(alert, sinks) ? alert.id : null
    if (reader.alert(alert.id) !== null) return null
    const { product, rule } = finding
    const before = reader.alertCount({ origin, product, rule, after: now - flood.seconds, limit: flood.most })
    if (before >= flood.most) {
      writer.raise(alertOf(nodeCrypto, origin, flooded(finding, now), now), sinks)
      return null
    }
    return writer.raise(alert, sinks) ? alert.id : null
  }

  #countProducts(): void {
    const { reader, writer, origin } = this.#parts
    for (const [product, { entries, lastIndex }] of this.#touched) {
      const record = reader.product(origin, product) ?? freshProduct(origin, product)
      writer.putProduct({ ...record, entries: record.entries + entries, lastIndex })
    }
  }
}

export function freshProduct(origin: string, product: string): ProductRecord {
  return { origin, product, watched: false, trust: null, before: null, endsAt: null, entries: 0, lastIndex: 0 }
}

/** A statement with the one entry that has just come. */
function onlyEntry(record: EntryRecord, { leaf }: StatementFacts): LoggedEntries {
  return { records: [record], entry: () => parseEntry(nodeCrypto, leaf) }
}

function fits({ trust }: TrustBook, product: string, version: number, size: number): boolean {
  return trust.product === product && trust.version === version && trust.size === size
}

function recordOf(origin: string, facts: StatementFacts): StatementRecord {
  const { id, product, says: kind, channel, sequence, version, previous, index: firstIndex } = facts
  return { origin, id, product, kind, channel, sequence, version, previous, firstIndex, metAt: null, metSeenAt: null }
}
