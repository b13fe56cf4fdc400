/**
 * Where a monitor keeps what it has seen: one role, one contract test (`monitor-store-contract.ts`). The follower, the rules and
 * the outbox write it, in transactions; a dashboard, metrics and gossip read it at any time.
 *
 * Texts in it (origins, products, versions, reasons) come from logs and strangers: neutralise them before they are shown.
 * Times are Unix seconds of the monitor's clock, unless it says that they are stated by witnesses.
 */
import type { Evidence, LoggedEntry, Statement } from '@samebits/core'

/** Questions of each sort kept of a log: each costs a few requests a poll, and only what its key signed makes one. */
export const maxQuestions = 64

/** A tree head that the log has signed, with the checkpoint that says so, verbatim. */
export interface SignedTree {
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
  readonly checkpoint: string
}

/** One log that is followed. `head.size` and `readTo` are two things and never one variable. */
export interface LogRecord {
  readonly origin: string
  /** Where its tiles are; null: only what others show of it is seen. */
  readonly url: string | null
  /** The largest tree of the one history: signed by the log, and consistent with every tree before it. Null at first. */
  readonly head: SignedTree | null
  /** Quorum time that the witnesses of the policy state under `head` (docs/decision.md, *Terms*); null without policy; 0: too few. */
  readonly q: number | null
  /** When `head` was first seen. */
  readonly headAt: number | null
  /** Entries below it were hashed, compared with their tiles, and indexed. Never above `head.size`. */
  readonly readTo: number
  /**
   * Entries below it were taken into the index of products once. Above `readTo` while they are read again, because a trust file came to
   * a product whose entries nobody had judged; below it where the log was followed without an index.
   */
  readonly indexedTo: number
  /** When the log was last asked, and when an answer of it was last verified. */
  readonly polledAt: number | null
  readonly answeredAt: number | null
  /** Why the last poll did not come to its end; null when it did. */
  readonly failure: string | null
}

/** Who shows checkpoints: the log itself, a mirror, a witness's monitoring prefix, another monitor, or clients that hand them in. */
export type ViewKind = 'log' | 'mirror' | 'witness' | 'monitor' | 'client'

/**
 * What a vantage point shows of a log. `agrees`: its tree lies on the one history. `open`: nobody has shown whether it does.
 * `contradicts`: it does not, and there is evidence. `silent`: it has shown nothing yet.
 */
export type Standing = 'silent' | 'agrees' | 'open' | 'contradicts'

export interface ViewRecord {
  readonly origin: string
  /** Unique within the log: `log`, `client`, `mirror <url>`, `witness <name>`, `monitor <url>`. */
  readonly name: string
  readonly kind: ViewKind
  readonly url: string | null
  /** The last checkpoint that it showed and that verified. */
  readonly tree: SignedTree | null
  /** Quorum time of that checkpoint; as in {@link LogRecord}. */
  readonly q: number | null
  /** Witnesses: the time that it states itself. */
  readonly cosignedAt: number | null
  /** When it first showed this tree. */
  readonly since: number | null
  readonly askedAt: number | null
  readonly standing: Standing
  /** Why it gave no checkpoint when it was last asked. */
  readonly failure: string | null
}

/** A tree that became head, for charts. */
export interface SizePoint {
  readonly size: number
  readonly root: Uint8Array
  readonly at: number
}

/** A signed tree that nobody has joined to the history yet: a question that is asked again at each poll. */
export interface OpenTree extends SignedTree {
  readonly view: string
  readonly at: number
}

/** An entry under a tree that the log signed, which could not be held against the history's own at its index yet. */
export interface HandedEntry {
  readonly tree: SignedTree
  /** Proven to be under that tree. */
  readonly entry: LoggedEntry
  readonly at: number
}

/** A tree with a witness's signature. */
export interface CosignedTree extends SignedTree {
  /** As the witness states it; 0: not stated. */
  readonly timestamp: number
}

/** Two signatures of a witness under trees of one size. */
export interface CosignedSize {
  readonly earliest: CosignedTree
  readonly latest: CosignedTree
}

/** What a witness signed of one log, as far as it can contradict itself. */
export interface WitnessMemory {
  at(size: number): CosignedSize | null
  /** The earliest stated time under a larger tree. */
  earliestAbove(size: number): CosignedTree | null
  /** The latest under a smaller one. */
  latestBelow(size: number): CosignedTree | null
}

/** A product of a log. `watched`: a trust file of it was configured, so that signatures and thresholds are judged. */
export interface ProductRecord {
  readonly origin: string
  readonly product: string
  readonly watched: boolean
  /** The trust file in force, led to by logged trust statements; null where the product is not watched. */
  readonly trust: { readonly version: number; readonly sha256: string; readonly body: Uint8Array } | null
  /** The trust file before that one, where a logged statement led on from it: its authority signed the step. */
  readonly before: Uint8Array | null
  /** Index of a trust statement in a format that this version does not know: nothing past it counts. */
  readonly endsAt: number | null
  readonly entries: number
  readonly lastIndex: number
}

