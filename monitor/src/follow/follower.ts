/**
 * Follows one log: asks every place that shows it, keeps the one history, reads what is new, tells what is wrong. One poll is a
 * sequence of transactions, each of which leaves a state from which the next poll goes on, however this one ended.
 */
import { type Crypto, SourceError, TileError, type TileSource } from '@samebits/core'
import type { FollowedLog, KnownWitness } from '../config/monitor-config.ts'
import { type Giver, type HandedIn, HandInDesk, type Material } from '../gossip/hand-in.ts'
import type { EntryFacts, KeyRing } from '../index/entry-facts.ts'
import { alertOf, type Finding, passingRules, watchLog } from '../rules/rules.ts'
import type { LogRecord, MonitorStore, MonitorWriter } from '../state/monitor-store.ts'
import { look, type VantagePoint, vantagePoints } from '../views/vantage-point.ts'
import { firstSource, logSource } from './log-source.ts'
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
  /** After each poll: what waits for others (bodies, proofs, rebuilds, time). Returns the conditions that last. */
  tend(): Promise<readonly Finding[]>
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
  readonly index: EntryIndex
  /** For backlogs that are worth threads. */
  readonly workers: RunWorkers
  readonly onProgress: (origin: string, readTo: number, size: number) => void
}

/** Entries from which on threads read: hashing is cheap, parsing and verifying is not. */
const worthThreads = { hashed: 32_768, read: 2048 }

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
  readonly #since: number
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: FollowerParts) {
    const { crypto, log, witnesses, store, sinks, now, fetch } = parts
    this.#parts = parts
    this.#points = vantagePoints(crypto, log, witnesses)
    this.#tiles = new Map(
      this.#points.flatMap(({ name, tiles }) => (tiles === null ? [] : [[name, logSource(tiles, fetch)] as const])),
    )
    this.#keeper = new TreeKeeper({ crypto, log, witnesses, store, sinks, now, tiles: this.#tiles })
    const source = firstSource([...this.#tiles.values()])
    this.#hands = new HandInDesk({ crypto, log, witnesses, store, sinks, now, source, keeper: this.#keeper })
    this.#since = now()
  }

  get log(): FollowedLog {
    return this.#parts.log
  }

  /** One round. @throws the signal's reason, and defects; what others do wrong is kept in the state */
  poll(signal: AbortSignal): Promise<void> {
    return this.#alone(() => this.#poll(signal))
  }

  /** What others hand in, between two polls. */
  handIn(material: Material, from: Giver): Promise<HandedIn> {
    return this.#alone(() => this.#hands.take(material, from))
  }

  /** Polls and what is handed in change one history: one after the other. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { crypto, log, witnesses, fetch, index } = this.#parts
    const looked = await Promise.all(
      this.#points.map(async (point) => ({ point, sight: await look(crypto, log, witnesses, point, fetch) })),
    )
    await this.#keeper.take(looked)
    const damage = await this.#read(signal)
    this.#watch(damage, await index.tend())
  }

  /** Reads what is new. Returns the damage that was met; a place that gives nothing is noted as the log's failure. */
  async #read(signal: AbortSignal): Promise<Damage | null> {
    const { log, store } = this.#parts
    for (const url of [log.url, ...log.mirrors]) {
      if (url === null) continue
      try {
        await this.#readFrom(url, signal)
        return null
      } catch (error) {
        if (error instanceof TileError) return { path: error.path, detail: error.detail }
        if (!(error instanceof SourceError)) throw error
        const record = store.log(log.origin)
        if (record !== null) store.transact((writer) => writer.putLog({ ...record, failure: error.message }))
      }
    }
    return null
  }

  async #readFrom(url: string, signal: AbortSignal): Promise<void> {
    const { crypto, log, store, index, workers, fetch } = this.#parts
    const record = store.log(log.origin)
    if (record === null || record.head === null || record.readTo >= record.head.size) return
    const { size, root } = record.head
    const source = firstSource([logSource(url, fetch)])
    const ring = index.ring()
    const many = size - record.readTo >= (ring === null ? worthThreads.hashed : worthThreads.read)
    const checker = many ? workers.checker(url, ring) : inlineChecker(source, ring)
    const chunks = readTree({ hasher: crypto, source, size, root, from: record.readTo, checker, signal })
    for await (const { from, to, facts } of chunks) {
      const fresh = facts.filter((fact) => fact.index >= from)
      await index.prepare(fresh)
      this.#commit(to, fresh)
      this.#parts.onProgress(log.origin, to, size)
    }
  }

  #commit(readTo: number, facts: readonly EntryFacts[]): void {
    const { log, store, index } = this.#parts
    const record = store.log(log.origin) as LogRecord
    store.transact((writer) => {
      index.apply(writer, facts)
      writer.putLog({ ...record, readTo })
    })
    index.committed()
  }

  /** Tells of conditions that last, and ends those that do not. */
  #watch(damage: Damage | null, others: readonly Finding[]): void {
    const { crypto, log, store, now, sinks } = this.#parts
    const record = store.log(log.origin)
    if (record === null) return
    const findings = watchLog(
      {
        log: record,
        views: store.views(log.origin),
        openTrees: store.openTrees(log.origin),
        missing: store.wantedBlobs(log.origin, 1000),
        limits: log.limits,
        witnessed: log.policy !== null && log.policy.quorum !== 'none',
        damage,
        since: this.#since,
        passedAt: (size) => store.sizeAfter(log.origin, size)?.at ?? null,
      },
      now(),
    )
    const alerts = [...findings, ...others].map((finding) => alertOf(crypto, log.origin, finding, now()))
    store.transact((writer) => {
      for (const alert of alerts) writer.raise(alert, sinks)
      writer.settle(log.origin, passingRules, new Set(alerts.map(({ id }) => id)), now())
    })
  }
}
