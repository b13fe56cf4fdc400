/** What a mutation run found: which mutants lived, and whether each of them is known to change nothing. */

/** The part of the mutation testing report schema (stryker-mutator.io/report.schema.json) that is read here. */
export interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>
}

interface Mutant {
  readonly mutatorName: string
  readonly replacement?: string
  readonly status: string
  readonly location: { readonly start: Place; readonly end: Place }
}

/** Counted from 1. */
interface Place {
  readonly line: number
  readonly column: number
}

/** A mutant that no test noticed, or under which the tester broke (that says nothing), named by what it changes and not by a line number. */
export interface Survivor {
  readonly file: string
  /** The line on which it begins. */
  readonly line: string
  readonly was: string
  readonly now: string
}

/** One that was looked at and changes nothing that a check rests on. */
export interface Equivalent extends Survivor {
  readonly why: string
}

export interface Score {
  readonly file: string
  readonly killed: number
  /** Loops that a mutant made endless are noticed by their count or by the clock. */
  readonly timedOut: number
  readonly survivors: readonly (Survivor & { readonly at: number })[]
}

export function scoreOf(file: string, report: Report): Score {
  const found = report.files[file]
  if (found === undefined) throw new Error(`the report says nothing of ${file}`)
  const count = (...status: readonly string[]) =>
    found.mutants.filter((mutant) => status.includes(mutant.status)).length
  const lines = found.source.split('\n')
  const survivors = found.mutants
    .filter(({ status }) => !['Killed', 'Timeout', 'Ignored'].includes(status))
    .map(({ location: { start, end }, replacement = '' }) => ({
      file,
      at: start.line,
      line: (lines[start.line - 1] ?? '').trim(),
      was: oneLine(between(lines, start, end)),
      now: oneLine(replacement),
    }))
  return { file, killed: count('Killed'), timedOut: count('Timeout'), survivors }
}

function between(lines: readonly string[], start: Place, end: Place): string {
  const part = lines.slice(start.line - 1, end.line)
  const last = part.length - 1
  part[last] = (part[last] ?? '').slice(0, end.column - 1)
  part[0] = (part[0] ?? '').slice(start.column - 1)
  return part.join('\n')
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

export function isSame(one: Survivor, other: Survivor): boolean {
  return one.file === other.file && one.line === other.line && one.was === other.was && one.now === other.now
}

export interface Judgement {
  /** Lived, and nobody said why that is well. */
  readonly unexplained: Score['survivors']
  /** Explained, and there no more. */
  readonly stale: readonly Equivalent[]
}

export function judge(scores: readonly Score[], equivalents: readonly Equivalent[]): Judgement {
  const survivors = scores.flatMap((score) => score.survivors)
  const files = new Set(scores.map(({ file }) => file))
  return {
    unexplained: survivors.filter((survivor) => !equivalents.some((known) => isSame(known, survivor))),
    stale: equivalents.filter((known) => files.has(known.file) && !survivors.some((other) => isSame(known, other))),
  }
}
