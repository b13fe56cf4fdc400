/**
 * Making a log: the empty tree is signed, marked and published (docs/log.md rule 3), so that from its first moment there is
 * a checkpoint that every later one must extend.
 */
import { emptyRoot, formatVkey, parseSignedCheckpoint } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { type DataDir, dataDir, exists, lockDataDir } from './data-dir.ts'
import type { StaticPlace } from './export/static-place.ts'
import { createMarker, readMarker } from './marker.ts'
import { openStore } from './open-store.ts'
import type { LogServerOptions } from './options.ts'
import { fetchPublished } from './published-place.ts'
import { type HeadSigner, openOwn } from './signer.ts'
import { noExtension } from './sql.ts'
import type { LogStore } from './store.ts'
import type { WitnessCopies } from './witnessing.ts'

export interface CreateLogOptions extends Partial<Pick<LogServerOptions, 'database' | 'databaseTimeoutMs'>> {
  readonly dataDir: string
  readonly signer: HeadSigner
  /** Where else the log is to be published; empty for nowhere. */
  readonly publishedUrl: string
  /** Where its files are to be written through to. */
  readonly exported?: StaticPlace | null
  /** What the witnesses hold under this origin. */
  readonly copies: WitnessCopies
  readonly fetch: typeof globalThis.fetch
  /** Unix seconds. */
  readonly now: () => number
}

export interface CreatedLog {
  readonly origin: string
  readonly vkeys: readonly string[]
  readonly checkpoint: string
}

/** Interrupted before its end, it can be run again; a log that is there is never touched. @throws ProgramError LOG_EXISTS */
export async function createLog(options: CreateLogOptions): Promise<CreatedLog> {
  const paths = dataDir(options.dataDir)
  const lock = await lockDataDir(options.dataDir)
  try {
    if (await exists(paths.marker)) {
      const finished = await finish(options, paths)
      if (finished !== null) return finished
      throw logExists(`${paths.marker} says that a log was made here`)
    }
    await refusePublished(options)
    await refuseExported(options)
    refuseWitnessed(options)
    const { database = '', databaseTimeoutMs: timeoutMs = 5000 } = options
    const store = await openStore({ database, path: paths.database, timeoutMs, extension: noExtension, create: true })
    try {
      return await signEmptyTree(options, store, paths.marker)
    } finally {
      await store.close()
    }
  } finally {
    lock.release()
  }
}

/** Publishes what an interrupted run had signed; null where that is not what is here. */
async function finish({ signer, ...options }: CreateLogOptions, paths: DataDir): Promise<CreatedLog | null> {
  const { checkpoint, epoch } = await readMarker(paths.marker)
  if (openOwn(signer, checkpoint)?.checkpoint.size !== 0 || epoch !== 0) return null
  const { database = '', databaseTimeoutMs: timeoutMs = 5000 } = options
  const store = await openStore({ database, path: paths.database, timeoutMs, extension: noExtension, create: true })
  try {
    const head = await store.head()
    if (head === null || head.size > 0 || head.epoch > 0 || (await store.published()) !== null) return null
    await store.publish({ size: 0, checkpoint }, 0)
    return { origin: signer.origin, vkeys: signer.keys.map(formatVkey), checkpoint }
  } finally {
    await store.close()
  }
}

async function signEmptyTree(
  { signer, now }: CreateLogOptions,
  store: LogStore<unknown>,
  markerPath: string,
): Promise<CreatedLog> {
  const head = (await store.head()) ?? (await store.create(emptyRoot(nodeCrypto)))
  // Without a marker nothing was ever signed, unless the marker was lost: then this is no place for a new log.
  if (head.size > 0 || head.epoch > 0 || (await store.published()) !== null)
    throw logExists('the database holds a log whose marker is missing')
  const { text: checkpoint } = await signer.sign(head, now())
  await createMarker(markerPath, { checkpoint, epoch: head.epoch })
  await store.publish({ size: head.size, checkpoint }, head.epoch)
  return { origin: signer.origin, vkeys: signer.keys.map(formatVkey), checkpoint }
}

function refuseWitnessed({ copies, signer }: CreateLogOptions): void {
  const [copy] = copies.found
  if (copy !== undefined) throw logExists(`${copy.name} is a checkpoint of ${signer.origin}`)
  if (copies.missing === null) return
  const detail = `no quorum of the witnesses says whether ${signer.origin} began before: ${copies.missing}`
  throw new ProgramError({ code: 'WITNESS_UNREACHABLE', detail, remedy: 'Try again when they can be reached.' })
}

async function refuseExported({ exported, signer }: CreateLogOptions): Promise<void> {
  const present = await exported?.checkpoint()
  if (!present) return
  const { origin } = parseSignedCheckpoint(present.text).checkpoint
  throw logExists(`${exported?.name} holds a checkpoint of ${origin}${origin === signer.origin ? '' : ', another log'}`)
}

async function refusePublished({ publishedUrl, fetch, signer }: CreateLogOptions): Promise<void> {
  if (publishedUrl === '') return
  const text = await fetchPublished({ url: publishedUrl, fetch, timeoutMs: 10_000 })
  if (text === null) return
  const { origin } = parseSignedCheckpoint(text).checkpoint
  if (origin === signer.origin) throw logExists(`${publishedUrl} holds a checkpoint of ${signer.origin}`)
}

function logExists(detail: string): ProgramError {
  return new ProgramError({
    code: 'LOG_EXISTS',
    detail,
    remedy: 'A log begins once: choose another folder and origin, or serve the one that is there.',
  })
}
