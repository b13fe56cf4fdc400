/**
 * How the pure steps ask for what only I/O can fetch. A step that lacks something returns `needs`; the driver fetches
 * each, files the answer under {@link needKey} and calls the step again with the larger {@link Material}. A step never
 * asks twice for a key that has an answer, and a failed answer is an answer.
 *
 *     for (;;) {
 *       const outcome = judge(run, state, material)
 *       persist(outcome.state)                       // also when the run ends in a refusal
 *       if (outcome.kind !== 'needs') return outcome
 *       for (const need of outcome.needs) answers.set(needKey(need), await fetchFor(need))
 *     }
 *
 * Nothing fetched is trusted: offers, heads, proofs, bodies are all checked here. The one exception is said at
 * {@link EntriesNeed}.
 */
import { toHex } from '../bytes.ts'

/** Where to ask: URL prefixes, the log first, then the mirrors, to be tried in this order. */
export type Sources = readonly string[]

/** The newest checkpoint of each source: GET `<source>/checkpoint`. */
export interface HeadsNeed {
  readonly kind: 'heads'
  readonly origin: string
  readonly sources: Sources
}

/** The update bundles of all feeds: GET `<feed>/<channel>.samebits.json`. Not asked where the driver was handed a bundle. */
export interface OffersNeed {
  readonly kind: 'offers'
  readonly channel: string
  readonly feeds: Sources
}

/**
 * The consistency proof between two sizes, computed from tiles authenticated under (`to`, `root`) where they can be had;
 * `oldRoot` is then the root at `from` computed from those same tiles, which is what shows a fork.
 */
export interface ConsistencyNeed {
  readonly kind: 'consistency'
  readonly origin: string
  readonly from: number
  readonly to: number
  /** Root of the tree of size `to`. */
  readonly root: Uint8Array
  readonly sources: Sources
}

/**
 * The entries of [from, to), read by a `treeReader` over (`size`, `root`): the driver hands back only what that reader
 * has authenticated. It may answer with fewer, from `from` on, and is asked for the rest.
 */
export interface EntriesNeed {
  readonly kind: 'entries'
  readonly origin: string
  readonly from: number
  readonly to: number
  readonly size: number
  readonly root: Uint8Array
  readonly sources: Sources
}

/** Some entries with their inclusion proofs under (`size`, `root`), from tiles. Checked here again. */
export interface InclusionNeed {
  readonly kind: 'inclusion'
  readonly origin: string
  readonly indices: readonly number[]
  readonly size: number
  readonly root: Uint8Array
  readonly sources: Sources
}

/** A trust file's exact bytes: GET `<source>/v1/blob/<sha256>`. */
export interface TrustBodyNeed {
  readonly kind: 'trust-body'
  readonly version: number
  readonly sha256: string
  readonly size: number
  readonly sources: Sources
}

/** The update bundle of one trust step: GET `<source>/v1/trust/<product>/<version>`, from log, mirrors and feeds. */
export interface TrustBundleNeed {
  readonly kind: 'trust-bundle'
  readonly product: string
  readonly version: number
  readonly sources: Sources
}

export type Need =
  | HeadsNeed
  | OffersNeed
  | ConsistencyNeed
  | EntriesNeed
  | InclusionNeed
  | TrustBodyNeed
  | TrustBundleNeed

/** A checkpoint as received. `log`: the log's own answer; `mirror`: another's copy. */
export interface ReceivedHead {
  readonly source: 'log' | 'mirror'
  readonly bytes: Uint8Array
}

export interface ReceivedEntry {
  readonly index: number
  readonly entry: Uint8Array
  readonly inclusion: readonly Uint8Array[]
}

/**
 * `missing`: every source answered that it has no such thing. `transport`: at least one source failed and none had it.
 * `budget`: the run's time or byte budget is spent (entries only).
 */
export interface FailedAnswer {
  readonly kind: 'failed'
  readonly reason: 'missing' | 'transport' | 'budget'
  readonly detail: string
}

/** What the driver found for a need of the same kind. */
export type Answer =
  | FailedAnswer
  | { readonly kind: 'heads'; readonly heads: readonly ReceivedHead[] }
  /** In the order of the feeds. */
  | { readonly kind: 'offers'; readonly bundles: readonly Uint8Array[] }
  | { readonly kind: 'consistency'; readonly proof: readonly Uint8Array[]; readonly oldRoot: Uint8Array | null }
  | { readonly kind: 'entries'; readonly entries: readonly Uint8Array[] }
  | { readonly kind: 'inclusion'; readonly entries: readonly ReceivedEntry[] }
  | { readonly kind: 'trust-body'; readonly bytes: Uint8Array }
  | { readonly kind: 'trust-bundle'; readonly bundles: readonly Uint8Array[] }

export interface Material {
  /** Bundles handed to the driver (a file beside the artifact); null: the feeds are to be asked. */
  readonly offers: readonly Uint8Array[] | null
  /** Answers by {@link needKey}. */
  readonly answers: ReadonlyMap<string, Answer>
}

/** The key under which the answer to `need` is filed: equal for equal questions, whatever the sources. */
export function needKey(need: Need): string {
  switch (need.kind) {
    case 'heads':
      return `heads ${need.origin}`
    case 'offers':
      return `offers ${need.channel}`
    case 'consistency':
      return `consistency ${need.origin} ${need.from} ${need.to} ${toHex(need.root)}`
    case 'entries':
      return `entries ${need.origin} ${need.from} ${need.to} ${need.size} ${toHex(need.root)}`
    case 'inclusion':
      return `inclusion ${need.origin} ${need.indices.join(',')} ${need.size} ${toHex(need.root)}`
    case 'trust-body':
      return `trust-body ${need.sha256}`
    case 'trust-bundle':
      return `trust-bundle ${need.product} ${need.version}`
  }
}
