/** `samebits-log`: the commands, and how wrong command lines are answered. */
import { exitCodes, ProgramError } from '@samebits/host'
import { Command, CommanderError } from 'commander'
import { backupCommand } from './backup.ts'
import { doctorCommand } from './doctor.ts'
import { freezeCommand } from './freeze.ts'
import { fsckCommand } from './fsck.ts'
import { initCommand } from './init.ts'
import type { CommandIo } from './io.ts'
import { joinCommand } from './join.ts'
import { keygenCommand } from './keygen.ts'
import { restoreCommand } from './restore.ts'
import { rotateCommand } from './rotate.ts'
import { serveCommand } from './serve.ts'

const introduction = `
A log in three commands:
  samebits-log keygen --origin example.com/log --keys-dir keys
  samebits-log init   --origin example.com/log --keys-dir keys --data-dir data
  samebits-log serve  --keys-dir keys --data-dir data`

/** Runs one command line (without the program's own name) to its exit status. */
export async function runCommandLine(args: readonly string[], io: CommandIo, version: string): Promise<number> {
  const program = new Command('samebits-log')
    .description('An append-only transparency log (C2SP tlog-tiles) for release statements, or for anything.')
    .version(version)
    .addHelpText('after', introduction)
  const makers = [
    ...[keygenCommand, initCommand, joinCommand, serveCommand, doctorCommand],
    ...[fsckCommand, backupCommand, restoreCommand, freezeCommand],
  ]
  let status = 0
  const setStatus = (given: number) => {
    status = given
  }
  for (const make of makers) program.addCommand(make(io))
  program.addCommand(rotateCommand(io, setStatus))
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: () => undefined, // the error is thrown as well, and said once by runProgram
    })
    if (command !== program) command.option('--json', 'answer as one JSON document on standard output')
  }
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw usage(error)
  }
  return status
}

function usage(error: CommanderError): ProgramError {
  const noCommand = error.code === 'commander.help'
  return new ProgramError({
    code: 'USAGE',
    detail: noCommand ? 'no command was named' : error.message.replace(/^error: /, '').replaceAll('\n', ' '),
    remedy: 'Run samebits-log --help, or --help after a command.',
    exitCode: exitCodes.usage,
    cause: error,
  })
}
