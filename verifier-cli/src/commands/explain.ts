/** `samebits explain [CODE]` */
import { type RefusalCode, refusalCodes, remedyFor } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Run } from '../command.ts'
import { explanations } from '../explanations.ts'
import { styled } from '../screen.ts'
import type { World } from '../world.ts'

export const run: Run = async (given, world) => {
  const [asked] = given.positionals
  if (asked === undefined) listAll(world)
  else explainOne(asked, world)
  return 0
}

function listAll(world: World): void {
  if (world.json) {
    const all = refusalCodes.map((code) => ({ code, ...explanations[code], remedy: remedyFor(code) }))
    world.stdout.write(`${JSON.stringify({ codes: all })}\n`)
    return
  }
  const width = Math.max(...refusalCodes.map((code) => code.length))
  for (const code of refusalCodes) world.stdout.write(`${code.padEnd(width)}  ${explanations[code].means}\n`)
}

function explainOne(asked: string, world: World): void {
  const code = refusalCodes.find((known) => known === asked.toUpperCase())
  if (code === undefined)
    throw new ProgramError({ code: 'USAGE', detail: `there is no code ${asked}`, remedy: 'Run: samebits explain' })
  const { means, matters, causes } = explanations[code]
  if (world.json) {
    world.stdout.write(`${JSON.stringify({ code, means, matters, causes, remedy: remedyFor(code) })}\n`)
    return
  }
  world.stdout.write(page(code, world))
}

function page(code: RefusalCode, world: World): string {
  const { means, matters, causes } = explanations[code]
  return `${styled(world, 'bold', code)}
  what it means   ${means}
  why it matters  ${matters}
  what causes it  ${causes.join('\n                  ')}
  what to do      ${remedyFor(code)}
`
}
