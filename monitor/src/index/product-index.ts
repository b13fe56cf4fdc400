/** The index of a log of statements: its watched products, what their entries wait for, and what is told of them. */
import { setImmediate as immediate } from 'node:timers/promises'
import { type Crypto, httpGet, MAX_BODY_BYTES, parseEntry, SourceError, toHex } from '@samebits/core'
import type { FollowedLog } from '../config/monitor-config.ts'
import type { EntryIndex } from '../follow/follower.ts'
import { lacksRebuilds } from '../rules/entry-rules.ts'
import type { Finding } from '../rules/rules.ts'
import type { MonitorStore, MonitorWriter, StatementRecord, WantedBlob } from '../state/monitor-store.ts'
import type { CaseMaker } from './case-maker.ts'
import type { EntryFacts, KeyRing } from './entry-facts.ts'
import { freshProduct, ProductLedger, type Watched } from './product-ledger.ts'
import { releaseStanding } from './release-standing.ts'
import { readTrust, TrustBook } from './trust-book.ts'

export interface ProductIndexParts {
  readonly crypto: Crypto
  readonly log: FollowedLog
  readonly store: MonitorStore
  readonly sinks: readonly string[]
  readonly fetch: typeof globalThis.fetch
  /** Unix seconds. */
  readonly now: () => number
  readonly cases: CaseMaker
}

const bodyTimeoutMs = 30_000
/** Bodies asked for in one poll. */
const bodiesAPoll = 64
/** Seconds of a poll that go into asking for them. */
const bodySeconds = 30
const longestRetry = 3600
/** Met releases of a channel whose rebuilds are still looked at. */
const newestReleases = 32

export class ProductIndex implements EntryIndex {
  readonly #parts: ProductIndexParts
  #watched: ReadonlyMap<string, Watched> = new Map()
  /** What the transaction under way makes of it. */
  #next: Map<string, Watched> = new Map()
  /** Bodies of trust files that statements brought. */
  readonly #bodies = new Map<string, Uint8Array>()

  constructor(parts: ProductIndexParts) {
    this.#parts = parts
    this.#forgetOthers()
    for (const trust of parts.log.trust) this.#watch(new TrustBook(trust))
    this.#readAgain(parts.store.log(parts.log.origin)?.indexedTo ?? 0) // what was read while the log had no index
  }

  committed(): void {
    this.#watched = this.#next
  }

  ring(): KeyRing {
    return new Map([...this.#watched.values()].flatMap(({ book }) => [...book.keys]))
  }

  async prepare(facts: readonly EntryFacts[]): Promise<void> {
    for (const fact of facts) {
      if (fact.kind !== 'statement' || fact.says !== 'trust' || !this.#watched.has(fact.product)) continue
      for (const sha256 of fact.bodies) await this.#body(sha256)
    }
    await this.#identifyAll(facts)
  }

  /** Looks at certificates before the transaction, where others have their turn in between; the answers are remembered. */
  async #identifyAll(facts: readonly EntryFacts[]): Promise<void> {
    for (const fact of facts) {
      if (fact.kind !== 'statement' || fact.signer !== '') continue
      const book = this.#watched.get(fact.product)?.book
      if (book === undefined || book.trust.trustedRoot === null) continue
      book.signatoryOf(fact, () => parseEntry(this.#parts.crypto, fact.leaf))
      await immediate()
    }
  }

  apply(writer: MonitorWriter, facts: readonly EntryFacts[]): void {
    this.#ledger(writer).takeAll(facts)
  }

  async tend(): Promise<void> {
    await this.#askForBodies()
    await this.#parts.cases.makeAll((product) => this.#watched.get(product) ?? null)
  }

  conditions(): readonly Finding[] {
    return [...this.#watched].flatMap(([product, watched]) => this.#missingRebuilds(product, watched))
  }

  #ledger(writer: MonitorWriter): ProductLedger {
    const { log, store, sinks, now } = this.#parts
    this.#next = new Map(this.#watched)
    const [origin, watched, bodies] = [log.origin, this.#next, this.#bodies]
    return new ProductLedger({ origin, reader: store, writer, sinks, now: now(), watched, bodies })
  }

  /** The higher version of the configured trust file and the one that the log led to is in force (docs/decision.md step 3). */
  #watch(configured: TrustBook): void {
    const { store, log } = this.#parts
    const { product, version, sha256, bytes } = configured.trust
    const record = store.product(log.origin, product)
    if (record !== null && !record.watched) this.#readPast(product)
    const stored = record?.trust == null ? null : readTrust(record.trust.body)
    if (record !== null && stored instanceof TrustBook && stored.trust.version >= version) {
      const before = record.before === null ? null : readTrust(record.before)
      this.#put(product, { book: stored, before: before instanceof TrustBook ? before : null, endsAt: record.endsAt })
      if (!record.watched) store.transact((writer) => writer.putProduct({ ...record, watched: true }))
      return
    }
    const watched = { book: configured, before: null, endsAt: null }
    this.#put(product, watched)
    store.transact((writer) => {
      const base = record ?? freshProduct(log.origin, product)
      writer.putProduct({ ...base, watched: true, trust: { version, sha256, body: bytes }, before: null, endsAt: null })
      this.#ledger(writer).judgeAgain(product, watched)
    })
  }

  /** Products whose trust file was taken out of the configuration: what they log meanwhile nobody judges. */
  #forgetOthers(): void {
    const { store, log } = this.#parts
    const configured = new Set(log.trust.map(({ product }) => product))
    const others = store.products(log.origin).filter(({ product, watched }) => watched && !configured.has(product))
    if (others.length === 0) return
    store.transact((writer) => {
      for (const product of others) writer.putProduct({ ...product, watched: false })
    })
  }

  /** What was logged of this product before it had a trust file is read again, and judged then. */
  #readPast(product: string): void {
    const { store, log } = this.#parts
    const oldest = store.statements(log.origin, product, null, Number.MAX_SAFE_INTEGER).at(-1)
    if (oldest !== undefined) this.#readAgain(oldest.firstIndex)
  }

  #readAgain(from: number): void {
    const { store, log } = this.#parts
    const record = store.log(log.origin)
    if (record !== null && record.readTo > from) store.transact((writer) => writer.putLog({ ...record, readTo: from }))
  }

  #put(product: string, watched: Watched): void {
    this.#watched = new Map([...this.#watched, [product, watched]])
  }

