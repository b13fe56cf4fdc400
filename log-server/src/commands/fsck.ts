import { join, resolve } from 'node:path'
import { FormatError, parseVkey, type VerifierKey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { Command, InvalidArgumentError } from 'commander'
import { dataDir, exists } from '../data-dir.ts'
import type { FsckTarget } from '../fsck-source.ts'
import { asProgramError, checkLog } from './check-log.ts'
import { answer, type CommandIo } from './io.ts'

interface Flags {
  readonly key: readonly string[]
  readonly origin?: string
  readonly workers?: number
}

const help = `
Exit status: 0 the log is whole; 1 it is not, and the line says where; 74 it could not be read.
A data folder is checked beside a running server or without one: its published checkpoint, its committed head and
its marker must all lie on the tree that its entries give.`

export function fsckCommand(io: CommandIo): Command {
  return new Command('fsck')
    .description('recompute a whole log from its entries, and compare every tile, the root and the signature')
    .argument('<source>', "a log's data folder, a folder of its files, or its URL")
    .option('--key <VKEY>', "the log's key as keygen prints it; may be repeated", collect, [])
    .option('--origin <NAME>', "the log's name, where it is not its key's name")
    .option('--workers <N>', 'threads (default: one a processor, at most 4)', workerCount)
    .addHelpText('after', help)
    .action((source: string, flags: Flags) => runFsck(io, source, flags))
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

function workerCount(value: string): number {
  if (!/^[1-9][0-9]?$/.test(value)) throw new InvalidArgumentError('a number from 1 to 99.')
  return Number(value)
}

async function runFsck(io: CommandIo, source: string, flags: Flags): Promise<void> {
  const keys = parseKeys(flags.key)
  const target = await targetOf(source, io.cwd)
  const started = io.timing.clock()
  const { checkpoint, report } = await checkLog(io, target, keys, flags).catch(asProgramError)
  const seconds = Math.max(0.001, (io.timing.clock() - started) / 1000)
  const rate = Math.round(report.entries / seconds)
  const { origin, size } = checkpoint.checkpoint
  answer(io, { origin, size, ...report, seconds, entriesPerSecond: rate, checkpoint: checkpoint.text }, [
    `${origin} is whole: ${size} entries, ${report.tiles} tiles, root and signature, in ${seconds.toFixed(1)} s (${rate} entries/s)`,
  ])
}

/** A folder with a checkpoint in it is a log's files; any other is the data folder of a server. */
async function targetOf(source: string, cwd: string): Promise<FsckTarget> {
  if (/^https?:\/\//.test(source)) return { kind: 'url', url: source }
  const path = resolve(cwd, source)
  if (await exists(join(path, 'checkpoint'))) return { kind: 'directory', path }
  return { kind: 'database', path: dataDir(path).database }
}

function parseKeys(texts: readonly string[]): VerifierKey[] {
  const remedy = 'Name the key with --key, as keygen printed it.'
  if (texts.length === 0) throw new ProgramError({ code: 'USAGE', detail: 'no key of the log was named', remedy })
  try {
    return texts.map((text) => parseVkey(nodeCrypto, text))
  } catch (error) {
    if (error instanceof FormatError) throw new ProgramError({ code: 'USAGE', detail: error.message, remedy })
    throw error
  }
}
