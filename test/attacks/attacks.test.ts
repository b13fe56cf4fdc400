/**
 * Every row of docs/attacks.md that the programs can express, through the library and through the command line, against
 * real servers. What is asserted of each row is here; what happens in it is under cases/.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { isLong, type Row, type Through } from './case.ts'
import { groups } from './cases/all.ts'
import { expectUntouched, expectUpdated, lookAround } from './expectations.ts'
import { judgeEvidence, type Outcome, packProgram, runCommandLine, runLibrary, runVerify } from './programs.ts'
import { Stage } from './stage.ts'

const told: { code: string; title: string; ending: string; through: Map<Through, string> }[] = []

let folder: string
let program: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samebits-attacks-'))
  program = await packProgram(folder)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  const cells = told.map(({ code, title, ending, through }) => [
    code,
    title,
    ending,
    through.get('library') ?? '-',
    through.get('cli') ?? '-',
    through.get('verify') ?? '-',
  ])
  if (isLong) process.stdout.write(table([['code', 'case', 'must end in', 'library', 'update', 'verify'], ...cells]))
  const held = told.flatMap(({ through }) => [...through.values()].filter((result) => result === 'held')).length
  process.stdout.write(`docs/attacks.md: ${told.length} cases, ${held} runs that ended as they must\n`)
})

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

describe.each(groups)('$code', ({ code, rows }) => {
  for (const row of rows) {
    test.concurrent(`${row.title}: ${row.result}, ${row.exit}`, async () => {
      const through = new Map<Through, string>()
      told.push({ code, title: row.title, ending: `${row.result} ${row.exit}`, through })
      const stage = await Stage.open()
      try {
        await row.arrange(stage)
        await stage.settle()
        for (const way of waysOf(row)) {
          through.set(way, 'BROKEN')
          await perform(row, stage, way)
          through.set(way, 'held')
        }
      } finally {
        await stage.close()
      }
    })
  }
})

/** One in sixteen through `verify` too, or all. */
let verifiable = 0
function waysOf({ only, verified }: Row): Through[] {
  const ways: Through[] = (['library', 'cli'] as const).filter((way) => only === null || only === way)
  return verified && (isLong || verifiable++ % 16 === 0) ? [...ways, 'verify'] : ways
}

async function runThrough(row: Row, stage: Stage, way: Through, home: string): Promise<Outcome> {
  if (way === 'verify') return await runVerify(program, stage, home)
  if (way === 'cli') return await (row.runs ?? runCommandLine)(program, stage, home)
  return await (row.acts ?? runLibrary)(stage, home)
}

async function perform(row: Row, stage: Stage, way: Through): Promise<void> {
  const home = await stage.copyHome()
  try {
    const before = await lookAround(home)
    const end = (await row.during?.(stage, home)) ?? (() => undefined)
    const outcome = await runThrough(row, stage, way, home).finally(end)
    if (outcome.result !== row.result || outcome.exit !== row.exit)
      throw new Error(`${way}: ${outcome.result}, ${outcome.exit}; it said:\n${outcome.said}`)
    const after = await lookAround(home)
    if (row.result === 'installed') await expectUpdated(stage, after)
    else if (row.untouched) expectUntouched(before, after)
    await expectEvidence(row, stage, outcome, home)
    await row.after?.(stage, home, outcome)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** The evidence convinces a program that has the file, and the key of the one it convicts or the trust file. */
async function expectEvidence({ evidence }: Row, stage: Stage, outcome: Outcome, home: string): Promise<void> {
  if (evidence === null) {
    if (outcome.evidence !== null) throw new Error(`evidence that no row speaks of: ${outcome.evidence}`)
    return
  }
  if (outcome.evidence === null) throw new Error('no evidence was written')
  const isOfLog = ['fork', 'split', 'leaf-conflict', 'empty-root'].includes(evidence)
  const judged = await judgeEvidence(
    resolve(home, outcome.evidence),
    join(home, 'trust.json'),
    isOfLog ? [stage.logKey] : [],
  )
  if (judged.kind !== evidence || judged.verdict !== 'convicts')
    throw new Error(`the evidence is ${judged.kind} and says ${judged.verdict}`)
}
