/**
 * What a monitor tells people, all of it: the table of rules, and the functions that find what breaks them. Pure: they see records and a
 * time, and return findings. The same thing found twice is the same finding (`about`), and is told once.
 *
 * Of conditions that can pass (`passes`), the functions return all that last now; what is missing has ended.
 */
import { type Crypto, canonicalJson, type EvidenceKind, toHex } from '@samebits/core'
import type { Limits } from '../config/config-format.ts'
import type { KeptEvidence } from '../evidence/evidence-record.ts'
import {
  type Alert,
  type LogRecord,
  maxQuestions,
  type OpenTree,
  type Severity,
  type ViewRecord,
  type WantedBlob,
} from '../state/monitor-store.ts'

interface Rule {
  readonly severity: Severity
  /** What to do, for people. */
  readonly remedy: string
  /** A condition that may end by itself. */
  readonly passes?: true
  /** Where anybody may log, strangers can make any number of these. */
  readonly byStrangers?: true
}

const stopUsing =
  'Install nothing from this log. Send the evidence to its operator, its witnesses and everybody who relies on it.'

export type RuleName =
  | 'fork'
  | 'witness-contradiction'
  | 'view-contradicts'
  | 'open-tree'
  | 'too-many-questions'
  | 'bad-checkpoint'
  | 'damaged'
  | 'rollback'
  | 'log-silent'
  | 'stale-log'
  | 'slow-view'
  | 'view-behind'
  | 'unexpected-key'
  | 'entry-refused'
  | 'rival-proposals'
  | 'sequence-fork'
  | 'equivocation'
  | 'negative-vote'
  | 'missing-rebuilds'
  | 'waiver'
  | 'revocation'
  | 'trust-change'
  | 'trust-fork'
  | 'trust-ends'
  | 'trust-moves'
  | 'missing-blob'

/** Every rule. */
const rules: Readonly<Record<RuleName, Rule>> = {
  // The log, its witnesses, and those who show it
  fork: { severity: 'critical', remedy: stopUsing },
  'witness-contradiction': {
    severity: 'critical',
    remedy: 'Take the witness out of every policy, and send its operator the evidence.',
  },
  'view-contradicts': {
    severity: 'critical',
    remedy: 'Whoever reads the log there is shown another history. Find out who does, and send them the evidence.',
  },
  'open-tree': {
    severity: 'warning',
    passes: true,
    remedy:
      'Ask the log, its mirrors and its witnesses for the tiles of that tree: until somebody shows them it may be a fork.',
  },
  'too-many-questions': {
    severity: 'warning',
    passes: true,
    remedy:
      "Whoever holds the log's key signs trees and withholds their tiles, or the log cannot be reached from here. Further trees are not kept until these are answered: ask for their tiles, and other monitors for theirs.",
  },
  'bad-checkpoint': {
    severity: 'warning',
    passes: true,
    remedy: 'Look at what is served there: another key, a proxy, or a page that is no checkpoint.',
  },
  damaged: {
    severity: 'critical',
    passes: true,
    remedy:
      'The log, or a cache before it, serves bytes that its own signature does not cover. Tell its operator; compare with a mirror.',
  },
  rollback: {
    severity: 'warning',
    passes: true,
    remedy: 'Ask the operator whether a backup was restored. Clients that saw the larger tree refuse the smaller one.',
  },
  'log-silent': { severity: 'warning', passes: true, remedy: 'See whether the log is up, and reachable from here.' },
  'stale-log': {
    severity: 'warning',
    passes: true,
    remedy:
      'See whether the log still asks its witnesses, and whether enough of them are up. Clients will refuse its views as stale.',
  },
  'slow-view': {
    severity: 'warning',
    passes: true,
    remedy:
      'Others are shown newer trees than whoever reads the log there: find out who is being held back, and by whom.',
  },
  'view-behind': {
    severity: 'notice',
    passes: true,
    remedy: 'See whether the mirror or witness is still being asked.',
  },
  // Products
  'unexpected-key': {
    severity: 'critical',
    byStrangers: true,
    remedy: 'If nobody of the publishers made this release: find out whose key it is, and how it came past admission.',
  },
  'entry-refused': {
    severity: 'warning',
    byStrangers: true,
    remedy: 'The log took what its admission should refuse. Ask its operator why.',
  },
  'rival-proposals': {
    severity: 'warning',
    remedy:
      'Two releases want one place. If only one is yours, a publisher key is in other hands: revoke it by a new trust file.',
  },
  'sequence-fork': {
    severity: 'critical',
    remedy:
      'A release does not continue the one before it: clients will refuse it. Compare with what the publishers meant to release.',
  },
  equivocation: {
    severity: 'critical',
    remedy: 'The publishers signed two releases for one place. Revoke both, and find out who holds the keys.',
  },
  'negative-vote': {
    severity: 'critical',
    remedy: 'A rebuilder got other bytes from the same source. Do not install it before the difference is explained.',
  },
  'missing-rebuilds': {
    severity: 'warning',
    passes: true,
    remedy: 'Ask the rebuilders whether they tried, and what came out. Clients that demand rebuilds wait meanwhile.',
  },
  waiver: {
    severity: 'notice',
    remedy: 'A release may pass without its rebuilders. Check that the authority meant it, and rebuild it afterwards.',
  },
  revocation: { severity: 'warning', remedy: 'Do not use the releases that it names.' },
  'trust-change': {
    severity: 'notice',
    remedy: 'Other keys are trusted from here on. Compare the new trust file with what the authority announced.',
  },
  'trust-fork': {
    severity: 'critical',
    remedy:
      'The authority signed two trust files of one version: its keys are in two hands. Clients refuse both; start over with new keys.',
  },
  'trust-ends': {
    severity: 'warning',
    remedy: 'Run a newer version of this monitor: it cannot read the trust file that is in force now.',
  },
  'trust-moves': {
    severity: 'warning',
    remedy:
      'Compare with what the authority announced. If it is theirs, put the new log, with its keys and URL and the new trust file, into the configuration: until then nobody here looks at what this product releases. Keep the old log there for those who still read it.',
  },
  'missing-blob': {
    severity: 'warning',
    passes: true,
    remedy: 'Ask the log for it: a body that an entry names has to be served for ever.',
  },
}

