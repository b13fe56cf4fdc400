/** Restoring a log's storage from what it published: folder, marker, keys and source, put together. */
import {
  fromUtf8,
  httpTileSource,
  type OpenedCheckpoint,
  parseSignedCheckpoint,
  SourceError,
  type TileSource,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { dataDir, exists, lockDataDir } from './data-dir.ts'
import { directorySource } from './directory-source.ts'
import type { Mode } from './http/modes-http.ts'
import { createMarker, type Marked, readMarker } from './marker.ts'
import { openStore } from './open-store.ts'
import type { LogServerOptions } from './options.ts'
import { bodiesOver, type Restored, restoreLog } from './restore-log.ts'
import { type HeadSigner, headSigner, type LogKey, openOwn } from './signer.ts'

export interface RestoreFromDeps {
  /** URL of a log or of a mirror, or a folder of a log's files. */
  readonly from: string
  /** The folder may have no marker: what else this log signed is then known to nobody here. */
  readonly withoutMarker: boolean
  readonly keys: readonly LogKey[]
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onProgress: (size: number, total: number) => void
}

export interface RestoreReport extends Restored {
  readonly origin: string
  /** Size of the last tree that the marker knows; what lies beyond `to` was signed and is missing still. */
  readonly signed: number
}

/** @throws ProgramError NOT_OURS, MARKER_MISSING, RESTORE_REFUSED, LOG_BUSY; TreeMismatchError, SourceError, StorageError */
export async function restoreFrom<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  deps: RestoreFromDeps,
): Promise<RestoreReport> {
  const source = sourceOf(deps)
  const text = fromUtf8(await source.checkpoint())
  const { origin } = parseSignedCheckpoint(text).checkpoint
  const signer = headSigner(nodeCrypto, origin, deps.keys)
  const published = openOwn(signer, text)
  if (published === null)
    throw new ProgramError({
      code: 'NOT_OURS',
      detail: `the checkpoint of ${origin} at ${deps.from} is not signed by the keys of this log`,
      remedy: 'Name a place of this log, and the keys that init was given.',
    })
  const paths = dataDir(options.dataDir)
  const lock = await lockDataDir(options.dataDir)
  try {
    const marked = (await exists(paths.marker)) ? await readMarker(paths.marker) : null
    if (marked === null && !deps.withoutMarker) throw noMarker(options.dataDir)
    const last = marked === null ? published : openMarked(signer, marked)
    const report = await restoreInto(options, mode, deps, { signer, source, marked, trees: [last, published] })
    if (marked === null) {
      const { text: own } = await signer.sign(published.checkpoint, deps.now())
      await createMarker(paths.marker, { checkpoint: own, epoch: report.epoch })
    }
    return { origin, ...report, signed: Math.max(last.checkpoint.size, published.checkpoint.size) }
  } finally {
    lock.release()
  }
}

function noMarker(folder: string): ProgramError {
  return new ProgramError({
    code: 'MARKER_MISSING',
    detail: `${folder} has no marker, so nothing here tells what this log has signed`,
    remedy:
      'Name its folder; where it is lost, add --without-marker, and serve with --policy or --published-url, which know.',
  })
}

function openMarked(signer: HeadSigner, marked: Marked): OpenedCheckpoint {
  const opened = openOwn(signer, marked.checkpoint)
  if (opened !== null) return opened
  throw new ProgramError({
    code: 'WRONG_KEYS',
    detail: `the marker is not of ${signer.origin}, or not signed by these keys`,
    remedy: 'Name the data folder, the keys and a place of one log.',
  })
}

interface RestoreInputs {
  readonly signer: HeadSigner
  readonly source: TileSource
  readonly marked: Marked | null
  /** Signed by us: what the marker says, and what is published. */
  readonly trees: readonly [OpenedCheckpoint, OpenedCheckpoint]
}

async function restoreInto<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  deps: RestoreFromDeps,
  { signer, source, marked, trees: [last, published] }: RestoreInputs,
): Promise<Restored> {
  const { database, databaseTimeoutMs: timeoutMs, dataDir: folder } = options
  const path = dataDir(folder).database
  const store = await openStore({ database, path, timeoutMs, extension: mode.extension, create: true })
  const running = await mode.start({ origin: signer.origin, options, store, warn: () => undefined })
  try {
    const admission = running.indexed ? await running.openAdmission() : null
    const http = isUrl(deps.from)
    const restore = (target: OpenedCheckpoint) =>
      restoreLog({
        ...{ store, hasher: nodeCrypto, source, target, marked, admission, now: deps.now, signal: deps.signal },
        publish: target === published,
        bodies: running.bodies ?? null,
        fetchBody: http ? bodiesOver(deps.from.replace(/\/$/, ''), deps.fetch) : noBodies,
        onProgress: (size) => deps.onProgress(size, target.checkpoint.size),
      })
    if (last.checkpoint.size <= published.checkpoint.size) return await restore(published)
    return await restore(last).catch((error: unknown) => {
      if (error instanceof SourceError && error.kind === 'missing') return restore(published)
      throw error
    })
  } finally {
    running.stop()
    await store.close()
  }
}

const isUrl = (from: string): boolean => /^https?:\/\//.test(from)

function sourceOf({ from, fetch }: RestoreFromDeps): TileSource {
  if (!isUrl(from)) return directorySource(from)
  const signal = () => AbortSignal.timeout(60_000)
  return httpTileSource({ prefix: from, fetch, signal, allowHttpLoopback: true })
}

async function noBodies(sha256: string): Promise<Uint8Array> {
  throw new SourceError('missing', sha256, 'detached bodies are not among the files of a folder')
}
