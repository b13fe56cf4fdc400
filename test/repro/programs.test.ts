/**
 * Programs that others wrote, and our own command line, as test/repro/programs describes them: built plain and with everything varied,
 * compared with each other and, where their projects published the same, with that.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { CheckResult } from '../../build-repro/src/check/check.ts'
import { missingTools, type Program, preparedSource, published } from './program.ts'
import { cacheFolder, checkHere, findTestEngine, reproImage } from './support.ts'
import { type Row, writeTable } from './table.ts'

const folder = join(import.meta.dirname, 'programs')
const files = (await readdir(folder)).sort()
const programs = await Promise.all(
  files.map(async (file) => JSON.parse(await readFile(join(folder, file), 'utf8')) as Program),
)
/** `all`, `quick`, or the name of one. */
const which = process.env['SAMEBITS_REPRO'] ?? 'all'
const chosen = programs.filter(({ name, quick }) => which === 'all' || which === name || (which === 'quick' && quick))
const skipped = process.env['MODE'] === 'repro' ? null : 'run by npm run test:repro'
const engine = skipped === null ? await findTestEngine() : null
const rows: Row[] = []

describe.runIf(engine !== null)('real programs', () => {
  afterAll(() => writeTable(rows, which === 'all'))

  it.for(chosen)('$name $version', { timeout: 3_600_000 }, async (program, { skip }) => {
    const missing = missingTools(program)
    if (missing.length > 0) skip(`not run: ${missing.join(', ')} is not installed`)
    const result = await checked(program)
    const same = await published(program, result.plain.outputs)
    rows.push({ program, result, same })
    const told = result.differences
      .filter(({ kind }) => kind !== 'checksum')
      .map(({ kind, cause }) => ({ kind, variations: 'variations' in cause ? cause.variations : [] }))
    expect(result.variety.unvaried).toEqual([])
    expect([...new Set(told.map((each) => JSON.stringify(each)))].sort()).toEqual(
      program.expect.map((each) => JSON.stringify(each)).sort(),
    )
    expect(same).not.toContain(false)
  })
})

async function checked(program: Program): Promise<CheckResult> {
  if (engine === null) throw new Error('there is no engine')
  const image = await reproImage(program.image)
  const folder = await preparedSource(program)
  const recipe = { ...program.build, build: { run: program.build.run }, epoch: program.epoch }
  const onBuild = (what: string) => console.log(`${program.name}: ${what}`)
  const result = await checkHere({ engine, image, recipe, folder, room: cacheFolder, onBuild })
  const found = join(cacheFolder, `${program.name.replace('/', '_')}.json`)
  await writeFile(found, JSON.stringify(result.differences, null, 1))
  return result
}

it.runIf(engine === null)(`real programs: not run (${skipped ?? 'no container engine'})`, (context) => context.skip())