/** Rules whose alerts end when the condition does. */
export const passingRules: readonly RuleName[] = (Object.keys(rules) as RuleName[]).filter(
  (name) => 'passes' in rules[name],
)

export function strangersMakeIt(rule: RuleName): boolean {
  return 'byStrangers' in rules[rule]
}

export interface Finding {
  readonly rule: RuleName
  readonly product: string | null
  /** What makes it this one and no other; with rule and origin it gives the alert's id. */
  readonly about: readonly (string | number)[]
  readonly title: string
  readonly detail: string
}

/** The alert about a finding: its id depends on rule, origin and `about` alone. */
export function alertOf(
  crypto: Crypto,
  origin: string,
  { rule, product, about, title, detail }: Finding,
  now: number,
  evidence: string | null = null,
): Alert {
  const id = toHex(crypto.sha256(canonicalJson([rule, origin, product, ...about])))
  const { severity, remedy } = rules[rule]
  return { id, rule, severity, origin, product, title, detail, remedy, evidence, at: now }
}

const ruleOfEvidence: Readonly<Record<EvidenceKind, RuleName>> = {
  fork: 'fork',
  split: 'fork',
  'empty-root': 'fork',
  'leaf-conflict': 'fork',
  'witness-rollback': 'witness-contradiction',
  'witness-split': 'witness-contradiction',
  unproven: 'open-tree',
  equivocation: 'equivocation',
  'trust-fork': 'trust-fork',
  mismatch: 'negative-vote',
}

/**
 * Somebody is convicted. Of a log or a witness that is told once: who has forked makes new evidence at every step. What statements
 * prove is told for each two of them, whatever the bytes of the evidence are.
 */
export function proven({ record, about: both }: Pick<KeptEvidence, 'record' | 'about'>): Finding {
  const { kind, convicted, findings } = record
  const rule = ruleOfEvidence[kind]
  const about = rule === 'fork' || rule === 'witness-contradiction' ? [convicted ?? ''] : both
  const product = kind === 'equivocation' || kind === 'trust-fork' ? convicted : null
  const [title = 'Evidence convicts.', ...more] = findings
  return { rule, product, about, title, detail: more.join(' ') }
}

/** A place shows a tree that is not of the one history. */
export function contradictingView(origin: string, view: string, size: number): Finding {
  const title = `${view} shows a tree of ${size} entries of ${origin} that is not of the history that others are shown.`
  return { rule: 'view-contradicts', product: null, about: [view], title, detail: '' }
}

/** What is known of one log at the end of a poll. */
export interface LogState {
  readonly log: LogRecord
  readonly views: readonly ViewRecord[]
  readonly openTrees: readonly OpenTree[]
  /** Entries of bundles that could not be compared with the history yet. */
  readonly waiting: number
  /** Bodies that were asked for and not had. */
  readonly missing: readonly WantedBlob[]
  readonly limits: Limits
  /** The log has a policy with a quorum, so that there is time. */
  readonly witnessed: boolean
  /** Bytes that do not belong to the signed tree were served: which, and how. */
  readonly damage: { readonly path: string; readonly detail: string } | null
  /** When this monitor began to follow. */
  readonly since: number
  /** When the history grew past this size; null while it has not. */
  readonly passedAt: (size: number) => number | null
}

/** All conditions of a log that last now. */
export function watchLog(state: LogState, now: number): Finding[] {
  return [
    ...silent(state, now),
    ...damaged(state),
    ...staleLog(state, now),
    ...state.views.flatMap((view) => [
      ...badCheckpoint(view),
      ...slowView(state, view, now),
      ...behind(state, view, now),
    ]),
    ...openTrees(state, now),
    ...tooMany(state),
    ...missingBlobs(state, now),
  ]
}

