/**
 * Follows one log. Two things are done for it, and neither waits for the other: `look` asks every place that shows it, keeps the one
 * history and tells what is wrong; `read` reads what is new, for a while at a time. A log that gives its entries slowly, or never, hides
 * nothing so. Each is a sequence of transactions that leave a state from which the next one goes on.
 */
import { type Crypto, SourceError, TileError, type TileSource } from '@samebits/core'
import type { FollowedLog, KnownWitness } from '../config/monitor-config.ts'
import { type Giver, type HandedIn, HandInDesk, type Material } from '../gossip/hand-in.ts'
import { HandedEntries } from '../gossip/handed-entries.ts'
import type { EntryFacts, KeyRing } from '../index/entry-facts.ts'
import { alertOf, type Finding, passingRules, watchLog } from '../rules/rules.ts'
import type { LogRecord, MonitorStore, MonitorWriter, SignedTree } from '../state/monitor-store.ts'
import { look, type VantagePoint, vantagePoints } from '../views/vantage-point.ts'
import { batched } from './batches.ts'
import { logSource } from './log-source.ts'
import { readTree } from './read-tree.ts'
import { inlineChecker, type RunWorkers } from './run-workers.ts'
import { TreeKeeper } from './tree-keeper.ts'

/** What is done with the entries of a log, in order; the follower knows nothing of what they say. */
export interface EntryIndex {
  /** Members' keys; null: entries are hashed and not read. */
  ring(): KeyRing | null
  /** Work that needs the network before these entries can be judged. */
  prepare(facts: readonly EntryFacts[]): Promise<void>
  /** Inside the transaction that says these entries were read. */
  apply(writer: MonitorWriter, facts: readonly EntryFacts[]): void
  /** That transaction was committed; without this call nothing of it counts. */
  committed(): void
  /** When all was read: what waits for others (bodies, proofs). It has its own limit of time. */
  tend(): Promise<void>
  /** Conditions of the products that last now. */
  conditions(): readonly Finding[]
}

export interface FollowerParts {
  readonly crypto: Crypto
  readonly log: FollowedLog
  readonly witnesses: readonly KnownWitness[]
  readonly store: MonitorStore
  readonly sinks: readonly string[]
  readonly fetch: typeof globalThis.fetch
  /** Unix seconds. */
  readonly now: () => number
  /** Seconds that only go up. */
  readonly clock: () => number
  /** Reading ends after so long, and goes on when others had their turn. */
  readonly sliceSeconds: number
  readonly index: EntryIndex
  /** For backlogs that are worth threads. */
  readonly workers: RunWorkers
  readonly onProgress: (origin: string, readTo: number, size: number) => void
}

/** Entries from which on threads read: hashing is cheap, parsing and verifying is not. */
const worthThreads = { hashed: 32_768, read: 2048 }

/** Milliseconds in which proofs may come: of what places show, and of what is handed in, which somebody waits for. */
const proofMs = { looked: 20_000, handedIn: 5000 }

interface Damage {
  readonly path: string
  readonly detail: string
}

export class Follower {
  readonly #parts: FollowerParts
  readonly #points: readonly VantagePoint[]
  readonly #tiles: ReadonlyMap<string, TileSource>
  readonly #keeper: TreeKeeper
  readonly #hands: HandInDesk
  readonly #handed: HandedEntries
  readonly #since: number
  #last: Promise<unknown> = Promise.resolve()
  /** What the last reading met; undefined before the first one has ended. */
  #damage: Damage | null | undefined

  constructor(parts: FollowerParts) {
    const { crypto, log, witnesses, store, sinks, now, fetch } = parts
    this.#parts = parts
    this.#points = vantagePoints(crypto, log, witnesses)
    this.#tiles = new Map(
      this.#points.flatMap(({ name, tiles }) => (tiles === null ? [] : [[name, logSource(tiles, fetch)] as const])),
    )
    this.#keeper = new TreeKeeper({ crypto, log, witnesses, store, sinks, now, tiles: this.#tiles })
    const common = { crypto, store, now, keeper: this.#keeper }
    this.#handed = new HandedEntries({ ...common, origin: log.origin, sources: [...this.#tiles.values()] })
    this.#hands = new HandInDesk({ ...common, log, witnesses, sinks, entries: this.#handed })
    this.#since = now()
  }

  get log(): FollowedLog {
    return this.#parts.log
  }

  /** Asks every place, and tells. @throws defects alone; what others do wrong is kept in the state */
  async look(): Promise<void> {
    const { crypto, log, witnesses, fetch } = this.#parts
    const looked = await Promise.all(
      this.#points.map(async (point) => ({ point, sight: await look(crypto, log, witnesses, point, fetch) })),
    )
    await this.#alone(() => this.#keeper.take(looked, proofMs.looked))
    this.#watch()
  }

