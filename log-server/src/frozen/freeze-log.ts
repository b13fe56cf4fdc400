/**
 * Freezing a log: refused while clients still depend on it, durable before it returns, and for ever. Whatever interrupts it, it
 * can be run again. Where several machines serve the log it is done on one of them, and the others learn of it from the database.
 */
import { equalBytes, parseSignedCheckpoint, rangeRoot } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { type DataDir, dataDir, exists, lockDataDir } from '../data-dir.ts'
import { readEdge } from '../edge.ts'
import type { Mode } from '../http/modes-http.ts'
import { readMarker } from '../marker.ts'
import { openStore } from '../open-store.ts'
import type { LogServerOptions } from '../options.ts'
import type { ProductMove } from '../products/moves.ts'
import { type HeadSigner, openOwn } from '../signer.ts'
import { type Head, HeadMovedError, type OpenStore } from '../store.ts'
import { checkSigned } from '../takeover.ts'
import { Ending } from './ending.ts'
import { type Frozen, formatFrozen, type Successor } from './frozen.ts'

export interface FreezeDeps {
  readonly signer: HeadSigner
  readonly successor: Successor
  /** Products that are left behind on purpose. */
  readonly leaveBehind: readonly string[]
  /** Unix seconds. */
  readonly now: () => number
}

/** @throws ProgramError NOT_INITIALISED, LOG_BUSY, ALREADY_FROZEN, LEFT_BEHIND; BehindError, TreeMismatchError, StorageError */
export async function freezeLog<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  deps: FreezeDeps,
): Promise<Frozen> {
  const paths = await filesOfLog(options.dataDir)
  const lock = await lockDataDir(options.dataDir)
  try {
    const { database, databaseTimeoutMs: timeoutMs } = options
    const store = await openStore({
      database,
      path: paths.database,
      timeoutMs,
      extension: mode.extension,
      create: false,
    })
    try {
      const ending = new Ending({ store, path: paths.frozen, origin: deps.signer.origin })
      const before = await ending.look()
      if (before === null) await demandMoved(options, mode, store, deps)
      else demandSame(before, deps.successor)
      await freezeStored(store, ending, options, deps)
      return await frozenNow(ending)
    } finally {
      await store.close()
    }
  } finally {
    lock.release()
  }
}

async function frozenNow(ending: Ending): Promise<Frozen> {
  const frozen = await ending.look()
  if (frozen === null) throw new Error('the log was frozen and is not')
  return frozen
}

/** Entries may still be committed on another machine: then the new head is frozen. */
async function freezeStored(
  store: OpenStore<unknown>,
  ending: Ending,
  { dataDir: folder }: LogServerOptions,
  deps: FreezeDeps,
): Promise<void> {
  const { checkpoint } = await readMarker(dataDir(folder).marker)
  for (;;) {
    const head = await store.head()
    if (head === null) throw new HeadMovedError(null)
    await demandWhole(store, head, deps.signer, checkpoint)
    try {
      if (ending.known !== null) await ending.enforce(head)
      else await store.freeze(head, statement(head, deps))
      return
    } catch (error) {
      if (!(error instanceof HeadMovedError) || error.committed === null) throw error
    }
  }
}

function statement({ size, root }: Head, { signer: { origin }, successor, now }: FreezeDeps): string {
  return formatFrozen({ origin, at: now(), size, root, successor })
}

/** What was signed must be in what is frozen: afterwards nothing could be brought back. */
async function demandWhole(store: OpenStore<unknown>, head: Head, signer: HeadSigner, marked: string): Promise<void> {
  const own = openOwn(signer, marked)
  if (own === null)
    throw refuse('WRONG_KEYS', 'the marker is not signed by these keys', 'Name the keys that init was given.')
  await checkSigned({ store, hasher: nodeCrypto }, head, own.checkpoint, 'the marker')
  const { range } = await readEdge(nodeCrypto, store, head.size)
  if (equalBytes(rangeRoot(nodeCrypto, range), head.root)) return
  throw refuse('LOG_DAMAGED', 'the stored tree does not have the root of the stored head', 'Run samebits-log fsck.')
}

async function demandMoved<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  store: OpenStore<Tables>,
  { signer: { origin }, successor, leaveBehind }: FreezeDeps,
): Promise<void> {
  const running = await mode.start({ origin, options, store, warn: () => undefined })
  const moves = (await running.moves?.()) ?? []
  running.stop()
  const behind = moves.filter((move) => isBehind(move, successor) && !leaveBehind.includes(move.product))
  if (behind.length === 0) return
  throw refuse(
    'LEFT_BEHIND',
    `clients of ${behind.map(({ product }) => product).join(', ')} are not led to ${successor.origin} yet`,
    'Have their authority publish the trust version that names it (docs/trust.md, “Another log”), or give --leave-behind PRODUCT.',
  )
}

/** Whether clients of a product have no way to the successor. */
export function isBehind({ origin, kept }: ProductMove, successor: Pick<Successor, 'origin'>): boolean {
  return origin !== successor.origin || !kept
}

function demandSame({ origin, successor: there }: Frozen, wanted: Successor): void {
  if (there.origin === wanted.origin && there.vkeys.join() === wanted.vkeys.join()) return
  throw refuse(
    'ALREADY_FROZEN',
    `${origin} was frozen in favour of ${there.origin}`,
    'That cannot be changed: clients and monitors have been told.',
  )
}

/** @throws ProgramError NOT_INITIALISED */
async function filesOfLog(folder: string): Promise<DataDir> {
  const paths = dataDir(folder)
  if (await exists(paths.marker)) return paths
  throw refuse('NOT_INITIALISED', `${folder} holds no log`, 'Name the folder of a log with --data-dir.')
}

/** Name of the log in a data folder. @throws ProgramError NOT_INITIALISED */
export async function originIn(folder: string): Promise<string> {
  const { marker } = await filesOfLog(folder)
  return parseSignedCheckpoint((await readMarker(marker)).checkpoint).checkpoint.origin
}

function refuse(code: string, detail: string, remedy: string): ProgramError {
  return new ProgramError({ code, detail, remedy, exitCode: 1 })
}
