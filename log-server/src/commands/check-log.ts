/** Checking a whole log for a command: source, progress, threads, and what was signed beside it. */
import { dirname } from 'node:path'
import {
  equalBytes,
  fromUtf8,
  type OpenedCheckpoint,
  openCheckpoint,
  rangeRoot,
  type VerifierKey,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { exitCodes, ProgramError, progress } from '@samebits/host'
import { dataDir } from '../data-dir.ts'
import { FsckError, type FsckReport, fsck, fsckFault, rangeAt, runChecker } from '../fsck.ts'
import { type FsckTarget, openSource } from '../fsck-source.ts'
import { type FsckWorkers, inlineWorker, startWorkers } from '../fsck-workers.ts'
import { readMarker } from '../marker.ts'
import { openSqliteReader } from '../sqlite-store.ts'
import type { CommandIo } from './io.ts'

/** A failed check, as the command says it. */
export function asProgramError(error: unknown): never {
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

export interface CheckOptions {
  /** The log's name, where it is not its key's. */
  readonly origin?: string
  /** Threads; one a processor, at most 4, unless told. */
  readonly workers?: number
  /** A database without a marker beside it: a backup. */
  readonly unmarked?: boolean
}

export interface Checked {
  /** What was checked: of a database the committed head, otherwise the published tree. */
  readonly tree: { readonly size: number; readonly root: Uint8Array }
  readonly checkpoint: OpenedCheckpoint
  readonly report: FsckReport
}

export async function checkLog(
  io: CommandIo,
  target: FsckTarget,
  keys: readonly VerifierKey[],
  options: CheckOptions,
): Promise<Checked> {
  const { source, ahead, close } = openSource(target, io.fetch)
  let workers: FsckWorkers | null = null
  try {
    // What was signed is read before the head: a server beside us only makes the head larger.
    const hasMarker = target.kind === 'database' && options.unmarked !== true
    const marked = hasMarker ? (await readMarker(markerBeside(target.path))).checkpoint : null
    const signed = fromUtf8(await source.checkpoint())
    const checkpoint = openOwn(signed, keys, options.origin)
    const tree = target.kind === 'database' ? await committedTree(target.path) : checkpoint.checkpoint
    const count = options.workers ?? Math.min(4, io.processors)
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
    if (marked !== null) await checkLiesOn(source, tree.size, openOwn(marked, keys, options.origin), 'the marker')
    return { tree, checkpoint, report }
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