/** A statement that was logged at least once. */
export interface StatementRecord {
  readonly origin: string
  readonly id: string
  readonly product: string
  readonly kind: Statement['kind']
  /** Releases only. */
  readonly channel: string | null
  /** Releases: the sequence. Trust: the version of the next trust file. */
  readonly sequence: number | null
  readonly version: string | null
  readonly previous: string | null
  readonly firstIndex: number
  /** Index of the entry that met it, under the trust in force; null while it is not met. Rebuilds are never met. */
  readonly metAt: number | null
  /** When this monitor saw that. */
  readonly metSeenAt: number | null
}

/** One entry of a statement. */
export interface EntryRecord {
  readonly index: number
  readonly id: string
  /** SHA-256 of the signing key's SPKI, or empty for a certificate. */
  readonly signer: string
  /** Whether the signature verified under a key that is listed; null: the key was never listed. */
  readonly valid: boolean | null
}

/** A detached body that an entry names, until it was fetched once and its digest agreed. */
export interface WantedBlob {
  readonly origin: string
  readonly sha256: string
  readonly product: string
  readonly index: number
  /** When its entry was read. */
  readonly since: number
  readonly attempts: number
  readonly nextAt: number
}

export type Severity = 'critical' | 'warning' | 'notice'

/** Something that a person should know. The same thing has the same id, whenever and however often it is seen. */
export interface Alert {
  /** 64 hex digits. */
  readonly id: string
  /** Name of the rule in `rules/rules.ts`. */
  readonly rule: string
  readonly severity: Severity
  readonly origin: string
  readonly product: string | null
  /** One sentence: what was seen. */
  readonly title: string
  /** More of it, for people who have to act; may be empty. */
  readonly detail: string
  /** What to do. */
  readonly remedy: string
  /** Id of the evidence that proves it; null where nobody is convicted. */
  readonly evidence: string | null
  readonly at: number
}

export interface AlertRecord extends Alert {
  /** Counts up in the order in which alerts were raised; from 1. */
  readonly number: number
  /** When a condition that can pass (a stale log, say) was seen to have passed; null while it lasts, and for what happened once. */
  readonly endedAt: number | null
}

export interface EvidenceRecord {
  /** SHA-256 of the file's bytes. */
  readonly id: string
  readonly kind: Evidence['kind']
  readonly origin: string
  /** Name of the log, witness or product that it convicts; null for a question. */
  readonly convicted: string | null
  /** What it proves, in plain words. */
  readonly findings: readonly string[]
  readonly at: number
  readonly from: 'monitor' | 'gossip'
}

/** Evidence about statements that is still to be made: it needs proofs from the log's tiles. */
export interface PendingCase {
  readonly origin: string
  readonly product: string
  readonly kind: 'equivocation' | 'trust-fork' | 'mismatch'
  /** Indices of the entries of both sides. */
  readonly a: readonly number[]
  readonly b: readonly number[]
  /** The alert that it belongs to. */
  readonly alert: string
  readonly attempts: number
}

/** What waits is tried until it is delivered. */
export type DeliveryState = 'waiting' | 'delivered'

/** Deliveries of a sink; `failing`: those of the waiting ones that failed at least once. */
export interface DeliveryCount {
  readonly sink: string
  readonly state: DeliveryState | 'failing'
  readonly count: number
}

/** One alert on its way to one sink. */
export interface Delivery {
  readonly alert: string
  readonly sink: string
  readonly state: DeliveryState
  readonly attempts: number
  /** When it is tried next. */
  readonly nextAt: number
  readonly failure: string | null
}

export interface AlertFilter {
  readonly origin?: string
  readonly product?: string
  /** Only numbers above this one, oldest first; otherwise newest first. */
  readonly after?: number
  /** Only what lasts. */
  readonly open?: boolean
  readonly limit: number
}

