/** What a row of docs/attacks.md is here: how the scene is set, and how it must end. */
import type { Evidence, RefusalCode } from '@samebits/core'
import type { Outcome } from './programs.ts'
import type { Stage } from './stage.ts'

/**
 * How a run ends. installed: what was offered is in place. current: nothing newer. flawed: nothing newer, and what is
 * installed must not be used (exit 12). usage: the question has no answer as it was asked.
 */
export type Ending = RefusalCode | 'installed' | 'current' | 'flawed' | 'usage'

/** `npm run test:attacks`: every case through everything. `npm test` leaves out what another case shows as well. */
export const isLong: boolean = process.env['MODE'] === 'attacks'

/** The library, `samebits update`, and `samebits verify` of what was offered. */
export type Through = 'library' | 'cli' | 'verify'

export interface Row {
  readonly title: string
  readonly result: Ending
  readonly exit: number
  /** Sets the scene: what the client knows, and what it is shown. */
  readonly arrange: (stage: Stage) => Promise<void> | void
  /** Kind of the evidence that must be on the disk afterwards, and convince an independent program. */
  readonly evidence: Evidence['kind'] | null
  /** Where only one of the two can be brought there, with the reason in this folder's README. */
  readonly only: Through | null
  /** What the library does, where it is not check, download, apply. */
  readonly acts: ((stage: Stage, home: string) => Promise<Outcome>) | null
  /** The same for the command line. */
  readonly runs: ((program: string, stage: Stage, home: string) => Promise<Outcome>) | null
  /** Whether `samebits verify` of the offer, with the state of the client, must say the same; null: see `offlineToo`. */
  readonly verified: boolean | null
  /** What goes on beside the run, in its home. @returns what ends it */
  readonly during: ((stage: Stage, home: string) => Promise<() => void> | (() => void)) | null
  /** False: the row says itself, in `after`, what lies in the install folder. */
  readonly untouched: boolean
  /** What must hold afterwards besides: throws where it does not. */
  readonly after: ((stage: Stage, home: string, outcome: Outcome) => Promise<void> | void) | null
}

export interface Group {
  readonly code: string
  readonly rows: readonly Row[]
}

type More = Partial<
  Pick<Row, 'evidence' | 'only' | 'acts' | 'runs' | 'verified' | 'during' | 'untouched' | 'after' | 'exit' | 'result'>
>

/** Exit status of each result, as docs/decision.md tables them. */
function exitOf(result: Ending): number {
  if (result === 'installed' || result === 'current') return 0
  if (result === 'flawed') return 12
  if (result === 'usage') return 64
  if (result === 'FORK') return 11
  return ['CLOCK', 'HISTORY_INCOMPLETE', 'TRANSPORT', 'STATE_BUSY'].includes(result) ? 20 : 10
}

/** A row that ends in `result`. */
export function ends(result: Ending, title: string, arrange: Row['arrange'], more: More = {}): Row {
  const plain = {
    evidence: null,
    only: null,
    acts: null,
    runs: null,
    verified: null,
    during: null,
    untouched: true,
    after: null,
  }
  return { title, result, exit: exitOf(more.result ?? result), arrange, ...plain, ...more }
}

/** A row of what must get through. */
export function not(title: string, arrange: Row['arrange'], more: More = {}): Row {
  return ends('installed', `not: ${title}`, arrange, more)
}

/** All rows of one code. */
export function refusing(code: RefusalCode, rows: readonly (readonly [string, Row['arrange'], More?] | Row)[]): Group {
  return { code, rows: rows.map((row) => ('title' in row ? row : ends(code, row[0], row[1], row[2]))) }
}

/** Rows of a group about the bundle alone: `samebits verify` of what they offer must be refused with the same code. */
export function offlineToo(group: Group): Group {
  const verified = ({ result, only, acts, during, verified: said }: Row) =>
    said ?? (result === group.code && only === null && acts === null && during === null)
  return { ...group, rows: group.rows.map((row) => ({ ...row, verified: verified(row) })) }
}
