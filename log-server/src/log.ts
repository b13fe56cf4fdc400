/**
 * One log: reading always, writing while this process leads.
 *
 * To lead is to have checked the storage against everything that was signed (`takeover.ts`), to hold the lease, and to run
 * one sequencer and one issuer. Whatever goes wrong ends the lead; where trying again can help, and is safe, it is tried
 * again after a while, through the same checks as at start. A failed sync or a damaged file is never tried again: only a
 * new process knows anew what is on the disk.
 */
import type { Crypto } from '@samebits/core'
import type { Admission, Refusal } from './admission.ts'
import type { Election } from './election.ts'
import type { Ending } from './frozen/ending.ts'
import type { Frozen } from './frozen/frozen.ts'
import { frozenAdmission } from './frozen/frozen-admission.ts'
import { type GateState, NotWritingError } from './gate.ts'
import { HeadIssuer, type Issued, type IssuerParts } from './issuer.ts'
import type { LogView } from './log-view.ts'
import type { Marker } from './marker.ts'
import { consistencyProof, inclusionProof } from './proofs.ts'
import { type Sequenced, Sequencer, type SequencerLimits } from './sequencer.ts'
import { type HeadSigner, KeyUnavailableError, openOwn } from './signer.ts'
import { CommitUnknownError, type Head, HeadMovedError, type LogReader, type LogStore, StorageError } from './store.ts'
import { type Place, PlaceError, takeOver } from './takeover.ts'
import type { EntryTrail, Step, Tracing } from './tracing/tracing.ts'
import { type Witnessing, WitnessQuorumError } from './witnessing.ts'

/** Clock and timers of the process. */
export interface Timing {
  /** Unix seconds. */
  readonly now: () => number
  /** Runs `work` once the input that is waiting was read. */
  readonly defer: (work: () => void) => void
  /** Milliseconds that only go up. */
  readonly clock: () => number
  /** Runs `work` after a while; returns how to cancel it. */
  readonly after: (milliseconds: number, work: () => void) => () => void
}

interface LogOptions {
  readonly limits: SequencerLimits
  /** An unchanged tree is signed and published again this often (docs/log.md rule 8). */
  readonly resignSeconds: number
  /** How long after a failure that may pass the lead is tried again. */
  readonly retrySeconds: number
}

/** What happens, for metrics and the operator's log. */
export interface LogEvents {
  committed(head: Head, entries: number, milliseconds: number): void
  issued(issued: Issued): void
  gate(state: GateState): void
}

export interface LogParts<Item, Tables> {
  readonly store: LogStore<Tables>
  readonly crypto: Crypto
  readonly signer: HeadSigner
  readonly marker: Marker
  readonly witnessing: Witnessing
  /** Places beside the storage that may hold a checkpoint of this log. */
  readonly places: readonly Place[]
  readonly election: Election
  readonly ending: Pick<Ending, 'known' | 'look' | 'enforce'>
  readonly exporter: IssuerParts['exporter']
  readonly tracing: Tracing | null
  /** Opens admission with the state that the storage has now; called at every take-over. */
  readonly openAdmission: () => Promise<Admission<Item, Tables>>
  readonly timing: Timing
  readonly options: LogOptions
  readonly events: LogEvents
}

interface Lead<Item, Tables> {
  readonly admission: Admission<Item, Tables>
  readonly sequencer: Sequencer<Item, Tables>
  readonly issuer: HeadIssuer
}

const nothingPublished: GateState = { state: 'starting', code: 'starting', detail: 'the log is starting' }

export class Log<Item, Tables> implements LogView {
  readonly #parts: LogParts<Item, Tables>
  #gate: GateState = nothingPublished
  #lead: Lead<Item, Tables> | null = null
  #published: Issued
  #signedSize: number
  #cancelTimer: () => void = () => undefined
  #refreshing: Promise<void> | null = null
  /** Of witnesses or keys, one after the other, since a checkpoint was last published. */
  #failures = 0

  private constructor(parts: LogParts<Item, Tables>, published: Issued) {
    this.#parts = parts
    this.#published = published
    this.#signedSize = published.size
  }

  /** Opens an initialised log for reading. */
  static async open<Item, Tables>(parts: LogParts<Item, Tables>): Promise<Log<Item, Tables>> {
    const { text, checkpoint } = (await ownPublished(parts)) ?? parts.signer.open(parts.marker.last.checkpoint)
    return new Log(parts, { size: checkpoint.size, root: checkpoint.root, checkpoint: text })
  }

  get origin(): string {
    return this.#parts.signer.origin
  }

  get gate(): GateState {
    return this.#gate
  }

  /** Tiles and bundles are served up to here. */
  get signedSize(): number {
    return this.#signedSize
  }

