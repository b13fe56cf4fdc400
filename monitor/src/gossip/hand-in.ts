/**
 * What others hand in about one log. Only what verifies under its keys is kept: trees are joined to the history like any other, evidence
 * is judged anew, and the entries of update bundles are held against the history's own.
 */
import { type BundleView, type Crypto, type Evidence, FormatError, NoteError, type Trust } from '@samebits/core'
import type { FollowedLog, KnownWitness } from '../config/monitor-config.ts'
import { judgeEvidence, type KeptEvidence, keepEvidence } from '../evidence/evidence-record.ts'
import type { Looked, TreeKeeper } from '../follow/tree-keeper.ts'
import { readTrust, TrustBook } from '../index/trust-book.ts'
import { alertOf, proven } from '../rules/rules.ts'
import type { MonitorStore } from '../state/monitor-store.ts'
import { openTree, type SeenTree } from '../views/vantage-point.ts'
import type { HandedEntries } from './handed-entries.ts'

/** Of gossip, what is about one log. */
export interface Material {
  readonly checkpoints: readonly string[]
  readonly evidence: readonly Evidence[]
  readonly views: readonly BundleView[]
}

/** Who hands it in, as the view's name: `client`, or `monitor <url>`. */
export interface Giver {
  readonly name: string
  readonly kind: 'client' | 'monitor'
}

/** How many pieces verified, and how many did not. */
export interface HandedIn {
  readonly kept: number
  readonly refused: number
}

export interface HandInParts {
  readonly crypto: Crypto
  readonly log: FollowedLog
  readonly witnesses: readonly KnownWitness[]
  readonly store: MonitorStore
  readonly sinks: readonly string[]
  /** Unix seconds. */
  readonly now: () => number
  readonly keeper: TreeKeeper
  readonly entries: HandedEntries
}

export class HandInDesk {
  readonly #parts: HandInParts

  constructor(parts: HandInParts) {
    this.#parts = parts
  }

  /** @param milliseconds in which proofs may come, for trees and again for entries */
  async take({ checkpoints, evidence, views }: Material, giver: Giver, milliseconds: number): Promise<HandedIn> {
    const pairs = evidence.flatMap((one) => (one.kind === 'unproven' ? [one.a, one.b] : []))
    const bundled = views.map(({ checkpoint, entries }) => ({ entries, tree: this.#open(checkpoint) }))
    const trees = [...[...checkpoints, ...pairs].map((text) => this.#open(text)), ...bundled.map(({ tree }) => tree)]
    const seen = trees.filter((tree) => tree !== null)
    if (seen.length > 0) {
      const looked = seen.map((tree) => lookedAt(tree, giver))
      await this.#parts.keeper.take(looked, milliseconds)
    }
    const convicting = evidence.filter(({ kind }) => kind !== 'unproven')
    const judged = convicting.filter((one) => this.#takeEvidence(one)).length
    const signed = bundled.flatMap(({ tree, entries }) => (tree === null ? [] : [{ ...tree, entries }]))
    await this.#parts.entries.compare(signed, AbortSignal.timeout(milliseconds))
    const refused = trees.length - seen.length + convicting.length - judged
    return { kept: seen.length + judged, refused }
  }

  #open(text: string): SeenTree | null {
    const { crypto, log, witnesses } = this.#parts
    try {
      return openTree(crypto, log, witnesses, text)
    } catch (error) {
      if (error instanceof NoteError || error instanceof FormatError) return null
      throw error
    }
  }

  /** Whether it convicts somebody whose keys are known. */
  #takeEvidence(evidence: Evidence): boolean {
    const { log, witnesses, now } = this.#parts
    const keys = [...log.keys, ...witnesses.flatMap((witness) => witness.keys)]
    for (const trust of [undefined, ...this.#trustFiles()]) {
      const kept = judgeEvidence(evidence, { keys, ...(trust === undefined ? {} : { trust }) }, now(), 'gossip')
      if (kept === null || kept.record.convicted === null) continue
      this.#keep(kept)
      return true
    }
    return false
  }

  /** What is known about this subject already is neither kept nor told again, in whatever bytes it comes. */
  #keep(kept: KeptEvidence): void {
    const { crypto, log, store, sinks, now } = this.#parts
    if (store.evidenceAbout(kept.subject) !== null) return
    store.transact((writer) => {
      const id = keepEvidence(store, writer, kept)
      writer.raise(alertOf(crypto, log.origin, proven(kept), now(), id), sinks)
    })
  }

  /** Those in force, and those that were configured: evidence may be about keys that have changed since. */
  #trustFiles(): readonly Trust[] {
    const { log, store } = this.#parts
    const inForce = log.trust.flatMap(({ product }) => {
      const body = store.product(log.origin, product)?.trust?.body
      const book = body === undefined ? null : readTrust(body)
      return book instanceof TrustBook ? [book.trust] : []
    })
    return [...inForce, ...log.trust]
  }
}

function lookedAt(tree: SeenTree, { name, kind }: Giver): Looked {
  return { point: { name, kind, url: '', tiles: null, witness: null }, sight: { kind: 'tree', tree } }
}
