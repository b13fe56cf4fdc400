/** What a run that refuses nothing hands back, and what was proven, line by line (docs/decision.md, after step 25). */
import type { InstalledFlaw } from './refusal.ts'
import type { Floor, SignedFile } from './state.ts'

export interface Proven {
  /** Operators whose keys signed the release, and how many it takes; null where no release was judged. */
  readonly publishers: { readonly operators: readonly string[]; readonly threshold: number } | null
  readonly log: { readonly origin: string; readonly size: number }
  /** Names of the witnesses that cosigned the view, how many the policy lists, and what a fork would cost. */
  readonly witnesses: { readonly names: readonly string[]; readonly of: number; readonly forkCost: number }
  /**
   * Operators that rebuilt the artifact and all of its parts, and how many it takes; `waived`: the authority lets it pass
   * without. Null where no release was judged.
   */
  readonly rebuilders: {
    readonly operators: readonly string[]
    readonly required: number
    readonly waived: boolean
  } | null
  /** Sizes of the earlier trees that the view extends; empty: first contact, consistency not checked. */
  readonly consistentFrom: readonly number[]
  /** Every entry below `completeTo` was read; from there to the view only what was stapled. Null: offered only. */
  readonly history: { readonly completeTo: number | null; readonly offeredTo: number }
  /** max(now, time) - q of the view, seconds; null where the quorum states no time. */
  readonly age: number | null
}

export interface Accepted {
  readonly kind: 'accepted'
  readonly flaw: InstalledFlaw | null
  readonly id: string
  readonly channel: string
  readonly sequence: number
  readonly version: string
  /** The artifact first, then its parts. */
  readonly files: readonly SignedFile[]
  /** Indices of the entries that the verdict rests on: what staging restates. */
  readonly indices: readonly number[]
  /** The floor of the channel before it, which a step back keeps. */
  readonly floor: Floor | null
  /** The person named it with `--downgrade-to`: the floor stays, the newer id is held. */
  readonly downgrade: boolean
  readonly proven: Proven
}

/** Nothing newer, or the offer is what is installed or held. */
export interface Current {
  readonly kind: 'current'
  readonly flaw: InstalledFlaw | null
  /** Null where no offer was judged. */
  readonly id: string | null
  readonly proven: Proven
}

export type Verdict = Accepted | Current

/** What `verify` ends in where nothing stopped it: it asks for nothing, and never finds that something is current. */
export function acceptedOf(
  outcome: { readonly kind: 'needs' } | { readonly kind: 'done'; readonly value: Verdict },
): Accepted {
  if (outcome.kind === 'done' && outcome.value.kind === 'accepted') return outcome.value
  throw new TypeError('verify ended in another way than it can')
}

/** What was proven, one line each, in the order in which people ask. */
export function provenLines({
  publishers,
  log,
  witnesses,
  rebuilders,
  consistentFrom,
  history,
  age,
}: Proven): string[] {
  const lines: string[] = []
  if (publishers !== null) {
    lines.push(
      `publisher: ${publishers.operators.join(', ')} (${publishers.operators.length} of ${publishers.threshold} needed)`,
    )
  }
  lines.push(`log: ${log.origin}, ${log.size} entries`)
  const { names, of, forkCost } = witnesses
  lines.push(
    of === 0
      ? 'witnesses: none, the log alone could show a fork'
      : `witnesses: ${names.length} of ${of} (${names.join(', ')}); a fork takes the log and ${forkCost} of them`,
  )
  if (rebuilders !== null) lines.push(rebuildersLine(rebuilders))
  lines.push(
    consistentFrom.length === 0
      ? 'consistency: first contact, consistency not checked'
      : `consistency: extends the tree of ${consistentFrom.join(' and of ')} entries`,
  )
  lines.push(historyLine(history))
  lines.push(age === null ? 'freshness: none' : `freshness: the view is ${age} s old`)
  return lines
}

function rebuildersLine({ operators, required, waived }: NonNullable<Proven['rebuilders']>): string {
  const names = operators.length === 0 ? '' : ` (${operators.join(', ')})`
  const said = `rebuilders: ${operators.length} of ${required} needed${names}`
  return waived ? `${said}, waived by the authority` : said
}

function historyLine({ completeTo, offeredTo }: Proven['history']): string {
  if (completeTo === null) return `history: offered to ${offeredTo}`
  return completeTo >= offeredTo
    ? `history: complete to ${completeTo}`
    : `history: complete to ${completeTo}, offered to ${offeredTo}`
}
