/** How a refusal is told: at most five lines, or one JSON object. */
import { type Notice, type Refusal, refusalExit } from '@samebits/core'
import { visible } from '@samebits/host'
import type { Stopped } from '@samebits/updater'
import { styled } from './screen.ts'
import type { World } from './world.ts'

const words = { refused: 'REFUSED', undecided: 'UNDECIDED', usage: 'USAGE' } as const

/**
 *     REFUSED REVOKED: decided at step 20
 *       seen      release 7 is named by a revocation at entry 412
 *       do        Do not install this release; wait for the one that replaces it.
 *       evidence  app/.samebits/state/evidence/evidence-….json
 *       more      samebits explain REVOKED
 */
function refusalText(world: Pick<World, 'colour'>, { refusal, evidencePath }: Stopped): string {
  const { kind, code, detail, remedy, step } = refusal
  const style = kind === 'refused' ? 'red' : 'yellow'
  const title = code === null ? words[kind] : `${words[kind]} ${code}`
  const lines = [
    `${styled(world, style, title)}: decided at step ${visible(step)}`,
    `  seen      ${visible(detail)}`,
    `  do        ${visible(remedy)}`,
    ...(evidencePath === null ? [] : [`  evidence  ${visible(evidencePath)}`]),
    ...(code === null ? [] : [`  more      samebits explain ${code}`]),
  ]
  return `${lines.join('\n')}\n`
}

/** Tells a refusal. @returns the exit status */
export function tellRefusal(world: World, stopped: Stopped): number {
  const exit = refusalExit(stopped.refusal)
  if (world.json) world.stdout.write(`${JSON.stringify(refusalJson(stopped, exit))}\n`)
  else {
    tellNotices(world, stopped.notices)
    world.stderr.write(refusalText(world, stopped))
  }
  return exit
}

function refusalJson({ refusal, evidencePath, notices }: Stopped, exit: number): object {
  const { kind, code, detail, remedy, step } = refusal satisfies Refusal
  return { result: kind, exit, code: code ?? 'USAGE', detail, remedy, step, evidence: evidencePath, notices }
}

/** Notices go where they do not mix with an answer. */
export function tellNotices(world: World, notices: readonly Notice[]): void {
  for (const { code, text } of notices)
    world.stderr.write(`${styled(world, 'dim', `note ${code}:`)} ${visible(text)}\n`)
}