  /** A trust file's body, fetched once; null where the log does not serve it now. */
  async #body(sha256: string): Promise<Uint8Array | null> {
    const known = this.#bodies.get(sha256)
    if (known !== undefined) return known
    const body = await this.#fetchBody(sha256)
    if (body !== null) this.#bodies.set(sha256, body)
    return body
  }

  /** From the log, then from mirrors; bytes of another digest are none. */
  async #fetchBody(sha256: string): Promise<Uint8Array | null> {
    const { crypto, log, fetch } = this.#parts
    const options = { fetch, signal: () => AbortSignal.timeout(bodyTimeoutMs), allowHttpLoopback: true }
    for (const url of [log.url, ...log.mirrors]) {
      if (url === null) continue
      try {
        const body = await httpGet(options, `${url}/v1/blob/${sha256}`, MAX_BODY_BYTES)
        if (toHex(crypto.sha256(body)) === sha256) return body
      } catch (error) {
        if (!(error instanceof SourceError)) throw error
      }
    }
    return null
  }

  async #askForBodies(): Promise<void> {
    const { store, log, now } = this.#parts
    const due = store.wantedBlobs(log.origin, bodiesAPoll).filter(({ nextAt }) => nextAt <= now())
    const until = now() + bodySeconds
    for (const wanted of due) {
      if (now() > until) return
      const statements = this.#trustStatementsOf(wanted)
      const body = await (statements.length > 0 ? this.#body(wanted.sha256) : this.#fetchBody(wanted.sha256))
      store.transact((writer) => {
        const ledger = this.#ledger(writer)
        if (body === null) {
          writer.wantBlob(later(wanted, now()))
          return
        }
        writer.foundBlob(log.origin, wanted.sha256)
        for (const statement of statements) ledger.stepTrust(statement)
      })
      this.committed()
    }
  }

  /** Trust statements of the product that may have waited for this body. */
  #trustStatementsOf({ product, origin }: WantedBlob): readonly StatementRecord[] {
    const { store } = this.#parts
    return store.statements(origin, product, 'trust', 64).filter(({ metAt }) => metAt === null)
  }

  #missingRebuilds(product: string, { book }: Watched): Finding[] {
    const { store, log, now } = this.#parts
    const newest = book.trust.channels.flatMap((channel) =>
      store.metReleases(log.origin, product, channel, newestReleases),
    )
    return newest.flatMap((release) => {
      if (release.metSeenAt === null || now() - release.metSeenAt < log.limits.rebuildsAfter) return []
      const standing = releaseStanding(store, book, release)
      if (standing === null || standing.waived !== null || standing.revoked !== null) return []
      const lacks = standing.artifacts.flatMap(({ artifact, tally: { enough, positive, needed } }) =>
        enough ? [] : [`${artifact.name}: ${positive.length} of ${needed} rebuilders`],
      )
      return lacks.length === 0 ? [] : [lacksRebuilds(release, lacks, release.sequence ?? 0)]
    })
  }
}

/** After half a minute, a minute, two … at most an hour. */
function later(wanted: WantedBlob, now: number): WantedBlob {
  const wait = Math.min(longestRetry, 30 * 2 ** Math.min(wanted.attempts, 16))
  return { ...wanted, attempts: wanted.attempts + 1, nextAt: now + wait }
}
