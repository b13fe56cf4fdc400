/**
 * What a monitor knows, as one document: `/v1/status`, and all that the page shows. It is worked out from the state whenever it is asked
 * for, and holds the newest of everything: full lists are in the state.
 *
 * Texts in it come from logs and strangers, as they are. Times are Unix seconds; roots are base64.
 */
import { toBase64 } from '@samebits/core'
import type {
  AlertRecord,
  EvidenceRecord,
  LogRecord,
  MonitorReader,
  ProductRecord,
  Severity,
  StatementRecord,
  ViewRecord,
} from '../state/monitor-store.ts'

export interface Status {
  readonly format: 1
  /** When it was worked out. */
  readonly at: number
  /** `alarm`: a critical alert is open; `attention`: another alert, a log that could not be read to its end, or a sink that takes none; `waiting`: a log was not read yet. */
  readonly verdict: 'calm' | 'waiting' | 'attention' | 'alarm'
  readonly openAlerts: Readonly<Record<Severity, number>>
  /** Sorted by origin. */
  readonly logs: readonly LogStatus[]
  /** Open ones first, the gravest of them first, then newest first. */
  readonly alerts: readonly AlertRecord[]
  /** Newest first. */
  readonly evidence: readonly EvidenceRecord[]
  /** Alerts on their way to a sink that failed at least once, by sink. */
  readonly undelivered: readonly { readonly sink: string; readonly count: number }[]
}

export interface LogStatus {
  readonly origin: string
  readonly url: string | null
  /** The one history: its largest signed tree. Null before the first. */
  readonly head: { readonly size: number; readonly root: string; readonly at: number | null } | null
  /** Time that a quorum of witnesses states under the head; null without policy; 0: too few. */
  readonly quorumTime: number | null
  /** Entries below it were hashed and compared. */
  readonly readTo: number
  readonly polledAt: number | null
  readonly answeredAt: number | null
  readonly failure: string | null
  /** Oldest first. */
  readonly sizes: readonly { readonly at: number; readonly size: number }[]
  /** Signed trees that nobody has joined to the history. */
  readonly openTrees: readonly { readonly size: number; readonly view: string; readonly at: number }[]
  readonly views: readonly ViewStatus[]
  readonly products: readonly ProductStatus[]
  /** Products of this log in all. */
  readonly productCount: number
}

export interface ViewStatus {
  readonly name: string
  readonly kind: ViewRecord['kind']
  readonly url: string | null
  readonly size: number | null
  /** Entries that its tree lacks of the head; null where it has shown none. */
  readonly behind: number | null
  readonly standing: ViewRecord['standing']
  readonly quorumTime: number | null
  /** Witnesses: the time that it states. */
  readonly cosignedAt: number | null
  readonly since: number | null
  readonly askedAt: number | null
  readonly failure: string | null
}

export interface ProductStatus {
  readonly product: string
  readonly watched: boolean
  readonly trustVersion: number | null
  readonly entries: number
  /** Newest first. */
  readonly releases: readonly ReleaseStatus[]
}

export interface ReleaseStatus {
  readonly id: string
  readonly version: string | null
  readonly channel: string | null
  readonly sequence: number | null
  readonly index: number
  /** Enough publishers have logged it; null where the product is not watched. */
  readonly met: boolean | null
  readonly votes: ReleaseVotes | null
}

/** What rebuilders and the authority say of a release. */
export interface ReleaseVotes {
  readonly artifacts: readonly {
    readonly name: string
    readonly platform: string
    /** Operators that got the same bytes, and other bytes. */
    readonly positive: readonly string[]
    readonly negative: readonly string[]
    readonly needed: number
    readonly enough: boolean
  }[]
  readonly waived: boolean
  readonly revoked: boolean
}

/** The votes about releases of one product; called once a product. Null for a release about which nothing can be said. */
export type VotesOf = (product: ProductRecord) => (release: StatementRecord) => ReleaseVotes | null

const most = { sizes: 200, alerts: 100, evidence: 50, products: 50, releases: 5 } as const

export function statusOf(reader: MonitorReader, votesOf: VotesOf, now: number): Status {
  const logs = reader.logs().map((log) => logStatus(reader, votesOf, log))
  const open = gravestFirst(reader.alerts({ open: true, limit: most.alerts }))
  const count = (severity: Severity) => open.filter((alert) => alert.severity === severity).length
  const openAlerts = { critical: count('critical'), warning: count('warning'), notice: count('notice') }
  const past = reader.alerts({ limit: most.alerts }).filter(({ id }) => !open.some((other) => other.id === id))
  const failing = reader.deliveryCounts().filter(({ state }) => state === 'failing')
  const undelivered = failing.map(({ sink, count }) => ({ sink, count }))
  return {
    format: 1,
    at: now,
    verdict: verdictOf(openAlerts, logs, undelivered.length > 0),
    openAlerts,
    logs,
    alerts: [...open, ...past].slice(0, most.alerts),
    evidence: reader.evidenceList(null, most.evidence),
    undelivered,
  }
}

const severities: readonly Severity[] = ['critical', 'warning', 'notice']

function gravestFirst(alerts: readonly AlertRecord[]): AlertRecord[] {
  return [...alerts].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
}

function verdictOf(open: Status['openAlerts'], logs: readonly LogStatus[], undelivered: boolean): Status['verdict'] {
  if (open.critical > 0) return 'alarm'
  if (open.warning > 0 || undelivered || logs.some(({ failure }) => failure !== null)) return 'attention'
  return logs.some(({ head, readTo }) => head === null || readTo < head.size) ? 'waiting' : 'calm'
}

function logStatus(reader: MonitorReader, votesOf: VotesOf, log: LogRecord): LogStatus {
  const { origin, url, head, headAt, q, readTo, polledAt, answeredAt, failure } = log
  const products = reader.products(origin)
  return {
    ...{ origin, url, quorumTime: q, readTo, polledAt, answeredAt, failure },
    head: head === null ? null : { size: head.size, root: toBase64(head.root), at: headAt },
    sizes: reader.sizes(origin, most.sizes).map(({ at, size }) => ({ at, size })),
    openTrees: reader.openTrees(origin).map(({ size, view, at }) => ({ size, view, at })),
    views: reader.views(origin).map((view) => viewStatus(view, head?.size ?? 0)),
    products: [...products]
      .sort((a, b) => Number(b.watched) - Number(a.watched) || b.lastIndex - a.lastIndex)
      .slice(0, most.products)
      .map((product) => productStatus(reader, votesOf, product)),
    productCount: products.length,
  }
}

function viewStatus(view: ViewRecord, headSize: number): ViewStatus {
  const { name, kind, url, tree, standing, q, cosignedAt, since, askedAt, failure } = view
  const size = tree?.size ?? null
  const behind = size === null ? null : Math.max(0, headSize - size)
  return { name, kind, url, size, behind, standing, quorumTime: q, cosignedAt, since, askedAt, failure }
}

function productStatus(reader: MonitorReader, votesOf: VotesOf, record: ProductRecord): ProductStatus {
  const { origin, product, watched, trust, entries } = record
  const votes = watched ? votesOf(record) : () => null
  return {
    ...{ product, watched, entries, trustVersion: trust?.version ?? null },
    releases: reader.statements(origin, product, 'release', most.releases).map((release) => ({
      id: release.id,
      version: release.version,
      channel: release.channel,
      sequence: release.sequence,
      index: release.firstIndex,
      met: watched ? release.metAt !== null : null,
      votes: votes(release),
    })),
  }
}
