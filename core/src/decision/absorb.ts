/**
 * Steps 9 and 10 of docs/decision.md: history, and the trust statements in it. Before both, what the anchor and the bundle
 * carry becomes known, once its inclusion is checked.
 */

import type { Trust } from '../release/trust.ts'
import { compacted } from './compact.ts'
import { gather, type IncludedLeaf } from './gather.ts'
import { Halt } from './halt.ts'
import { includedOf, inclusionFault } from './inclusion.ts'
import type { Rule } from './known.ts'
import { type EntriesNeed, type Material, needKey } from './material.ts'
import { MAX_TRUST_STEPS, type Observed, tooManySteps } from './observe.ts'
import { sourcesOf } from './offers.ts'
import type { Notice, Outcome } from './outcome.ts'
import { refuse } from './refusal.ts'
import { isOnline, type Run } from './run.ts'
import type { Known, State } from './state.ts'
import { adoptTrust, readAgain } from './trust-in-force.ts'
import { bodiesInReach, judgeSteps, type StepFound } from './trust-steps.ts'

export interface Absorbed extends Observed {
  /** The trust changed: go to step 3. Everything else is then of the version before. */
  readonly again: boolean
  /** Every entry in [from, to) was read; null where T's history mode is `offered`, and in `verify`. */
  readonly history: { readonly from: number; readonly to: number } | null
  /** History is read up to the view. */
  readonly complete: boolean
}

/** docs/decision.md steps 9 and 10. */
export function absorb(run: Run, state: State, observed: Observed, material: Material): Outcome<Absorbed> {
  const anchored = absorbAnchor(run, state, observed)
  if (anchored instanceof Halt) return anchored.outcome(state, [])
  const stapled = absorbBundles(run, anchored, observed)
  const bodies = bodiesInReach(run, stapled, observed, material)
  if (bodies instanceof Halt) return bodies.outcome(stapled, [])
  const joined = [...bodies.files.values()]
  const known = absorbBundles(run, stapled, observed, joined)
  const read = readHistory(run, known, observed, material, joinedOnly(known, joined)) // 9
  if (read.halt !== null) return read.halt.outcome(read.state, noticesOf(read.state))
  const steps = bodiesInReach(run, read.state, observed, material) // 10: history may have named more
  if (steps instanceof Halt) return steps.outcome(read.state, [])
  return takeStep(run, read.state, observed, material, judgeSteps(run, read.state, observed, material, steps))
}

/** The bodies whose authority history is read for: those of statements marked so. */
function joinedOnly({ known }: State, files: readonly Trust[]): Trust[] {
  const marked = new Set(known.statements.flatMap(({ trust }) => (trust?.joined === true ? [trust.sha256] : [])))
  return files.filter(({ sha256 }) => marked.has(sha256))
}

function noticesOf({ known: { ignored } }: State): Notice[] {
  return ignored > 0
    ? [{ code: 'entries-ignored', text: `${ignored} entries of the log are nothing to this product` }]
    : []
}

/** What was known before counts again what is ignored, so only history's count is kept. */
function withKnown(state: State, known: Known): State {
  return { ...state, known: { ...known, ignored: state.known.ignored } }
}

function absorbAnchor(run: Run, state: State, { rule, anchor }: Observed): State | Halt {
  if (anchor === null) return state
  const { crypto } = run.checker
  for (const entry of anchor.anchor.entries) {
    const fault = inclusionFault(crypto, entry, anchor.tree)
    if (fault !== null) return Halt.refusing(refuse('TRUST_INVALID', '1', `the anchor: entry ${entry.index}: ${fault}`))
  }
  return withKnown(state, gather(run.checker, rule, [], state.known, anchor.anchor.entries))
}

/** Entries of all views that survived; one whose proof fails is for step 14 to refuse. */
function absorbBundles(run: Run, state: State, { rule, heads }: Observed, joined: readonly Trust[] = []): State {
  const leaves = heads.flatMap((head) => includedOf(run.checker.crypto, head.view?.entries ?? [], head))
  return withKnown(state, gather(run.checker, rule, joined, state.known, leaves))
}

interface HistoryRead {
  readonly state: State
  readonly halt: Halt | null
}

