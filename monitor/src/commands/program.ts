/** `samebits-monitor`: the commands, and how wrong command lines are answered. */
import { exitCodes, ProgramError } from '@samebits/host'
import { Command, CommanderError } from 'commander'
import { evidenceCommand } from './evidence.ts'
import type { CommandIo, RunningIo } from './io.ts'
import { keygenCommand } from './keygen.ts'
import { mirrorCommand } from './mirror.ts'
import { runCommand } from './run.ts'
import { witnessCommand } from './witness.ts'

const introduction = `
Follow a log:
  samebits-monitor run --url https://log.example.com --key VKEY

A witness in two commands:
  samebits-monitor keygen  --name witness.example.com/w1 --keys-dir keys
  samebits-monitor witness --keys-dir keys --data-dir data --logs logs.txt`

/** Runs one command line (without the program's own name) to its exit status. */
export async function runCommandLine(args: readonly string[], io: CommandIo, version: string): Promise<number> {
  const program = new Command('samebits-monitor')
    .description('Watches transparency logs, so that a split view is noticed and proven.')
    .version(version)
    .addHelpText('after', introduction)
  let status = 0
  const running: RunningIo = {
    ...io,
    leaveWith(asked) {
      status = asked
    },
  }
  const commands = [
    runCommand(running),
    keygenCommand(io),
    witnessCommand(io),
    mirrorCommand(io),
    evidenceCommand(running),
  ]
  for (const command of commands) program.addCommand(command)
  for (const command of withChildren(program)) {
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

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withChildren)]
}

function usage(error: CommanderError): ProgramError {
  const noCommand = error.code === 'commander.help'
  return new ProgramError({
    code: 'USAGE',
    detail: noCommand ? 'no command was named' : error.message.replace(/^error: /, '').replaceAll('\n', ' '),
    remedy: 'Run samebits-monitor --help, or --help after a command.',
    exitCode: exitCodes.usage,
    cause: error,
  })
}