  /** Whether it was ended, as this process last saw. */
  get frozen(): Frozen | null {
    return this.#parts.ending.known
  }

  get pendingEntries(): number {
    return this.#lead?.sequencer.pendingEntries ?? 0
  }

  published(): Issued {
    return this.#published
  }

  /** Takes the lead, follows whoever has it, or says in `gate` why neither. */
  async lead(): Promise<void> {
    try {
      const outlook = await this.#parts.election.look()
      if (outlook.kind === 'follow') await this.#follow(outlook.url)
      else await this.#takeLead(outlook.epoch)
    } catch (error) {
      this.#endLead(error)
    }
  }

  async #takeLead(epoch: number | null): Promise<void> {
    const { store, crypto, signer, marker, places, witnessing, election, ending } = this.#parts
    await signer.ready()
    const copies = () => witnessing.copies()
    const taken = await takeOver({ store, hasher: crypto, signer, marked: marker.last, places, copies, epoch })
    const start = { ...taken, head: await ending.enforce(taken.head) }
    const opened = await this.#parts.openAdmission()
    const admission = ending.known === null ? opened : frozenAdmission(opened, ending.known)
    let lost: (error: unknown) => void = () => undefined
    const earliest = await election.begin(start.head.epoch, (error) => lost(error))
    if (this.#gate.state === 'stopping') return
    const last = { range: start.last.range, time: Math.max(start.last.time, earliest) }
    const lead = this.#startLead(admission, { ...start, last })
    lost = (error) => this.#failed(lead, error)
    this.#lead = lead
    this.#signedSize = Math.max(this.#signedSize, start.signedSize)
    this.#setGate(ending.known === null ? { state: 'writing' } : { state: 'frozen', frozen: ending.known })
    lead.issuer.offer()
  }