/** What can be read at any time, also while a transaction is written. */
export interface MonitorReader {
  logs(): readonly LogRecord[]
  log(origin: string): LogRecord | null
  /** The newest `limit` heads, oldest first. */
  sizes(origin: string, limit: number): readonly SizePoint[]
  /** The tree that was head when the log had this size; null where none was. */
  sizeAt(origin: string, size: number): SizePoint | null
  /** The first head that was larger than this. */
  sizeAfter(origin: string, size: number): SizePoint | null
  views(origin: string): readonly ViewRecord[]
  /** Oldest first. */
  openTrees(origin: string): readonly OpenTree[]
  handedEntries(origin: string): readonly HandedEntry[]
  witness(origin: string, name: string): WitnessMemory
  products(origin: string): readonly ProductRecord[]
  product(origin: string, product: string): ProductRecord | null
  statement(origin: string, id: string): StatementRecord | null
  /** Statements of a product, newest first; `kind` null: of every kind. */
  statements(origin: string, product: string, kind: Statement['kind'] | null, limit: number): readonly StatementRecord[]
  /** The oldest releases of one channel and sequence, met or not. */
  releasesAt(
    origin: string,
    product: string,
    channel: string,
    sequence: number,
    limit: number,
  ): readonly StatementRecord[]
  /** Those that are met. */
  metReleasesAt(origin: string, product: string, channel: string, sequence: number): readonly StatementRecord[]
  /** Met releases of a channel, the highest sequence first. */
  metReleases(origin: string, product: string, channel: string, limit: number): readonly StatementRecord[]
  /** Statements (revocations, waivers, rebuilds) that name this release. */
  naming(origin: string, release: string): readonly StatementRecord[]
  /** Entries of a statement, in log order. */
  entries(origin: string, id: string): readonly EntryRecord[]
  /** Exact bytes of an entry of a watched product; null for every other. */
  leaf(origin: string, index: number): Uint8Array | null
  alerts(filter: AlertFilter): readonly AlertRecord[]
  alert(id: string): AlertRecord | null
  /** How many alerts of a rule were raised about a product after a time, counted up to `limit`. */
  alertCount(of: {
    readonly origin: string
    readonly product: string | null
    readonly rule: string
    readonly after: number
    readonly limit: number
  }): number
  evidenceList(origin: string | null, limit: number): readonly EvidenceRecord[]
  evidenceCount(origin: string, kind: Evidence['kind']): number
  /** The id of the evidence about this subject. */
  evidenceAbout(subject: string): string | null
  /** The file's bytes. */
  evidence(id: string): Uint8Array | null
  /** Deliveries in a state, those due first; of one sink, or of every one. */
  deliveries(state: DeliveryState, limit: number, sink?: string): readonly Delivery[]
  /** How many deliveries are in each state, by sink; each in one state. */
  deliveryCounts(): readonly DeliveryCount[]
}

/** What one transaction writes; it reads its own writes through the store's reader. Valid until its work returns. */
export interface MonitorWriter {
  putLog(log: LogRecord): void
  addSize(origin: string, point: SizePoint): void
  putView(view: ViewRecord): void
  /** At most {@link maxQuestions} are kept of a log: then no more are taken, so that nobody can push one out. */
  putOpenTree(origin: string, tree: OpenTree): void
  /** As {@link putOpenTree}. */
  putHandedEntry(origin: string, handed: HandedEntry): void
  deleteHandedEntry(origin: string, handed: Pick<HandedEntry, 'tree' | 'entry'>): void
  deleteOpenTree(origin: string, size: number, root: Uint8Array): void
  /** At most 128 sizes are kept of a witness and log: what goes first is what others stand closest to in time. */
  putCosigned(origin: string, name: string, size: CosignedSize): void
  putProduct(product: ProductRecord): void
  /** A statement's facts, and what it names; nothing happens where the id is known. */
  addStatement(statement: StatementRecord, names: readonly string[]): void
  setMet(origin: string, id: string, metAt: number | null, metSeenAt: number | null): void
  addEntry(origin: string, entry: EntryRecord, leaf: Uint8Array | null): void
  setValid(origin: string, index: number, valid: boolean): void
  wantBlob(blob: WantedBlob): void
  foundBlob(origin: string, sha256: string): void
  /** True where the alert is new: then it is on its way to every sink, in the same transaction. */
  raise(alert: Alert, sinks: readonly string[]): boolean
  /** Ends the open alerts of these rules and this log that are not among `lasting`. */
  settle(origin: string, rules: readonly string[], lasting: ReadonlySet<string>, now: number): void
  /** The alert is proven by this evidence, which was found later. */
  attachEvidence(alert: string, evidence: string): void
  putCase(pending: PendingCase): void
  deleteCase(alert: string): void
  /** Nothing happens where there is evidence about this subject. */
  addEvidence(record: EvidenceRecord, subject: string, bytes: Uint8Array): void
  putDelivery(delivery: Delivery): void
}

/**
 * Obligations: `transact` runs `work` alone and commits what it wrote, durably, before it returns; it throws what `work` throws, and
 * then nothing was written. Work is synchronous. What was read is a copy.
 */
export interface MonitorStore extends MonitorReader {
  transact<R>(work: (writer: MonitorWriter) => R): R
  /** Bodies that were not had yet, those due first. */
  wantedBlobs(origin: string, limit: number): readonly WantedBlob[]
  pendingCases(origin: string): readonly PendingCase[]
  close(): void
}
