/**
 * The one history of a log, and everything that was signed beside it: takes the trees that places showed, joins them to it, and writes
 * what follows in one transaction. What cannot be joined in time stays a question, and is asked again.
 */
import { type Crypto, type Evidence, equalBytes, NoteError, type TileSource, type VerifierKey } from '@samebits/core'
import type { FollowedLog, KnownWitness } from '../config/monitor-config.ts'
import { judgeEvidence, keepEvidence } from '../evidence/evidence-record.ts'
import { alertOf, contradictingView, type Finding, proven } from '../rules/rules.ts'
import type { LogRecord, MonitorStore, MonitorWriter, Standing, ViewRecord } from '../state/monitor-store.ts'
import { joinTree } from '../views/join-tree.ts'
import { openTree, type SeenTree, type Sight, type VantagePoint } from '../views/vantage-point.ts'
import { remember } from '../views/witness-memory.ts'

export interface TreeKeeperParts {
  readonly crypto: Crypto
  readonly log: FollowedLog
  readonly witnesses: readonly KnownWitness[]
  readonly store: MonitorStore
  /** Names of the sinks that alerts go to. */
  readonly sinks: readonly string[]
  /** Unix seconds. */
  readonly now: () => number
  /** Tiles of the places that serve them, by vantage point; the log's own first. */
  readonly tiles: ReadonlyMap<string, TileSource>
}

/** A tree, and every place that shows it. */
interface Candidate {
  readonly tree: SeenTree
  readonly views: string[]
}

type Outcome =
  | { readonly standing: 'agrees' }
  | { readonly standing: 'open' }
  | { readonly standing: 'contradicts'; readonly evidence: Evidence }

export interface Looked {
  readonly point: VantagePoint
  readonly sight: Sight
}

export class TreeKeeper {
  readonly #parts: TreeKeeperParts

  constructor(parts: TreeKeeperParts) {
    this.#parts = parts
  }

  /**
   * Takes in what the places showed, and the questions that are open.
   * @param milliseconds for proofs: what has not come by then is open. Places that are silent hide nothing that others show
   */
  async take(looked: readonly Looked[], milliseconds: number): Promise<void> {
    const { store, log } = this.#parts
    const until = AbortSignal.timeout(milliseconds)
    const candidates = this.#candidates(looked)
    const first = store.log(log.origin)?.head ?? firstHead(looked)
    const outcomes = await this.#joinAll(first, candidates, until)
    let head: SeenTree | LogRecord['head'] = first
    // Each may become the head that the next is held against.
    for (const candidate of candidates) {
      if (outcomes.get(candidate)?.standing !== 'agrees' || candidate.tree.size <= (head?.size ?? -1)) continue
      const outcome = head === first ? { standing: 'agrees' as const } : await this.#join(head, candidate, until)
      outcomes.set(candidate, outcome)
      if (outcome.standing === 'agrees') head = candidate.tree
    }
    // What was larger than the history may be smaller than it now: its own tiles tell of that one.
    const open = candidates.filter((one) => outcomes.get(one)?.standing === 'open')
    const overtaken = open.filter(({ tree }) => tree.size <= (head?.size ?? -1) && tree.size > (first?.size ?? -1))
    for (const [candidate, outcome] of await this.#joinAll(head, overtaken, until)) outcomes.set(candidate, outcome)
    store.transact((writer) => this.#write(writer, looked, outcomes, head))
  }

  async #joinAll(head: LogRecord['head'], candidates: readonly Candidate[], until: AbortSignal) {
    const joined = candidates.map(async (one) => [one, await this.#join(head, one, until)] as const)
    return new Map<Candidate, Outcome>(await Promise.all(joined))
  }

  /** Every tree once, smallest first. */
  #candidates(looked: readonly Looked[]): Candidate[] {
    const { crypto, log, witnesses, store } = this.#parts
    const candidates: Candidate[] = []
    const add = (tree: SeenTree, view: string) => {
      const same = candidates.find((other) => isSame(other.tree, tree))
      if (same === undefined) candidates.push({ tree, views: [view] })
      else if (!same.views.includes(view)) same.views.push(view)
    }
    for (const { point, sight } of looked) if (sight.kind === 'tree') add(sight.tree, point.name)
    for (const { checkpoint, view } of store.openTrees(log.origin)) {
      const tree = stillOpens(() => openTree(crypto, log, witnesses, checkpoint))
      if (tree !== null) add(tree, view)
    }
    return candidates.sort((a, b) => a.tree.size - b.tree.size)
  }

  async #join(head: LogRecord['head'], { tree, views }: Candidate, until: AbortSignal): Promise<Outcome> {
    const { crypto, log, store, tiles } = this.#parts
    if (head === null || isSame(head, tree)) return { standing: 'agrees' }
    const known = store.sizeAt(log.origin, tree.size)
    if (known !== null && equalBytes(known.root, tree.root)) return { standing: 'agrees' }
    // Whoever shows the larger tree may serve its tiles; of a smaller one the history's own tiles tell.
    const own = views.flatMap((view) => tiles.get(view) ?? [])
    const sources = [...own, ...[...tiles.values()].filter((source) => !own.includes(source))]
    const joined = await joinTree(crypto, log.origin, head, tree, sources, until)
    switch (joined.kind) {
      case 'one-history':
        return { standing: 'agrees' }
      case 'fork':
        return { standing: 'contradicts', evidence: joined.evidence }
      case 'open':
        return { standing: 'open' }
    }
  }

  #write(
    writer: MonitorWriter,
    looked: readonly Looked[],
    outcomes: ReadonlyMap<Candidate, Outcome>,
    head: LogRecord['head'],
  ): void {
    this.#writeHead(writer, looked, outcomes, head)
    for (const [candidate, outcome] of outcomes) {
      this.#writeOutcome(writer, candidate, outcome)
      for (const cosigned of candidate.tree.cosigned) this.#rememberWitness(writer, candidate.tree, cosigned)
    }
    for (const one of looked) this.#writeView(writer, one, standingOf(one, outcomes))
  }

