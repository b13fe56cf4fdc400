/**
 * From a committed head to a published checkpoint, in the one order that is safe (docs/log.md rules 1 to 5):
 *
 *     read the head back → recompute it from the entries read back → sign → marker on the disk → witnesses → publish
 *
 * One head is under way at a time; what is committed meanwhile waits and goes out with the next one.
 */
import {
  appendLeaves,
  type CompactRange,
  concat,
  equalBytes,
  type Hasher,
  rangeRoot,
  type SignedCheckpoint,
} from '@samebits/core'
import type { Marker } from './marker.ts'
import type { HeadSigner } from './signer.ts'
import { type Head, HeadMovedError, type LogReader, type LogStore, type Publication } from './store.ts'
import { codeOf, type Step, type Tracing, traced } from './tracing/tracing.ts'
import type { Witnessing } from './witnessing.ts'

/** A checkpoint that is signed, marked, witnessed where that is asked, and published. */
export interface Issued {
  readonly size: number
  readonly root: Uint8Array
  readonly checkpoint: string
}

/** What is stored is not a tree that extends what this log signed. Nothing may be signed any more; a person must look. */
export class TreeMismatchError extends Error {
  override readonly name = 'TreeMismatchError'
  readonly code = 'TREE_MISMATCH'
}

export interface IssuerParts {
  readonly store: Pick<LogReader, 'head' | 'range'> & Pick<LogStore<unknown>, 'publish'>
  readonly hasher: Hasher
  readonly signer: HeadSigner
  readonly marker: Marker
  readonly witnessing: Witnessing
  /** Further places that a checkpoint is published at, before anybody is told. @throws PlaceError */
  readonly exporter: { publish(publication: Publication, step: Step | null): Promise<void> } | null
  readonly tracing: Tracing | null
  /** Unix seconds. */
  readonly now: () => number
}

export interface IssuerEvents {
  /** Signed and marked: tiles up to this size may be served. */
  signed(size: number): void
  /** @param trail of the head, where somebody follows */
  issued(issued: Issued, trail: Step | null): void
  /** Nothing more will be issued. */
  failed(error: unknown): void
}

/** Where issuing goes on. */
export interface Issuable {
  /** The largest tree that was recomputed from storage and extends the last signed one. */
  readonly range: CompactRange
  /** The time that the last signature states, Unix seconds. */
  readonly time: number
}

/** Entries that are read back at once. */
const readBack = 4096

export class HeadIssuer {
  readonly #parts: IssuerParts
  readonly #events: IssuerEvents
  readonly #epoch: number
  #last: Issuable
  #wanted = false
  /** Whether the witnesses may be asked: not known, being waited for, or yes. */
  #turn: 'unknown' | 'waiting' | 'due' = 'unknown'
  #busy = false
  #running: Promise<void> = Promise.resolve()
  /** The head whose further cosignatures are collected, and what came of them. */
  #collecting: SignedCheckpoint | null = null
  #late: { readonly head: Head; readonly checkpoint: string } | null = null
  readonly #stop = new AbortController()

  /**
   * @param epoch of the lease that this process holds
   * @param last as take-over found it
   */
  constructor(parts: IssuerParts, events: IssuerEvents, epoch: number, last: Issuable) {
    this.#parts = parts
    this.#events = events
    this.#epoch = epoch
    this.#last = last
  }

  /** Asks for a checkpoint of the committed head: of a grown one, or of the same one again, with a new time. */
  offer(): void {
    this.#wanted = true
    this.#wake()
  }

  #wake(): void {
    if (this.#busy) return
    this.#busy = true
    this.#running = this.#run()
  }

