import { dirname, resolve } from 'node:path'
import {
  equalBytes,
  FormatError,
  fromUtf8,
  type OpenedCheckpoint,
  openCheckpoint,
  parseVkey,
  rangeRoot,
  type VerifierKey,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { exitCodes, ProgramError, progress } from '@samebits/host'
import { Command, InvalidArgumentError } from 'commander'
import { dataDir } from '../data-dir.ts'
import { FsckError, type FsckReport, fsck, fsckFault, rangeAt, runChecker } from '../fsck.ts'
import { type FsckTarget, openSource } from '../fsck-source.ts'
import { type FsckWorkers, inlineWorker, startWorkers } from '../fsck-workers.ts'
import { readMarker } from '../marker.ts'
import { openSqliteReader } from '../sqlite-store.ts'
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
    .argument('<source>', "a log's data folder, or its URL")
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
  const target: FsckTarget = /^https?:\/\//.test(source)
    ? { kind: 'url', url: source }
    : { kind: 'database', path: dataDir(resolve(io.cwd, source)).database }
  const started = io.timing.clock()
  const { checkpoint, report } = await checkLog(io, target, keys, flags).catch(asProgramError)
  const seconds = Math.max(0.001, (io.timing.clock() - started) / 1000)
  const rate = Math.round(report.entries / seconds)
  const { origin, size } = checkpoint.checkpoint
  answer(io, { origin, size, ...report, seconds, entriesPerSecond: rate, checkpoint: checkpoint.text }, [
    `${origin} is whole: ${size} entries, ${report.tiles} tiles, root and signature, in ${seconds.toFixed(1)} s (${rate} entries/s)`,
  ])
}

function asProgramError(error: unknown): never {
  if (error instanceof ProgramError) throw error
  const { code, message } = fsckFault(error)
  const damaged = code === 'LOG_DAMAGED'
  const remedy = damaged
    ? 'Serve it no more from this copy; compare it with another one.'
    : 'Check the path or URL, and try again.'
  throw new ProgramError({ code, detail: message, remedy, exitCode: damaged ? 1 : exitCodes.io, cause: error })
}

/** Entries from which on threads are started. */
const worthThreads = 32_768

interface Checked {
  readonly checkpoint: OpenedCheckpoint
  readonly report: FsckReport
}

async function checkLog(
  io: CommandIo,
  target: FsckTarget,
  keys: readonly VerifierKey[],
  flags: Flags,
): Promise<Checked> {
  const { source, ahead, close } = openSource(target, io.fetch)
  let workers: FsckWorkers | null = null
  try {
    // What was signed is read before the head: a server beside us only makes the head larger.
    const marked = target.kind === 'database' ? (await readMarker(markerBeside(target.path))).checkpoint : null
    const signed = fromUtf8(await source.checkpoint())
    const checkpoint = openOwn(signed, keys, flags.origin)
    const tree = target.kind === 'database' ? await committedTree(target.path) : checkpoint.checkpoint
    const count = flags.workers ?? Math.min(4, io.processors)
    workers =
      tree.size < worthThreads ? inlineWorker(runChecker(nodeCrypto, source, ahead)) : startWorkers(count, target)
    const bar = progress({
      stream: io.stderr,
      clock: io.timing.clock,
      unit: 'entries',
      label: 'checked',
      total: tree.size,
    })
    const report = await fsck({
      ...{ hasher: nodeCrypto, source, size: tree.size, root: tree.root, concurrency: workers.count },
      checkRun: workers.checkRun,
      onProgress: (entries) => bar.update(entries),
    })
    bar.finish()
    await checkLiesOn(source, tree.size, checkpoint, 'the published checkpoint')
    if (marked !== null) await checkLiesOn(source, tree.size, openOwn(marked, keys, flags.origin), 'the marker')
    return { checkpoint, report }
  } finally {
    await workers?.close()
    await close()
  }
}

function markerBeside(database: string): string {
  return dataDir(dirname(database)).marker
}

/** The stored head: it may be ahead of what is published. */
async function committedTree(path: string): Promise<{ size: number; root: Uint8Array }> {
  const reader = openSqliteReader(path)
  try {
    const head = await reader.head()
    if (head === null) throw new FsckError('the database holds no head')
    return head
  } finally {
    await reader.close()
  }
}

type TileReader = ReturnType<typeof openSource>['source']

async function checkLiesOn(source: TileReader, size: number, signed: OpenedCheckpoint, name: string): Promise<void> {
  const { checkpoint } = signed
  if (checkpoint.size > size)
    throw new FsckError(`${name} is of size ${checkpoint.size}, and only ${size} entries are stored`)
  const range = await rangeAt(nodeCrypto, source, checkpoint.size)
  if (!equalBytes(rangeRoot(nodeCrypto, range), checkpoint.root))
    throw new FsckError(`${name} of size ${checkpoint.size} has another root than the entries give`)
}

function openOwn(text: string, keys: readonly VerifierKey[], origin = keys[0]?.name): OpenedCheckpoint {
  return openCheckpoint(nodeCrypto, text, keys, origin)
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
