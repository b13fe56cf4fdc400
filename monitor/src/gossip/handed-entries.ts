/**
 * Entries of update bundles that were handed in, held against the entries that everybody else is shown at their index: a fork shows so
 * also where its tiles are withheld. What cannot be compared yet, because the history is shorter or its tiles are not to be had, is
 * kept and compared later.
 */
import {
  type BundleView,
  type Crypto,
  checkInclusion,
  type Evidence,
  equalBytes,
  FormatError,
  formatTlogProof,
  ProofError,
  parseSignedCheckpoint,
  SourceError,
  TileError,
  type TileSource,
  treeReader,
} from '@samebits/core'
import { firstAnswer } from '../follow/first-answer.ts'
import type { TreeKeeper } from '../follow/tree-keeper.ts'
import type { HandedEntry, MonitorStore, SignedTree } from '../state/monitor-store.ts'

export interface HandedEntriesParts {
  readonly crypto: Crypto
  readonly origin: string
  readonly store: MonitorStore
  /** Unix seconds. */
  readonly now: () => number
  /** Places with tiles of the history, in the order in which they are asked. */
  readonly sources: readonly TileSource[]
  readonly keeper: TreeKeeper
}

/** Milliseconds after which one place's silence has the next one asked. */
const perPlace = 1000
/** Entries that are compared at once; each is a few requests. */
const maxAtOnce = 64

type Compared = 'equal' | 'waits' | { readonly conflict: Evidence }

export class HandedEntries {
  readonly #parts: HandedEntriesParts

  constructor(parts: HandedEntriesParts) {
    this.#parts = parts
  }

  /** Compares the entries of views whose trees the log signed; those that are of the one history need none of it. */
  async compare(views: readonly (SignedTree & Pick<BundleView, 'entries'>)[], until: AbortSignal): Promise<void> {
    const { store, origin, now } = this.#parts
    const handed = views
      .filter(({ size, root }) => {
        const known = store.sizeAt(origin, size)
        return known === null || !equalBytes(known.root, root)
      })
      .flatMap(({ size, root, checkpoint, entries }) =>
        entries.map((entry) => ({ tree: { size, root, checkpoint }, entry, at: now() })),
      )
      .filter((one) => this.#isUnder(one))
    await this.#compareAll(handed.slice(0, maxAtOnce), until)
  }

  /** Compares what waits. */
  async retry(until: AbortSignal): Promise<void> {
    await this.#compareAll(this.#parts.store.handedEntries(this.#parts.origin), until)
  }

  async #compareAll(handed: readonly HandedEntry[], until: AbortSignal): Promise<void> {
    const { store, origin, keeper } = this.#parts
    const compared = await Promise.all(handed.map(async (one) => [one, await this.#compareOne(one, until)] as const))
    if (compared.length === 0) return
    store.transact((writer) => {
      for (const [one, outcome] of compared) {
        if (outcome === 'waits') writer.putHandedEntry(origin, one)
        else writer.deleteHandedEntry(origin, one)
        if (typeof outcome === 'object') keeper.convict(writer, outcome.conflict)
      }
    })
  }

  async #compareOne({ tree, entry: { index, inclusion, leaf } }: HandedEntry, until: AbortSignal): Promise<Compared> {
    const { store, origin, sources } = this.#parts
    const head = store.log(origin)?.head ?? null
    if (head === null || index >= head.size) return 'waits'
    const asks = sources.map((source) => () => this.#ownAt(head, index, source))
    const own = await firstAnswer(asks, { perPlace, until })
    if (own === null) return 'waits'
    if (equalBytes(own.leaf, leaf)) return 'equal'
    const b = formatTlogProof({ index, hashes: inclusion, checkpoint: parseSignedCheckpoint(tree.checkpoint) })
    return { conflict: { kind: 'leaf-conflict', origin, a: own.proof, b, leaves: [own.leaf, leaf] } }
  }

  /** The history's entry at an index with its proof; null where this place does not give them, or gives others. */
  async #ownAt({ size, root, checkpoint }: SignedTree, index: number, source: TileSource) {
    try {
      const reader = treeReader({ hasher: this.#parts.crypto, source, size, root })
      const { value } = await reader.readEntries(index, index + 1).next()
      if (value === undefined) return null
      const hashes = await reader.proveInclusion(index)
      const proof = formatTlogProof({ index, hashes, checkpoint: parseSignedCheckpoint(checkpoint) })
      return { leaf: value.entry, proof }
    } catch (error) {
      if ([SourceError, TileError, FormatError].some((type) => error instanceof type)) return null
      throw error
    }
  }

  /** Whether the tree holds the entry. */
  #isUnder({ tree: { size, root }, entry: { index, inclusion, leaf } }: HandedEntry): boolean {
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
