/** `samebits completion SHELL` */
import { ProgramError } from '@samebits/host'
import type { Run } from '../command.ts'
import { completionScript, shells } from '../completion.ts'

export const run: Run = async (given, world) => {
  const asked = given.positionals[0]
  const shell = shells.find((name) => name === asked)
  if (shell === undefined)
    throw new ProgramError({
      code: 'USAGE',
      detail: `there is no completion for ${asked}`,
      remedy: `Name one of ${shells.join(', ')}.`,
    })
  const script = completionScript(shell, world.commands)
  world.stdout.write(world.json ? `${JSON.stringify({ shell, script })}\n` : script)
  return 0
}
