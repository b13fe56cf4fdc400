/** docs/reproduced.md: what a whole run found, written by the run itself. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckResult } from '../../build-repro/src/check/check.ts'
import type { Program } from './program.ts'

export interface Row {
  readonly program: Program
  readonly result: CheckResult
  /** For each output that the project published: the same or not. */
  readonly same: readonly boolean[]
}

const page = join(import.meta.dirname, '..', '..', 'docs', 'reproduced.md')
const [begin, end] = ['<!-- table: begin -->\n', '<!-- table: end -->\n']

const causeWords = { 'by-itself': 'by itself', follows: 'follows', unknown: 'no cause found' } as const

/** Prints the table; after a whole run it also stands in the page. */
export async function writeTable(rows: readonly Row[], whole: boolean): Promise<void> {
  const table = tableOf([...rows].sort((a, b) => (a.program.name < b.program.name ? -1 : 1)))
  console.log(table)
  if (!whole) return
  const text = await readFile(page, 'utf8')
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)]
  await writeFile(page, text.slice(0, from) + table + text.slice(to))
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ program, result, same }) => {
    const { plain, varied, reproducible, differences } = result
    const found = differences
      .filter(({ kind }) => kind !== 'checksum')
      .map(
        ({ kind, cause }) =>
          `${kind} (${'variations' in cause ? cause.variations.join(', ') : causeWords[cause.kind]})`,
      )
    const seconds = [plain, varied].map(({ startedAt, finishedAt }) => finishedAt - startedAt).join(' / ')
    const equal = reproducible ? 'yes' : `no: ${[...new Set(found)].join('; ')}`
    const theirs =
      same.length === 0 ? 'not compared' : same.every((each) => each) ? `yes, ${same.length} of ${same.length}` : 'no'
    return `| ${program.name} ${program.version} | ${program.language} | ${seconds} | ${equal} | ${theirs} |\n`
  })
  return `| program | language | plain / varied, s | plain = varied | = published |\n|---|---|---|---|---|\n${lines.join('')}`
}
