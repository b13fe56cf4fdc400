/**
 * Makes evidence about statements (docs/formats.md §5, the last three kinds): the entries of both sides, each with its inclusion under a
 * checkpoint that the product's policy accepts. The proofs come from tiles; where they cannot be had the case waits.
 */
import {
  type Crypto,
  type Evidence,
  formatTlogProof,
  parseSignedCheckpoint,
  SourceError,
  TileError,
  type TileSource,
  treeReader,
} from '@samebits/core'
import { judgeEvidence, keepEvidence } from '../evidence/evidence-record.ts'
import { firstAnswer } from '../follow/first-answer.ts'
import type { MonitorStore, PendingCase, SignedTree } from '../state/monitor-store.ts'
import type { Watched } from './product-ledger.ts'

export interface CaseMakerParts {
  readonly crypto: Crypto
  readonly origin: string
  readonly store: MonitorStore
  /** Places with tiles of the log, in the order in which they are asked. */
  readonly sources: readonly TileSource[]
  /** Unix seconds. */
  readonly now: () => number
}

/** Entries of one side: a file of evidence holds 256 in all. */
const maxSide = 128
/** Polls after which a case is given up: the alert stays, the evidence is not to be had. */
const maxAttempts = 1000
/** Milliseconds of a poll that go into proofs, and after which one place's silence has the next one asked. */
const proofMs = 20_000
const perPlace = 2000

export class CaseMaker {
  readonly #parts: CaseMakerParts

  constructor(parts: CaseMakerParts) {
    this.#parts = parts
  }

  async makeAll(watched: (product: string) => Watched | null): Promise<void> {
    const { store, origin, now } = this.#parts
    const head = store.log(origin)?.head ?? null
    if (head === null) return
    const until = AbortSignal.timeout(proofMs)
    // Those that were tried least come first: a case that nobody gives proofs for holds no other up.
    for (const pending of store.pendingCases(origin).toSorted((a, b) => a.attempts - b.attempts)) {
      if (until.aborted) return
      const evidence = await this.#make(pending, head, watched(pending.product), until)
      const kept =
        evidence === null
          ? null
          : judgeEvidence(evidence.evidence, { keys: [], trust: evidence.trust }, now(), 'monitor')
      store.transact((writer) => {
        if (kept !== null && kept.record.convicted !== null) {
          const id = keepEvidence(store, writer, kept)
          if (id !== null) writer.attachEvidence(pending.alert, id)
          writer.deleteCase(pending.alert)
        } else if (pending.attempts >= maxAttempts) writer.deleteCase(pending.alert)
        else writer.putCase({ ...pending, attempts: pending.attempts + 1 })
      })
    }
  }

  /** Null where the material is not to be had now. */
  async #make({ kind, a, b }: PendingCase, head: SignedTree, watched: Watched | null, until: AbortSignal) {
    const { origin, sources } = this.#parts
    const book = kind === 'trust-fork' ? (watched?.before ?? null) : (watched?.book ?? null)
    if (book === null) return null
    const sides = sources.map((source) => async () => {
      const [first, second] = [await this.#side(a, head, source), await this.#side(b, head, source)]
      return first === null || second === null ? null : { first, second }
    })
    const found = await firstAnswer(sides, { perPlace, until })
    if (found === null) return null
    const { first, second } = found
    const evidence: Evidence = {
      ...{ kind, origin, trust: book.trust.bytes },
      ...{ a: first.map(({ proof }) => proof), b: second.map(({ proof }) => proof) },
      leaves: [...first, ...second].map(({ leaf }) => leaf),
    }
    return { evidence, trust: book.trust }
  }

  async #side(indices: readonly number[], { size, root, checkpoint }: SignedTree, source: TileSource) {
    const { crypto, origin, store } = this.#parts
    const reader = treeReader({ hasher: crypto, source, size, root })
    const side: { proof: string; leaf: Uint8Array }[] = []
    try {
      for (const index of indices.slice(0, maxSide)) {
        const leaf = store.leaf(origin, index)
        if (leaf === null) return null
        const hashes = await reader.proveInclusion(index)
        side.push({ leaf, proof: formatTlogProof({ index, hashes, checkpoint: parseSignedCheckpoint(checkpoint) }) })
      }
      return side
    } catch (error) {
      if (error instanceof SourceError || error instanceof TileError) return null
      throw error
    }
  }
}
