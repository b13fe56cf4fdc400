/**
 * `POST add-entries` of a mirror (C2SP tlog-mirror, "add-entries"):
 *
 *     200 lines · 202 mirror-info · 400 · 404 · 409 mirror-info · 415 · 422 · 503
 *
 * The body may be of any length: it is checked and stored package by package as it comes, and whatever ends it, what was stored
 * stays. Mirror-info is a size under which entries may be uploaded, the next entry, and a ticket, which is always empty here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGunzip } from 'node:zlib'
import { FormatError, formatSignatureLines, ProofError } from '@samebits/core'
import { ByteStream } from '../mirror/byte-stream.ts'
import { type EntryPackage, readHeader, readPackage, type UploadHeader } from '../mirror/entry-packages.ts'
import type { Mirror } from '../mirror/mirror.ts'
import type { MirrorStore, PendingCheckpoint } from '../mirror/mirror-store.ts'
import type { LogList } from '../witness/log-list.ts'
import { failure } from './add-checkpoint-http.ts'
import { type Answer, wrongMethod } from './answer-http.ts'
import { sendBeforeEnd } from './early-answer-http.ts'

export interface AddEntriesParts {
  readonly mirror: Mirror
  readonly store: MirrorStore
  readonly logs: () => LogList
  /** Uploads at once: each holds a few packages in memory. */
  readonly slots: { free: number }
  /** For a body from which nothing comes. */
  readonly idleMs: number
  /** For the header, or one package, to come whole, however often a byte of it does: who sends less keeps a slot from others. */
  readonly pieceMs: number
  readonly onDefect: (error: unknown) => void
  readonly onAnswer: (status: number) => void
  /** Entries that are stored now. */
  readonly onSaved: (entries: number) => void
}

/** Entries that are stored already and may yet be sent again: 32 packages, as many as a request should have. */
const maxExcess = 32 * 256
/** What is checked is stored together, so that a sync of the disk serves many packages. */
const batchEntries = 16 * 256
const batchBytes = 8 << 20

/** For a client that was answered before its body ended. */
const longestLingerMs = 5000

const types = { octets: 'application/octet-stream', info: 'text/x.tlog.mirror-info' }

/** Never rejects. */
export async function answerAddEntries(
  parts: AddEntriesParts,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const answer = req.method === 'POST' ? await withSlot(parts, req) : wrongMethod('POST')
  res.setHeader('Accept-Encoding', 'gzip')
  parts.onAnswer(answer.status)
  sendBeforeEnd(req, res, answer, Math.min(parts.idleMs, longestLingerMs))
}

async function withSlot(parts: AddEntriesParts, req: IncomingMessage): Promise<Answer> {
  const { slots, onDefect, idleMs, pieceMs } = parts
  if (slots.free === 0) return { status: 503, body: 'too many uploads\n', headers: { 'Retry-After': '5' } }
  slots.free--
  req.setTimeout(idleMs, () => req.destroy())
  const piece = setTimeout(() => req.destroy(), pieceMs)
  try {
    const stream = bodyOf(req)
    return stream === null ? refusedType : await upload({ ...parts, onPiece: () => piece.refresh() }, stream)
  } catch (error) {
    return failure(error, onDefect)
  } finally {
    clearTimeout(piece)
    req.setTimeout(0)
    slots.free++
  }
}

const refusedType: Answer = { status: 415, body: `${types.octets}, as it is or as gzip\n` }

/** The decoded body; null for another type or coding. It ends where the client leaves or the coding breaks. */
function bodyOf(req: IncomingMessage): ByteStream | null {
  const coding = req.headers['content-encoding'] ?? 'identity'
  if (req.headers['content-type'] !== types.octets || !['identity', 'gzip'].includes(coding)) return null
  return new ByteStream(untilBroken(coding === 'gzip' ? req.pipe(createGunzip()) : req))
}

/** A body that breaks off is a shorter body: what was proven so far is kept ("Processing"). */
async function* untilBroken(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch {
    return
  }
}

