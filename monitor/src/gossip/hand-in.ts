/**
 * What others hand in about one log. Only what verifies under its keys is kept: trees are joined to the history like any other, evidence
 * is judged anew, and the entries of update bundles are held against the entries that everybody else is shown at their
 * index. That last one catches a fork also where its tiles are withheld.
 */
import {
  type BundleView,
  type Crypto,
  checkInclusion,
  type Evidence,
  equalBytes,
  FormatError,
  formatTlogProof,
  type LoggedEntry,
  NoteError,
  ProofError,
  parseSignedCheckpoint,
  SourceError,
  TileError,
  type TileSource,
  treeReader,
} from '@samebits/core'
import type { FollowedLog, KnownWitness } from '../config/monitor-config.ts'
import { judgeEvidence } from '../evidence/evidence-record.ts'
import { firstAnswer } from '../follow/first-answer.ts'
import type { Looked, TreeKeeper } from '../follow/tree-keeper.ts'
import { alertOf, proven } from '../rules/rules.ts'
import type { MonitorStore, SignedTree } from '../state/monitor-store.ts'
import { openTree, type SeenTree } from '../views/vantage-point.ts'

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
  /** Places with tiles of the history, in the order in which they are asked. */
  readonly sources: readonly TileSource[]
  readonly keeper: TreeKeeper
}

/** Entries of bundles that are compared at once. */
const maxEntries = 64
/** Milliseconds after which one place's silence has the next one asked. */
const perPlace = 1000

export class HandInDesk {
  readonly #parts: HandInParts

  constructor(parts: HandInParts) {
    this.#parts = parts
  }

  /** @param milliseconds in which proofs may come, for trees and again for entries */
  async take({ checkpoints, evidence, views }: Material, giver: Giver, milliseconds: number): Promise<HandedIn> {
    const pairs = evidence.flatMap((one) => (one.kind === 'unproven' ? [one.a, one.b] : []))
    const texts = [...checkpoints, ...pairs, ...views.map(({ checkpoint }) => checkpoint)]
    const trees = texts.map((text) => this.#open(text))
    const seen = trees.filter((tree) => tree !== null)
    if (seen.length > 0) {
      const looked = seen.map((tree) => lookedAt(tree, giver))
      await this.#parts.keeper.take(looked, milliseconds)
    }
    const convicting = evidence.filter(({ kind }) => kind !== 'unproven')
    const judged = convicting.filter((one) => this.#keepEvidence(one)).length
    await this.#compareEntries(views, AbortSignal.timeout(milliseconds))
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
  #keepEvidence(evidence: Evidence): boolean {
    const { crypto, log, witnesses, store, sinks, now } = this.#parts
    const keys = [...log.keys, ...witnesses.flatMap((witness) => witness.keys)]
    for (const trust of [undefined, ...log.trust]) {
      const kept = judgeEvidence(evidence, { keys, ...(trust === undefined ? {} : { trust }) }, now(), 'gossip')
      if (kept === null || kept.record.convicted === null) continue
      store.transact((writer) => {
        if (!writer.addEvidence(kept.record, kept.bytes)) return
        writer.raise(alertOf(crypto, log.origin, proven(kept.record), now(), kept.record.id), sinks)
      })
      return true
    }
    return false
  }

  /** Entries under trees that the log signed, against those of the history at the same index. */
  async #compareEntries(views: readonly BundleView[], until: AbortSignal): Promise<void> {
    const { store, log, keeper } = this.#parts
    const head = store.log(log.origin)?.head ?? null
    if (head === null) return
    let left = maxEntries
    for (const view of views) {
      const tree = this.#open(view.checkpoint)
      const known = tree === null ? null : store.sizeAt(log.origin, tree.size)
      if (tree === null || (known !== null && equalBytes(known.root, tree.root))) continue
      for (const entry of view.entries) {
        if (left-- <= 0) return
        if (!this.#isUnder(tree, entry)) continue
        const conflict = await this.#conflict(head, tree, entry, until)
        if (conflict === null) continue
        store.transact((writer) => keeper.convict(writer, conflict))
        return // one conflict convicts as much as many
      }
    }
  }

  /** Evidence that the log signed two entries at this index; null where they are equal, or the history's cannot be had. */
  async #conflict(head: SignedTree, tree: SeenTree, handed: LoggedEntry, until: AbortSignal): Promise<Evidence | null> {
    if (handed.index >= head.size) return null
    const asks = this.#parts.sources.map((source) => () => this.#ownAt(head, handed.index, source))
    const own = await firstAnswer(asks, { perPlace, until })
    if (own === null || equalBytes(own.leaf, handed.leaf)) return null
    const b = formatTlogProof({
      ...{ index: handed.index, hashes: handed.inclusion },
      checkpoint: parseSignedCheckpoint(tree.checkpoint),
    })
    return { kind: 'leaf-conflict', origin: this.#parts.log.origin, a: own.proof, b, leaves: [own.leaf, handed.leaf] }
  }

  /** The history's entry at an index, and its proof; null where this source does not give them. */
  async #ownAt(head: SignedTree, index: number, source: TileSource) {
    const { size, root, checkpoint } = head
    try {
      const reader = treeReader({ hasher: this.#parts.crypto, source, size, root })
      const { value } = await reader.readEntries(index, index + 1).next()
      if (value === undefined) return null
      const hashes = await reader.proveInclusion(index)
      return {
        leaf: value.entry,
        proof: formatTlogProof({ index, hashes, checkpoint: parseSignedCheckpoint(checkpoint) }),
      }
    } catch (error) {
      if ([SourceError, TileError, FormatError].some((type) => error instanceof type)) return null
      throw error
    }
  }

  /** Whether the tree holds the entry. */
  #isUnder({ size, root }: SeenTree, { index, inclusion, leaf }: LoggedEntry): boolean {
    const { crypto } = this.#parts
    const [leafHash = new Uint8Array()] = crypto.leafHashes([leaf])
    try {
      checkInclusion(crypto, { index, size, leafHash, proof: inclusion, root })
      return true
    } catch (error) {
      if (error instanceof ProofError) return false
      throw error
    }
  }
}

function lookedAt(tree: SeenTree, { name, kind }: Giver): Looked {
  return { point: { name, kind, url: '', tiles: null, witness: null }, sight: { kind: 'tree', tree } }
}
