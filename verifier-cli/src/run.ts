/** From the command line to the command. */
import { describeFailure } from '@samebits/host'
import { parseCommandLine } from './arguments.ts'
import { commands } from './commands.ts'
import type { World } from './world.ts'

declare const SAMEBITS_VERSION: string | undefined

/** The version that the build wrote in; from sources there is none. */
const version = typeof SAMEBITS_VERSION === 'string' ? SAMEBITS_VERSION : 'from sources'

/** Runs one command line. @returns the exit status. @throws ProgramError and the errors of the libraries, unless under `--json` */
export async function run(argv: readonly string[], given: Omit<World, 'commands' | 'version'>): Promise<number> {
  const world = { ...given, commands, version }
  try {
    return await runCommandLine(argv, world)
  } catch (error) {
    if (!world.json || world.signal.aborted) throw error
    const { code, detail, remedy = null, exitCode: exit } = describeFailure(error)
    world.stdout.write(`${JSON.stringify({ result: exit === 64 ? 'usage' : 'failed', exit, code, detail, remedy })}\n`)
    return exit
  }
}

async function runCommandLine(argv: readonly string[], world: World): Promise<number> {
  const parsed = parseCommandLine(commands, argv)
  if (parsed.kind === 'version') {
    world.stdout.write(world.json ? `${JSON.stringify({ version })}\n` : `samebits ${version}\n`)
    return 0
  }
  if (parsed.kind === 'help') {
    const { commandHelp, overview } = await import('./help.ts')
    world.stdout.write(parsed.command === null ? overview(commands, parsed.group) : commandHelp(parsed.command))
    return 0
  }
  const { run: runCommand } = await parsed.command.load()
  return await runCommand(parsed.given, world)
}