/** docs/decision.md step 9. */
function readHistory(
  run: Run,
  start: State,
  observed: Observed,
  material: Material,
  joined: readonly Trust[],
): HistoryRead {
  const { rule, view } = observed
  if (rule.trust.history.mode !== 'complete' || !isOnline(run)) return { state: start, halt: null }
  let state = start
  while (state.log.read.to < view.size) {
    const need = entriesNeed(rule, observed, state.log.read.to)
    const answer = material.answers.get(needKey(need))
    if (answer === undefined) return { state, halt: Halt.needing(need) }
    const entries = answer.kind === 'entries' ? answer.entries : []
    if (entries.length === 0 || need.from + entries.length > need.to) {
      const detail = answer.kind === 'failed' ? answer.detail : 'the entries were not handed over as asked'
      const left = `entries ${need.from} to ${need.to} of the log are not read: ${detail}`
      return { state, halt: Halt.refusing(refuse('HISTORY_INCOMPLETE', '9', left)) }
    }
    state = absorbChunk(run, rule, state, joined, entries)
  }
  return { state, halt: null }
}

function entriesNeed(rule: Rule, { view: { size, root } }: Observed, from: number): EntriesNeed {
  return { kind: 'entries', origin: rule.trust.origin, from, to: size, size, root, sources: sourcesOf(rule) }
}

function absorbChunk(
  run: Run,
  rule: Rule,
  state: State,
  joined: readonly Trust[],
  entries: readonly Uint8Array[],
): State {
  const { read } = state.log
  const leaves: IncludedLeaf[] = entries.map((leaf, at) => ({ index: read.to + at, leaf }))
  const known = compacted(gather(run.checker, rule, joined, state.known, leaves), state.floors)
  return { ...state, known, log: { ...state.log, read: { ...read, to: read.to + entries.length } } }
}

/** The end of docs/decision.md step 10: go to 3 with the next version, read again, or go on. */
function takeStep(
  run: Run,
  state: State,
  observed: Observed,
  material: Material,
  found: StepFound | Halt,
): Outcome<Absorbed> {
  if (found instanceof Halt) return found.outcome(state, [])
  const { rule } = observed
  switch (found.kind) {
    case 'reread': {
      const marked = markJoined(readAgain(state), found.ids)
      return absorb(run, marked, observed, material)
    }
    case 'step': {
      if (found.trust.version - run.firstVersion > MAX_TRUST_STEPS) return tooManySteps().outcome(state, [])
      const via = { origin: rule.trust.origin, index: found.index }
      const next = adoptTrust(state, rule.trust, found.trust, via)
      return { kind: 'done', state: next, notices: [], value: absorbed(run, next, observed, true) }
    }
    case 'none':
      return endOfSteps(run, { ...state, trust: { ...state.trust, endsAt: found.endsAt } }, observed)
  }
}

function markJoined(state: State, ids: readonly string[]): State {
  const statements = state.known.statements.map((statement) =>
    statement.trust !== undefined && ids.includes(statement.id)
      ? { ...statement, trust: { ...statement.trust, joined: true } }
      : statement,
  )
  return { ...state, known: { ...state.known, statements } }
}

function absorbed({ want }: Run, state: State, observed: Observed, again: boolean): Absorbed {
  const { read, tree } = state.log
  const rule = { ...observed.rule, endsAt: state.trust.endsAt }
  const isRead = rule.trust.history.mode === 'complete' && want.action !== 'verify'
  const history = isRead ? read : null
  return {
    ...observed,
    rule,
    again,
    history,
    complete: history !== null && tree !== null && read.to === observed.view.size,
  }
}

/** `history.expires`: 00:00 UTC of that day. */
function endOfSteps(run: Run, state: State, observed: Observed): Outcome<Absorbed> {
  const { history } = observed.rule.trust
  if (history.mode === 'offered' && history.expires <= Math.max(run.now, state.time)) {
    const detail = `trust version ${observed.rule.trust.version} has expired`
    return Halt.refusing(refuse('TRUST_INVALID', '10', detail)).outcome(state, [])
  }
  return { kind: 'done', state, notices: noticesOf(state), value: absorbed(run, state, observed, false) }
}
