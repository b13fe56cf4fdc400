import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProgramError, visible } from '@samebits/host'
import { Command } from 'commander'
import { type CheckResult, check } from '../check/check.ts'
import { runDiffoscope } from '../check/diffoscope.ts'
import { htmlReport, jsonReport, textReport } from '../check/report.ts'
import { type Variation, variationNames } from '../check/variations.ts'
import { answer, type CommandIo } from './io.ts'
import { addBuildOptions, type BuildFlags, withBuild } from './with-build.ts'

interface Flags extends BuildFlags {
  readonly without: readonly string[]
  readonly explain: boolean
}

/** @param exit takes the command's exit status */
export function checkCommand(io: CommandIo, exit: (status: number) => void): Command {
  const collect = (value: string, before: readonly string[]) => [...before, ...value.split(',')]
  const command = new Command('check')
    .description(
      'build twice, plain and with everything varied, and compare; say of each difference what brings it out',
    )
    .option('--without <variation>', `leave out: ${variationNames.join(', ')}; may be repeated`, collect, [])
    .option('--no-explain', 'do not look for causes, which costs more builds')
  return addBuildOptions(command).action(async (flags: Flags) => {
    const without = new Set(flags.without.map(checkVariation))
    exit(
      await withBuild(io, flags, async (build, into) => {
        const onBuild = (what: string) => io.machine.say(`building, ${what}`)
        const result = await check(
          { build, without, explain: flags.explain, into, onBuild, sleep: io.machine.sleep },
          io.signal,
        )
        await report(io, result, into)
        return result.reproducible ? 0 : 10
      }),
    )
  })
}

async function report(io: CommandIo, result: CheckResult, into: string): Promise<void> {
  const foreign = result.reproducible ? null : await diffoscopeOf(io, result)
  const document = { ...jsonReport(result), folder: into, diffoscope: foreign }
  const [html, text] = [join(into, 'report.html'), textReport(result)]
  await writeFile(html, htmlReport(result, foreign))
  await writeFile(join(into, 'report.json'), `${JSON.stringify(document, null, 2)}\n`)
  await writeFile(join(into, 'report.txt'), text.map((line) => `${line}\n`).join(''))
  answer(io, document, [...text.map(visible), `report  ${html}`])
}

async function diffoscopeOf(io: CommandIo, { plain, varied }: CheckResult): Promise<string | null> {
  const texts: string[] = []
  for (const [at, { path, sha256 }] of plain.outputs.entries()) {
    const other = varied.outputs[at]
    if (other === undefined || other.sha256 === sha256) continue
    const text = await runDiffoscope(path, other.path, io.environment, io.signal)
    if (text !== null) texts.push(text)
  }
  return texts.length === 0 ? null : texts.join('\n')
}

function checkVariation(name: string): Variation {
  const known = variationNames.find((each) => each === name)
  if (known !== undefined) return known
  throw new ProgramError({
    code: 'USAGE',
    detail: `"${visible(name)}" is no variation`,
    remedy: `Use some of ${variationNames.join(', ')}.`,
  })
}