  /** Reads what is new, for a while. False where nothing could be read. @throws the signal's reason, and defects */
  async read(signal: AbortSignal): Promise<boolean> {
    const gave = await this.#readSlice(signal)
    if (gave === 'nothing' || !this.isBehind) {
      await this.#handed.retry(AbortSignal.timeout(proofMs.looked))
      await this.#parts.index.tend()
    }
    this.#watch()
    return gave !== 'nothing'
  }

  /** There are entries of the history that were not read. */
  get isBehind(): boolean {
    return this.#unread() !== null
  }

  /** What others hand in, between two looks. */
  handIn(material: Material, from: Giver): Promise<HandedIn> {
    return this.#alone(() => this.#hands.take(material, from, proofMs.handedIn))
  }

  /** What is shown and what is handed in change one history: one after the other. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** The record where something is left to be read. */
  #unread(): (LogRecord & { readonly head: SignedTree }) | null {
    const { log, store } = this.#parts
    const record = store.log(log.origin)
    return record === null || record.head === null || record.readTo >= record.head.size
      ? null
      : { ...record, head: record.head }
  }

  /** From the log, and from a mirror where that fails or serves other bytes. What it met is damage, or the log's failure. */
  async #readSlice(signal: AbortSignal): Promise<'all' | 'some' | 'nothing'> {
    const { log, store, clock, sliceSeconds } = this.#parts
    if (this.#unread() === null) {
      this.#damage ??= null
      return 'all'
    }
    const until = clock() + sliceSeconds
    let damage: Damage | null = null
    for (const url of [log.url, ...log.mirrors]) {
      if (url === null) continue
      try {
        const gave = await this.#readFrom(url, until, signal)
        this.#damage = damage
        return gave
      } catch (error) {
        if (error instanceof TileError) damage ??= { path: error.path, detail: error.detail }
        else if (!(error instanceof SourceError)) throw error
        const record = store.log(log.origin)
        const failure = error.message
        if (record !== null) store.transact((writer) => writer.putLog({ ...record, failure }))
      }
    }
    this.#damage = damage
    return 'nothing'
  }

  async #readFrom(url: string, until: number, signal: AbortSignal): Promise<'all' | 'some'> {
    const { crypto, log, index, workers, fetch, clock } = this.#parts
    const record = this.#unread()
    if (record === null) return 'all'
    const { size, root } = record.head
    const source = logSource(url, fetch)
    const ring = index.ring()
    const many = size - record.readTo >= (ring === null ? worthThreads.hashed : worthThreads.read)
    const checker = many ? workers.checker(url, ring) : inlineChecker(source, ring, clock)
    const chunks = readTree({ hasher: crypto, source, size, root, from: record.readTo, checker, signal })
    for await (const { to, facts } of batched(chunks)) {
      await index.prepare(facts)
      this.#commit(to, facts)
      this.#parts.onProgress(log.origin, to, size)
      if (clock() >= until) return 'some'
    }
    return 'all'
  }

  #commit(readTo: number, facts: readonly EntryFacts[]): void {
    const { log, store, index } = this.#parts
    const record = store.log(log.origin) as LogRecord
    store.transact((writer) => {
      index.apply(writer, facts)
      const indexedTo = index.ring() === null ? record.indexedTo : Math.max(record.indexedTo, readTo)
      writer.putLog({ ...record, readTo, indexedTo })
    })
    index.committed()
  }

  /** Tells of conditions that last, and ends those that do not. */
  #watch(): void {
    const { crypto, log, store, now, sinks, index } = this.#parts
    const record = store.log(log.origin)
    if (record === null) return
    const findings = watchLog(
      {
        log: record,
        views: store.views(log.origin),
        openTrees: store.openTrees(log.origin),
        waiting: store.handedEntries(log.origin).length,
        missing: store.wantedBlobs(log.origin, 1000),
        limits: log.limits,
        witnessed: log.policy !== null && log.policy.quorum !== 'none',
        damage: this.#damage ?? null,
        since: this.#since,
        passedAt: (size) => store.sizeAfter(log.origin, size)?.at ?? null,
      },
      now(),
    )
    const alerts = [...findings, ...index.conditions()].map((finding) => alertOf(crypto, log.origin, finding, now()))
    // Nothing was read since the start: what was damaged then may be still.
    const settled = passingRules.filter((rule) => rule !== 'damaged' || this.#damage !== undefined)
    store.transact((writer) => {
      for (const alert of alerts) writer.raise(alert, sinks)
      writer.settle(log.origin, settled, new Set(alerts.map(({ id }) => id)), now())
    })
  }
}
