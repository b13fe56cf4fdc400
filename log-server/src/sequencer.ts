/**
 * Gives entries their places: group commit. While one batch is being committed the next one collects, so a single
 * submitter waits for nothing and many share one sync of the disk. What was committed goes to the {@link HeadIssuer}; a
 * submitter is answered once its entry is durable, signed and published (docs/log.md rule 5).
 */
import { concat, type Hasher } from '@samebits/core'
import type { Admission, AdmissionBatch, Prepared, Refusal, Verdict } from './admission.ts'
import { type Edge, growEdge } from './edge.ts'
import { type GateState, NotWritingError } from './gate.ts'
import {
  CommitUnknownError,
  type Head,
  HeadMovedError,
  type LogStore,
  type LogTransaction,
  StorageError,
} from './store.ts'
import type { EntryTrail, Step } from './tracing/tracing.ts'

export interface SequencerLimits {
  /** Most entries that wait, in the queue or for publication. Beyond them submitters are sent away at once. */
  readonly maxPendingEntries: number
  readonly maxPendingBytes: number
  /** Most entries of one commit. */
  readonly maxBatchEntries: number
  /** Once an entry has waited so long for its answer, submitters are sent away until it has it. */
  readonly maxWaitMs: number
}

/** The submitter's entry is published under `index`, now or long since. */
export interface Sequenced {
  readonly kind: 'sequenced'
  readonly index: number
  /** The entry was there before. */
  readonly duplicate: boolean
}

export interface SequencerParts<Item, Tables> {
  readonly store: Pick<LogStore<Tables>, 'commit'>
  readonly admission: Admission<Item, Tables>
  readonly hasher: Hasher
  readonly limits: SequencerLimits
  /** Unix seconds. */
  readonly now: () => number
  /** Runs a function after the input that is waiting was read: what arrived together is committed together. */
  readonly defer: (work: () => void) => void
  /** Milliseconds that only go up. */
  readonly clock: () => number
}

export interface SequencerEvents {
  committed(head: Head, entries: number, milliseconds: number): void
  /** Nothing more will be committed. */
  failed(error: unknown): void
}

interface Pending<Item> {
  /** When it came, by the clock. */
  readonly since: number
  readonly prepared: Prepared<Item>
  readonly trail: EntryTrail | null
  readonly settle: (outcome: Sequenced | Refusal) => void
  readonly fail: (error: unknown) => void
}

/** Waits until everything below `size` is published. */
interface Waiting {
  readonly since: number
  readonly size: number
  readonly bytes: number
  readonly trail: EntryTrail | null
  readonly resolve: () => void
  readonly fail: (error: unknown) => void
}

export class Sequencer<Item, Tables> {
  readonly #parts: SequencerParts<Item, Tables>
  readonly #events: SequencerEvents
  #head: Head
  #edge: Edge
  #published: number
  #queue: Pending<Item>[] = []
  #waiting: Waiting[] = []
  #pendingEntries = 0
  #pendingBytes = 0
  #running = false
  #closed: GateState | null = null
  #whenEmpty: () => void = () => undefined

  constructor(
    parts: SequencerParts<Item, Tables>,
    events: SequencerEvents,
    start: { head: Head; edge: Edge; published: number },
  ) {
    this.#parts = parts
    this.#events = events
    this.#head = start.head
    this.#edge = start.edge
    this.#published = start.published
  }

  /** Entries that wait for their answer. */
  get pendingEntries(): number {
    return this.#pendingEntries
  }

