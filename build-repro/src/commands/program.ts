/** `samebits-build`: the commands, and how wrong command lines are answered. */
import { exitCodes, ProgramError } from '@samebits/host'
import { Command, CommanderError } from 'commander'
import { attestCommand } from './attest.ts'
import { buildCommand } from './build.ts'
import { checkCommand } from './check.ts'
import { revokeCommand, waiveCommand } from './claim.ts'
import { imageCommand } from './image.ts'
import { initCommand } from './init.ts'
import type { CommandIo } from './io.ts'
import { keygenCommand } from './keygen.ts'
import { normalizeCommand } from './normalize.ts'
import { publishCommand } from './publish.ts'
import { rebuildCommand } from './rebuild.ts'
import { stapleCommand } from './staple.ts'
import { trustCommand } from './trust.ts'

/** Runs one command line (without the program's own name) to its exit status. */
export async function runCommandLine(args: readonly string[], io: CommandIo, version: string): Promise<number> {
  let status = 0
  const exit = (given: number) => {
    status = given
  }
  const program = new Command('samebits-build')
    .description('Sign releases, log them, and make the files that clients verify.')
    .version(version)
    .enablePositionalOptions() // --version after publish is the release's
    .addCommand(initCommand(io))
    .addCommand(keygenCommand(io))
    .addCommand(publishCommand(io, exit))
    .addCommand(stapleCommand(io))
    .addCommand(imageCommand(io))
    .addCommand(buildCommand(io))
    .addCommand(checkCommand(io, exit))
    .addCommand(normalizeCommand(io))
    .addCommand(attestCommand(io, version))
    .addCommand(rebuildCommand(io, version, exit))
    .addCommand(revokeCommand(io, exit))
    .addCommand(waiveCommand(io, exit))
    .addCommand(trustCommand(io, exit))
  for (const command of withInner(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: () => undefined, // the error is thrown as well, and said once by runProgram
    })
    if (command.commands.length === 0) command.option('--json', 'answer as one JSON document on standard output')
  }
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw usage(error)
  }
  return status
}

function withInner(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withInner)]
}

function usage(error: CommanderError): ProgramError {
  const noCommand = error.code === 'commander.help'
  return new ProgramError({
    code: 'USAGE',
    detail: noCommand ? 'no command was named' : error.message.replace(/^error: /, '').replaceAll('\n', ' '),
    remedy: 'Run samebits-build --help, or --help after a command.',
    exitCode: exitCodes.usage,
    cause: error,
  })
}