  /** Ends issuing; resolves once nothing is under way. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const late = this.#late
        this.#late = null
        if (late !== null)
          await this.#followed('cosigned later', (trail) => this.#publish(late.head, late.checkpoint, trail))
        else if (!this.#wanted) return
        else if (this.#turn === 'due') await this.#followed('head', (trail) => this.#issue(trail))
        else return this.#awaitTurn()
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#busy = false
    }
  }

  #awaitTurn(): void {
    if (this.#turn === 'waiting') return
    this.#turn = 'waiting'
    const due = () => {
      this.#turn = 'due'
      this.#wake()
    }
    this.#parts.witnessing.ready(this.#stop.signal).then(due, (error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    this.#stop.abort()
    this.#events.failed(error)
  }

  async #followed(name: string, work: (trail: Step | null) => Promise<Head>): Promise<void> {
    const trail = this.#parts.tracing?.head(name) ?? null
    try {
      const { size } = await work(trail)
      trail?.end({ 'samebits.tree.size': size })
    } catch (error) {
      trail?.end({}, codeOf(error))
      throw error
    }
  }

  async #issue(trail: Step | null): Promise<Head> {
    const { store, signer, marker, witnessing, now } = this.#parts
    this.#wanted = false
    this.#turn = 'unknown'
    this.#collecting = null
    const { head, range } = await traced(trail, 'read back', async () => {
      const head = await store.head()
      if (head === null || head.epoch !== this.#epoch) throw new HeadMovedError(head)
      return { head, range: await extendFromStorage(this.#parts, this.#last.range, head) }
    })
    // A clock that was set back must not make a larger tree look older than a smaller one: that would convict us.
    const time = Math.max(now(), this.#last.time)
    const signed = await traced(trail, 'sign', async () => signer.sign(head, time))
    await traced(trail, 'mark', () => marker.write({ checkpoint: signed.text, epoch: head.epoch }))
    this.#last = { range, time }
    this.#events.signed(head.size)
    const cosign = (step: Step | null) => witnessing.cosign(signed, this.#stop.signal, step)
    await this.#publish(head, await traced(trail, 'witnesses', cosign), trail)
    this.#collecting = signed
    void this.#collect(head, signed)
    return head
  }

  async #publish(head: Head, checkpoint: string, trail: Step | null): Promise<Head> {
    const { store, exporter } = this.#parts
    const publication = { size: head.size, checkpoint }
    if (exporter !== null) await traced(trail, 'export', (step) => exporter.publish(publication, step))
    await traced(trail, 'publish', async () => {
      if (!(await store.publish(publication, this.#epoch))) throw new HeadMovedError(head)
    })
    this.#events.issued({ size: head.size, root: head.root, checkpoint }, trail)
    return head
  }

  /** Cosignatures that come after the quorum: the same tree is published again with them, until the next one is under way. */
  async #collect(head: Head, signed: SignedCheckpoint): Promise<void> {
    try {
      for (;;) {
        const checkpoint = await this.#parts.witnessing.more(signed, this.#stop.signal)
        if (checkpoint === null || this.#collecting !== signed || this.#stop.signal.aborted) return
        this.#late = { head, checkpoint }
        this.#wake()
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error)
    }
  }
}

/**
 * The range of `head`, grown from an earlier range by the entries as they are stored.
 * @throws TreeMismatchError where entries, stored leaf hashes and root do not belong together
 */
export async function extendFromStorage(
  { store, hasher }: { readonly store: Pick<LogReader, 'range'>; readonly hasher: Hasher },
  from: CompactRange,
  head: Head,
): Promise<CompactRange> {
  if (head.size < from.size) throw new TreeMismatchError(`${head.size} entries are stored, ${from.size} were signed`)
  let range = from
  while (range.size < head.size) {
    const to = Math.min(head.size, range.size + readBack)
    const stored = await store.range(range.size, to)
    if (stored === null) throw new TreeMismatchError(`entries ${range.size} to ${to - 1} are not all stored`)
    const hashes = hasher.leafHashes(stored.entries)
    if (!equalBytes(concat(...hashes), stored.leafHashes))
      throw new TreeMismatchError(`entries ${range.size} to ${to - 1} do not hash to their stored leaf hashes`)
    range = appendLeaves(hasher, range, hashes)
  }
  if (!equalBytes(rangeRoot(hasher, range), head.root))
    throw new TreeMismatchError(`the entries stored do not hash to the root that was committed at size ${head.size}`)
  return range
}