  /** Whether one more leaf of this length would be taken. */
  hasRoom(bytes: number): boolean {
    const { maxPendingEntries, maxPendingBytes, maxWaitMs } = this.#parts.limits
    if (this.#pendingEntries >= maxPendingEntries || this.#pendingBytes + bytes > maxPendingBytes) return false
    const oldest = this.#waiting[0] ?? this.#queue[0]
    return oldest === undefined || this.#parts.clock() - oldest.since <= maxWaitMs
  }

  /**
   * Resolves once the entry is published, or refused.
   * @throws NotWritingError when writing stops first: the entry may or may not have become one
   */
  submit(prepared: Prepared<Item>, trail: EntryTrail | null = null): Promise<Sequenced | Refusal> {
    if (this.#closed !== null) return Promise.reject(new NotWritingError(this.#closed))
    if (!this.hasRoom(prepared.leaf.length)) return Promise.resolve(busy)
    this.#pendingEntries++
    this.#pendingBytes += prepared.leaf.length
    return new Promise((settle, fail) => {
      this.#queue.push({ since: this.#parts.clock(), prepared, trail, settle, fail })
      this.#schedule()
    })
  }

  /** Everything below `size` is published: its submitters are answered. */
  published(size: number, head: Step | null = null): void {
    this.#published = Math.max(this.#published, size)
    const waiting = this.#waiting
    this.#waiting = []
    for (const waiter of waiting) {
      if (waiter.size > this.#published) this.#waiting.push(waiter)
      else {
        if (head !== null) waiter.trail?.issued(head)
        this.#release(waiter.bytes, waiter.resolve)
      }
    }
  }

  /** Resolves once nothing waits any more, answered or failed. Nothing may be submitted afterwards. */
  drain(): Promise<void> {
    if (this.#pendingEntries === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenEmpty = resolve
    })
  }

  /** Answers everybody that waits with {@link NotWritingError}, and whoever comes later. */
  close(gate: GateState): void {
    if (this.#closed !== null) return
    this.#closed = gate
    const error = new NotWritingError(gate)
    for (const { prepared, fail } of this.#queue.splice(0)) this.#release(prepared.leaf.length, () => fail(error))
    for (const { bytes, fail } of this.#waiting.splice(0)) this.#release(bytes, () => fail(error))
  }

  #release(bytes: number, answer: () => void): void {
    this.#pendingEntries--
    this.#pendingBytes -= bytes
    answer()
    if (this.#pendingEntries === 0) this.#whenEmpty()
  }

  #schedule(): void {
    if (this.#running) return
    this.#running = true
    this.#parts.defer(() => void this.#run())
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0 && this.#closed === null) {
        await this.#sequence(this.#queue.splice(0, this.#parts.limits.maxBatchEntries))
        await new Promise<void>((next) => this.#parts.defer(next))
      }
    } finally {
      this.#running = false
    }
  }

  async #sequence(batch: readonly Pending<Item>[]): Promise<void> {
    for (const { trail } of batch) trail?.mark('queue')
    try {
      const verdicts = await this.#commit(batch.map(({ prepared }) => prepared))
      for (const { trail } of batch) trail?.mark('commit', { 'samebits.batch.entries': batch.length })
      batch.forEach((pending, at) => {
        const verdict = verdicts[at]
        if (verdict !== undefined) this.#answer(pending, verdict)
      })
    } catch (error) {
      if (!isStorageFault(error)) return this.#afterFault(batch, error)
      this.#events.failed(error)
      const answer = this.#closed === null ? error : new NotWritingError(this.#closed)
      for (const { prepared, fail } of batch) this.#release(prepared.leaf.length, () => fail(answer))
    }
  }

  /** A fault of admission, not of storage: everything was rolled back. Only the entry that causes it pays for it. */
  async #afterFault(batch: readonly Pending<Item>[], error: unknown): Promise<void> {
    const [only] = batch
    if (batch.length > 1) for (const pending of batch) await this.#sequence([pending])
    else if (only !== undefined) this.#release(only.prepared.leaf.length, () => only.fail(error))
  }

  async #commit(batch: readonly Prepared<Item>[]): Promise<readonly Decided[]> {
    const { store, now, hasher, clock } = this.#parts
    const started = clock()
    const leafHashes = hasher.leafHashes(batch.map(({ leaf }) => leaf))
    const { head, result } = await store.commit(this.#head, (tx) => this.#decide(tx, batch, leafHashes, now()))
    const entries = head.size - this.#head.size
    this.#head = head
    this.#edge = result.edge
    result.decisions.committed()
    if (entries > 0) this.#events.committed(head, entries, clock() - started)
    return result.verdicts
  }

  async #decide(
    tx: LogTransaction<Tables>,
    batch: readonly Prepared<Item>[],
    leafHashes: readonly Uint8Array[],
    now: number,
  ): Promise<{ verdicts: Decided[]; decisions: AdmissionBatch<Item>; edge: Edge }> {
    const decisions = await this.#parts.admission.begin(
      tx.tables,
      batch.map(({ item }) => item),
    )
    const verdicts: Decided[] = []
    const admitted: { leaf: Uint8Array; leafHash: Uint8Array }[] = []
    for (const [at, { item, leaf }] of batch.entries()) {
      const leafHash = leafHashes[at] as Uint8Array
      const index = this.#head.size + admitted.length
      const verdict = await decisions.decide(item, { index, leaf, leafHash, now })
      if (verdict.kind === 'admit') admitted.push({ leaf, leafHash })
      verdicts.push(verdict.kind === 'admit' ? { kind: 'admit', index } : verdict)
    }
    const edge = await this.#append(tx, admitted)
    await decisions.flush()
    return { verdicts, decisions, edge }
  }

  async #append(
    tx: LogTransaction<Tables>,
    admitted: readonly { leaf: Uint8Array; leafHash: Uint8Array }[],
  ): Promise<Edge> {
    if (admitted.length === 0) return this.#edge
    const leafHashes = admitted.map(({ leafHash }) => leafHash)
    const { edge, root, tiles } = growEdge(this.#parts.hasher, this.#edge, leafHashes)
    await tx.append({ entries: admitted.map(({ leaf }) => leaf), leafHashes: concat(...leafHashes), tiles, root })
    return edge
  }

  #answer({ since, prepared, trail, settle, fail }: Pending<Item>, verdict: Decided): void {
    const bytes = prepared.leaf.length
    if (verdict.kind === 'refuse') {
      this.#release(bytes, () => settle(verdict))
      return
    }
    const { index } = verdict
    const resolve = () => settle({ kind: 'sequenced', index, duplicate: verdict.kind === 'duplicate' })
    if (index < this.#published) this.#release(bytes, resolve)
    else if (this.#closed !== null)
      this.#release(bytes, () => fail(new NotWritingError(this.#closed ?? { state: 'stopping' })))
    else this.#waiting.push({ since, size: index + 1, bytes, trail, resolve, fail })
  }
}

function isStorageFault(error: unknown): boolean {
  return error instanceof StorageError || error instanceof HeadMovedError || error instanceof CommitUnknownError
}

/** A verdict with the place that was given. */
type Decided = Exclude<Verdict, { kind: 'admit' }> | { readonly kind: 'admit'; readonly index: number }

const busy: Refusal = {
  kind: 'refuse',
  status: 503,
  code: 'busy',
  detail: 'more entries wait than this log takes at once',
  retryAfterSeconds: 1,
}