  /** Serves what the leader publishes, until it is this process's turn. */
  async #follow(url: string): Promise<void> {
    await this.refresh()
    await this.#parts.ending.look()
    if (this.#gate.state === 'stopping') return
    if (this.#gate.state !== 'following' || this.#gate.url !== url) this.#setGate({ state: 'following', url })
    this.#cancelTimer = this.#parts.timing.after(this.#parts.election.lookEveryMs, () => void this.lead())
  }

  /** Reads what is published now. Several callers share one question. */
  refresh(): Promise<void> {
    this.#refreshing ??= ownPublished(this.#parts)
      .then((opened) => {
        if (opened === null || opened.checkpoint.size < this.#published.size || this.#lead !== null) return
        this.#published = { size: opened.checkpoint.size, root: opened.checkpoint.root, checkpoint: opened.text }
        this.#signed(opened.checkpoint.size)
      })
      .finally(() => {
        this.#refreshing = null
      })
    return this.#refreshing
  }

  /** Whether tiles of a tree of `size` may be served. A follower looks anew: the size may have been published elsewhere. */
  async reaches(size: number): Promise<boolean> {
    if (size > this.#signedSize && this.#gate.state === 'following') await this.refresh()
    return size <= this.#signedSize
  }

  #failed(lead: Lead<Item, Tables>, error: unknown): void {
    if (this.#lead === lead) this.#endLead(error)
    else lead.sequencer.close(this.#gate)
  }

  #startLead(admission: Admission<Item, Tables>, start: Awaited<ReturnType<typeof takeOver>>): Lead<Item, Tables> {
    const { store, crypto, signer, marker, witnessing, exporter, tracing, election, timing, options, events } =
      this.#parts
    const failed = (error: unknown) => this.#failed(lead, error)
    const now = () => Math.min(timing.now(), election.latestTime())
    const issuer = new HeadIssuer(
      { store, hasher: crypto, signer, marker, witnessing, exporter, tracing, now },
      { signed: (size) => this.#signed(size), issued: (issued, trail) => this.#issued(lead, issued, trail), failed },
      start.head.epoch,
      start.last,
    )
    const committed = (head: Head, entries: number, milliseconds: number) => {
      events.committed(head, entries, milliseconds)
      issuer.offer()
    }
    const sequencer = new Sequencer(
      { store, admission, hasher: crypto, limits: options.limits, ...timing },
      { committed, failed },
      { head: start.head, edge: start.edge, published: this.#published.size },
    )
    const lead: Lead<Item, Tables> = { admission, sequencer, issuer }
    return lead
  }

  #signed(size: number): void {
    this.#signedSize = Math.max(this.#signedSize, size)
  }

  #issued(lead: Lead<Item, Tables>, issued: Issued, trail: Step | null): void {
    this.#published = issued
    this.#failures = 0
    this.#parts.events.issued(issued)
    lead.sequencer.published(issued.size, trail)
    this.#resignLater(lead)
  }

  #resignLater(lead: Lead<Item, Tables>): void {
    if (this.#lead !== lead) return
    this.#cancelTimer()
    const milliseconds = this.#parts.options.resignSeconds * 1000
    this.#cancelTimer = this.#parts.timing.after(milliseconds, () => {
      if (this.#lead === lead) lead.issuer.offer()
    })
  }

  #setGate(gate: GateState): void {
    this.#gate = gate
    this.#parts.events.gate(gate)
  }

  /** Witnesses that do not cosign, and tokens that are not there, are asked ever less often. */
  #retrySeconds(error: unknown): number {
    const { retrySeconds } = this.#parts.options
    if (!(error instanceof WitnessQuorumError || error instanceof KeyUnavailableError)) return retrySeconds
    return Math.min(retrySeconds * 2 ** Math.min(this.#failures++, 6), Math.max(retrySeconds, 60))
  }

  #endLead(error: unknown): void {
    if (this.#gate.state === 'stopping') return
    const lead = this.#lead
    this.#lead = null
    this.#cancelTimer()
    const gate = readOnly(error, this.#retrySeconds(error))
    this.#setGate(gate)
    lead?.sequencer.close(gate)
    const stepped = this.#parts.election.end()
    const again = async () => {
      await stepped
      await lead?.issuer.stop()
      await this.lead()
    }
    if (gate.retrySeconds !== null)
      this.#cancelTimer = this.#parts.timing.after(gate.retrySeconds * 1000, () => void again())
  }

  /**
   * Resolves once the entry is published, or refused.
   * @param trail of the request, where somebody follows it
   * @throws NotWritingError
   */
  async add(leaf: Uint8Array, trail: EntryTrail | null = null): Promise<Sequenced | Refusal> {
    const lead = this.#lead
    if (lead === null) throw new NotWritingError(this.#gate)
    const prepared = await lead.admission.prepare(leaf)
    trail?.mark('admission')
    return prepared.kind === 'refuse' ? prepared : lead.sequencer.submit(prepared, trail)
  }

  async entry(index: number): Promise<Uint8Array> {
    const entry = index < this.#published.size ? await this.#parts.store.entry(index) : null
    if (entry === null) throw new RangeError(`entry ${index} is not published`)
    return entry
  }

  proveInclusion(index: number, size: number): Promise<Uint8Array[]> {
    this.#demandPublished(size)
    return inclusionProof({ reader: this.#parts.store, hasher: this.#parts.crypto }, index, size)
  }

  proveConsistency(from: number, to: number): Promise<Uint8Array[]> {
    this.#demandPublished(to)
    return consistencyProof({ reader: this.#parts.store, hasher: this.#parts.crypto }, from, to)
  }

  #demandPublished(size: number): void {
    if (size > this.#published.size) throw new RangeError(`size ${size} is not published`)
  }

  sizes(since: number, limit: number): Promise<readonly number[]> {
    return this.#parts.store.sizes(since, limit)
  }

  /** Ends writing: what was taken is finished and answered, new entries are refused. Reading goes on until the store is closed. */
  async stop(): Promise<void> {
    const lead = this.#lead
    this.#lead = null
    this.#cancelTimer()
    this.#setGate({ state: 'stopping' })
    if (lead !== null) {
      await lead.sequencer.drain()
      await lead.issuer.stop()
      lead.sequencer.close({ state: 'stopping' })
    }
    await this.#parts.election.end()
  }
}

/** The published checkpoint, if it is ours and whole: nothing else is served as one. */
async function ownPublished({ store, signer }: { store: Pick<LogReader, 'published'>; signer: HeadSigner }) {
  const published = await store.published()
  return published === null ? null : openOwn(signer, published.checkpoint)
}

/** Why writing stopped, and whether it may be tried again. */
function readOnly(error: unknown, retrySeconds: number): GateState & { state: 'read-only' } {
  const cause = error instanceof CommitUnknownError && error.cause instanceof StorageError ? error.cause : error
  const detail = error instanceof Error ? error.message : String(error)
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'INTERNAL'
  return { state: 'read-only', code, detail, retrySeconds: mayPass(cause) ? retrySeconds : null }
}

const passing: ReadonlySet<StorageError['code']> = new Set(['STORAGE_FULL', 'STORAGE_BUSY', 'STORAGE_UNREACHABLE'])

function mayPass(error: unknown): boolean {
  if (error instanceof StorageError) return passing.has(error.code)
  if (error instanceof CommitUnknownError || error instanceof HeadMovedError) return true
  return error instanceof PlaceError || error instanceof WitnessQuorumError || error instanceof KeyUnavailableError
}