interface UploadParts extends AddEntriesParts {
  /** The header or a package is there. */
  readonly onPiece: () => void
}

async function upload(parts: UploadParts, stream: ByteStream): Promise<Answer> {
  const header = await readHeader(stream)
  parts.onPiece()
  const pending = place(parts, header)
  if ('status' in pending) return pending
  const stored = await storeAll(parts, stream, header, pending)
  if (stored.refused !== null) return stored.refused
  if (stored.at < header.end) {
    const none = stored.at === header.start
    return none ? { status: 400, body: 'no whole package\n' } : info(parts, 202, header.origin, header.end)
  }
  const lines = await parts.mirror.publish(header.origin, pending)
  if (lines === null) return info(parts, 409, header.origin)
  return { status: 200, body: formatSignatureLines(lines) }
}

/** Under which checkpoint the upload is, or why it cannot be. */
function place({ store, logs }: AddEntriesParts, { origin, start, end }: UploadHeader): PendingCheckpoint | Answer {
  if (!logs().has(origin)) return { status: 404, body: 'unknown log\n' }
  if (store.read(origin) === null) return { status: 422, body: 'no checkpoint of this log was ever added\n' }
  const pending = store.pending(origin, end)
  const next = store.nextEntry(origin)
  const behind = end < (store.mirrorCheckpoint(origin)?.size ?? 0)
  if (pending === null || behind) return info({ store }, 409, origin)
  const excess = Math.min(end, next) - start
  return start > next || excess > maxExcess ? info({ store }, 409, origin, end) : pending
}

/** @param size under which the client may go on; the newest accepted one unless told */
function info({ store }: Pick<AddEntriesParts, 'store'>, status: number, origin: string, size?: number): Answer {
  const body = `${size ?? store.read(origin)?.size ?? 0}\n${store.nextEntry(origin)}\n\n`
  return { status, body, contentType: types.info }
}

interface Stored {
  /** Everything before it is checked and stored. */
  readonly at: number
  readonly refused: Answer | null
}

async function storeAll(
  parts: UploadParts,
  stream: ByteStream,
  { origin, start, end }: UploadHeader,
  pending: PendingCheckpoint,
): Promise<Stored> {
  const batch = new Batch(parts, origin, start)
  for (let at = start; at < end; ) {
    const found = await nextPackage(parts, stream, origin, at, pending)
    if (found === null) break
    if ('status' in found) return { at: batch.flush(), refused: found }
    parts.onPiece()
    batch.add(found)
    at = found.end
  }
  return { at: batch.flush(), refused: null }
}

async function nextPackage(
  { mirror }: AddEntriesParts,
  stream: ByteStream,
  origin: string,
  at: number,
  pending: PendingCheckpoint,
): Promise<EntryPackage | Answer | null> {
  try {
    const found = await readPackage(stream, at, pending.size)
    if (found !== null) mirror.check(origin, found, pending)
    return found
  } catch (error) {
    if (!(error instanceof ProofError) && !(error instanceof FormatError)) throw error
    return { status: 422, body: `the package at ${at}: ${error.detail}\n` }
  }
}

/** Packages that were checked and wait to be stored together. */
class Batch {
  readonly #parts: AddEntriesParts
  readonly #origin: string
  #from: number
  #entries: Uint8Array[] = []
  #bytes = 0

  constructor(parts: AddEntriesParts, origin: string, from: number) {
    this.#parts = parts
    this.#origin = origin
    this.#from = from
  }

  add({ entries }: EntryPackage): void {
    for (const entry of entries) {
      this.#entries.push(entry)
      this.#bytes += entry.length
    }
    if (this.#entries.length >= batchEntries || this.#bytes >= batchBytes) this.flush()
  }

  /** Stores what waits; gives the index behind it. */
  flush(): number {
    if (this.#entries.length > 0) {
      this.#parts.mirror.save(this.#origin, this.#from, this.#entries)
      this.#parts.onSaved(this.#entries.length)
    }
    this.#from += this.#entries.length
    this.#entries = []
    this.#bytes = 0
    return this.#from
  }
}