  #writeHead(
    writer: MonitorWriter,
    looked: readonly Looked[],
    outcomes: ReadonlyMap<Candidate, Outcome>,
    head: LogRecord['head'],
  ): void {
    const { log, now, store } = this.#parts
    const before = store.log(log.origin) // entries may have been read meanwhile
    const own = looked.find(({ point }) => point.kind === 'log')?.sight
    const shown = [...outcomes].find(([{ tree }]) => head !== null && isSame(tree, head))?.[0].tree
    const grown = head !== null && (before?.head === null || before === null || head.size > before.head.size)
    // The same tree with a later quorum time replaces the checkpoint: it was witnessed again.
    const fresher = shown !== undefined && shown.q !== null && shown.q > (before?.q ?? -1)
    const kept = grown || fresher ? (shown ?? head) : (before?.head ?? head)
    writer.putLog({
      origin: log.origin,
      url: log.url,
      head: kept === null ? null : { size: kept.size, root: kept.root, checkpoint: kept.checkpoint },
      q: grown || fresher ? (shown?.q ?? null) : (before?.q ?? null),
      headAt: grown ? now() : (before?.headAt ?? null),
      readTo: before?.readTo ?? 0,
      indexedTo: before?.indexedTo ?? 0,
      polledAt: own === undefined ? (before?.polledAt ?? null) : now(),
      answeredAt: own?.kind === 'tree' ? now() : (before?.answeredAt ?? null),
      failure: own === undefined ? (before?.failure ?? null) : own.kind === 'tree' ? null : own.detail,
    })
    if (grown && head !== null) writer.addSize(log.origin, { size: head.size, root: head.root, at: now() })
  }

  #writeOutcome(writer: MonitorWriter, { tree, views }: Candidate, outcome: Outcome): void {
    const { log, now } = this.#parts
    const { size, root, checkpoint } = tree
    if (outcome.standing === 'open')
      writer.putOpenTree(log.origin, { size, root, checkpoint, view: views[0] ?? '', at: now() })
    else writer.deleteOpenTree(log.origin, size, root)
    if (outcome.standing !== 'contradicts') return
    const proof = this.convict(writer, outcome.evidence)
    if (proof === null) return
    for (const view of views) this.#raise(writer, contradictingView(log.origin, view, size), proof.evidence)
  }

  /**
   * Keeps evidence about this log's trees and tells of it, once.
   * @returns the id of what is kept of it, which is null where enough is; null where it convicts nobody
   */
  convict(writer: MonitorWriter, evidence: Evidence): { readonly evidence: string | null } | null {
    const kept = judgeEvidence(evidence, { keys: this.#keys() }, this.#parts.now(), 'monitor')
    if (kept === null || kept.record.convicted === null) return null
    const id = keepEvidence(this.#parts.store, writer, kept)
    this.#raise(writer, proven(kept), id)
    return { evidence: id }
  }

  #keys(): VerifierKey[] {
    const { log, witnesses } = this.#parts
    return [...log.keys, ...witnesses.flatMap(({ keys }) => keys)]
  }

  #raise(writer: MonitorWriter, finding: Finding, evidence: string | null): void {
    const { crypto, log, now, sinks } = this.#parts
    writer.raise(alertOf(crypto, log.origin, finding, now(), evidence), sinks)
  }

  #rememberWitness(writer: MonitorWriter, tree: SeenTree, { name, timestamp }: SeenTree['cosigned'][number]): void {
    const { log, store } = this.#parts
    const { size, root, checkpoint } = tree
    const found = remember(log.origin, store.witness(log.origin, name), { size, root, checkpoint, timestamp })
    if (found.size !== null) writer.putCosigned(log.origin, name, found.size)
    if (found.evidence !== null) this.convict(writer, found.evidence)
  }

  #writeView(writer: MonitorWriter, { point, sight }: Looked, standing: Standing | null): void {
    const { log, now, store } = this.#parts
    const before = store.views(log.origin).find(({ name }) => name === point.name)
    const base: ViewRecord = before ?? {
      ...{ origin: log.origin, name: point.name, kind: point.kind, url: point.url, tree: null, q: null },
      ...{ cosignedAt: null, since: null, askedAt: null, standing: 'silent', failure: null },
    }
    if (sight.kind !== 'tree') {
      const failure = sight.kind === 'refused' ? `refused: ${sight.detail}` : sight.detail
      writer.putView({ ...base, askedAt: now(), failure })
      return
    }
    const { size, root, checkpoint, q, cosigned } = sight.tree
    const same = base.tree !== null && isSame(base.tree, sight.tree)
    writer.putView({
      ...base,
      ...{ url: point.url, tree: { size, root, checkpoint }, q, askedAt: now(), failure: null },
      cosignedAt: cosigned.find(({ name }) => name === point.witness?.name)?.timestamp ?? null,
      since: same ? base.since : now(),
      standing: standing ?? base.standing,
    })
  }
}

function isSame(a: { size: number; root: Uint8Array }, b: { size: number; root: Uint8Array }): boolean {
  return a.size === b.size && equalBytes(a.root, b.root)
}

/** Keys may have left the configuration since a question was kept. */
function stillOpens(open: () => SeenTree): SeenTree | null {
  try {
    return open()
  } catch (error) {
    if (error instanceof NoteError) return null
    throw error
  }
}

/** The first tree ever: the log's own, before what others show of it. */
function firstHead(looked: readonly Looked[]): SeenTree | null {
  const shown = looked.flatMap(({ point, sight }) =>
    sight.kind === 'tree' ? [{ kind: point.kind, tree: sight.tree }] : [],
  )
  return (shown.find(({ kind }) => kind === 'log') ?? shown[0])?.tree ?? null
}

function standingOf({ point, sight }: Looked, outcomes: ReadonlyMap<Candidate, Outcome>): Standing | null {
  if (sight.kind !== 'tree') return null
  return (
    [...outcomes].find(([{ views, tree }]) => views.includes(point.name) && isSame(tree, sight.tree))?.[1].standing ??
    null
  )
}
