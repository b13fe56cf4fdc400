import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { exitCodes, ProgramError, systemReason, writeFileDurably } from '@samebits/host'
import { Command } from 'commander'
import { describeChanges } from '../normalize/changes.ts'
import { normalize } from '../normalize/normalize.ts'
import { answer, type CommandIo } from './io.ts'

interface Flags {
  readonly output?: string
  readonly inPlace?: true
  readonly epoch?: string
}

export function normalizeCommand(io: CommandIo): Command {
  return new Command('normalize')
    .description('take times, owners and order out of an archive (tar, tar.gz, zip, ar), and say what changed')
    .argument('<archive>', 'the file')
    .option('--output <file>', 'where the normalized archive goes')
    .option('--in-place', 'replace the file itself')
    .option('--epoch <seconds>', 'later times become this one (default: $SOURCE_DATE_EPOCH)')
    .action((file: string, flags: Flags) => run(io, resolve(io.cwd, file), flags))
}

async function run(io: CommandIo, path: string, flags: Flags): Promise<void> {
  if ((flags.output === undefined) === (flags.inPlace === undefined))
    throw usage('either --output or --in-place says where the result goes', 'Give one of them.')
  const target = flags.output === undefined ? path : resolve(io.cwd, flags.output)
  const text = flags.epoch ?? io.environment['SOURCE_DATE_EPOCH']
  if (text === undefined || !/^(0|[1-9][0-9]{0,9})$/.test(text))
    throw usage('there is no epoch', 'Give --epoch in Unix seconds, or set SOURCE_DATE_EPOCH.')
  const bytes = await readFile(path).catch((error: Error) => {
    throw new ProgramError({
      code: 'IO',
      detail: `cannot read ${path}: ${systemReason(error)}`,
      remedy: 'Name a file that is there.',
      exitCode: exitCodes.io,
    })
  })
  const { bytes: clean, changes } = normalize(bytes, Number(text))
  await writeFileDurably(target, clean)
  answer(io, { path: target, changes }, [`${target}: ${describeChanges(changes)}`])
}

function usage(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy })
}