function silent({ log, limits, since }: LogState, now: number): Finding[] {
  const last = log.answeredAt ?? since
  if (log.url === null || now - last < limits.silentAfter) return []
  const title = `${log.origin} has given no checkpoint that verifies for ${age(now - last)}.`
  return [{ rule: 'log-silent', product: null, about: [last], title, detail: log.failure ?? '' }]
}

function damaged({ log, damage }: LogState): Finding[] {
  if (damage === null) return []
  const title = `${log.origin} serves bytes that do not belong to the tree it signed.`
  const size = log.head?.size ?? 0
  return [
    { rule: 'damaged', product: null, about: [damage.path, size], title, detail: `${damage.path}: ${damage.detail}` },
  ]
}

/** Time is the witnesses': a log without them has none. */
function staleLog({ log, limits, witnessed }: LogState, now: number): Finding[] {
  if (!witnessed || log.head === null || log.q === null || now - log.q < limits.quorumAge) return []
  const { size } = log.head
  const title =
    log.q === 0
      ? `No quorum of witnesses states a time for the tree of ${size} entries of ${log.origin}.`
      : `The newest tree of ${log.origin} that a quorum of witnesses signed is ${age(now - log.q)} old.`
  return [{ rule: 'stale-log', product: null, about: [size, log.q], title, detail: '' }]
}

/** The slow-down: this view's quorum time ages while another one is fresh. */
function slowView({ log, views, limits, witnessed }: LogState, view: ViewRecord, now: number): Finding[] {
  const { tree, q } = view
  if (!witnessed || tree === null || q === null || view.kind === 'witness' || view.kind === 'client') return []
  const freshest = Math.max(log.q ?? 0, ...views.map((other) => other.q ?? 0))
  if (now - q < limits.quorumAge || now - freshest >= limits.quorumAge) return []
  const title = `${view.name} shows a tree of ${log.origin} whose quorum time is ${q === 0 ? 'not stated' : `${age(now - q)} old`}; elsewhere it is ${age(now - freshest)} old.`
  const detail =
    'A client that reads there is shown heads that others are past: held back, it does not hear of revocations.'
  return [{ rule: 'slow-view', product: null, about: [view.name, tree.size, q], title, detail }]
}

function behind({ log, limits, passedAt }: LogState, view: ViewRecord, now: number): Finding[] {
  const { tree, since } = view
  const passed = tree === null ? null : passedAt(tree.size)
  if (log.head === null || tree === null || since === null || passed === null) return []
  if (view.kind === 'client' || view.kind === 'monitor') return []
  const own = view.kind === 'log'
  const lasts = now - Math.max(since, passed)
  if (lasts < (own ? limits.rollbackAfter : limits.viewLag)) return []
  const sizes = `a tree of ${tree.size} entries, and signed one of ${log.head.size}`
  const title = own
    ? `${log.origin} answers with ${sizes}.`
    : `${view.name} shows ${sizes.replace('and signed', 'the log signed')}.`
  const about = [view.name, tree.size]
  return [
    { rule: own ? 'rollback' : 'view-behind', product: null, about, title, detail: `It has lasted ${age(lasts)}.` },
  ]
}

/** `failure` begins with `refused:` where an answer came that does not verify. */
function badCheckpoint({ origin, name, failure }: ViewRecord): Finding[] {
  if (!failure?.startsWith('refused: ')) return []
  const title = `${name} shows a checkpoint of ${origin} that does not verify.`
  return [{ rule: 'bad-checkpoint', product: null, about: [name, failure], title, detail: failure }]
}

function openTrees({ log, openTrees: trees, limits }: LogState, now: number): Finding[] {
  return trees
    .filter(({ at }) => now - at >= limits.openAfter)
    .map(({ size, root, view }) => {
      const title = `${log.origin} signed a tree of ${size} entries that nobody can join to its history; ${view} showed it.`
      const detail = 'It may be a fork whose tiles are withheld. It convicts nobody as long as the proof is missing.'
      return { rule: 'open-tree', product: null, about: [size, toHex(root)], title, detail }
    })
}

/** No more are taken then, so that nobody can push a true question out with many false ones. */
function tooMany({ log, openTrees: trees, waiting }: LogState): Finding[] {
  if (trees.length < maxQuestions && waiting < maxQuestions) return []
  const title = `There are as many open questions about ${log.origin} as are kept: ${trees.length} trees, ${waiting} entries.`
  const detail =
    'Further trees and entries that are handed in are held against the history, and forgotten if they stay open.'
  return [{ rule: 'too-many-questions', product: null, about: [trees[0]?.at ?? 0], title, detail }]
}

function missingBlobs({ missing, limits }: LogState, now: number): Finding[] {
  return missing
    .filter(({ since }) => now - since >= limits.blobAfter)
    .map(({ sha256, product, index }) => {
      const title = `The body ${sha256} that entry ${index} names is not served.`
      return { rule: 'missing-blob', product, about: [sha256], title, detail: '' }
    })
}

/** `3 h`, for sentences. */
function age(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`
}
