/**
 * Fetching a file whose length and SHA-256 are known beforehand, so that an interrupted fetch goes on where it stopped.
 *
 *     <sha256>.part        what has come so far
 *     <sha256>.part.json   { "url", "validator" } of the answer that it came from
 *     <sha256>             the whole file, hashed
 *
 * Nothing on the disk is believed: what an earlier run left is hashed again, and a file that turns out wrong after it was
 * resumed is fetched once more from its start, because the earlier part may be the culprit.
 */
import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode, syncDirectory, writeFileDurably } from '@samebits/host'
import { backoffMs, defaultRetry, type RetryPolicy, type Sleep, sleep } from './backoff.ts'
import { IoFailure, isFailure } from './failure.ts'
import { hashHandle, hashInto } from './file-hash.ts'
import { type HttpClient, type HttpStream, isRetriable, isTransient, retryAfterMs } from './http-client.ts'
import { openPlainFile } from './paths.ts'

/** A file to fetch. */
export interface Wanted {
  /** 64 lower-case hex digits. */
  readonly sha256: string
  readonly size: number
  /** Where it may be had, tried in order. */
  readonly urls: readonly string[]
}

export interface DownloadOptions {
  readonly http: HttpClient
  /** A private folder. */
  readonly directory: string
  readonly random: () => number
  readonly sleep?: Sleep
  readonly retry?: RetryPolicy
  /** Longest time for one answer; what has come by then is kept and the rest asked for anew. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** Called as bytes arrive; `received` goes back to 0 where a fetch starts over. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
  /** Called for every few megabytes: see `UpdaterOptions.relieveMemory`. */
  readonly relieveMemory?: (() => void) | undefined
}

/** Garbage at most between two calls of `relieveMemory`: what comes is there twice, as it was read and as it is handed over. */
const relieveEveryBytes = 2 * 1024 * 1024

export interface DownloadProgress {
  readonly received: number
  readonly total: number
}

/**
 * Fetches one file into `directory` under its own digest and returns its path. A whole one that is there is hashed, not fetched.
 * @throws IoFailure TRANSPORT, SIZE_EXCEEDED, DIGEST_MISMATCH or PATH_REFUSED; the signal's reason
 */
export async function download(wanted: Wanted, options: DownloadOptions): Promise<string> {
  const done = join(options.directory, wanted.sha256)
  if (await isWhole(done, wanted, options.signal)) {
    options.onProgress?.({ received: wanted.size, total: wanted.size })
    return done
  }
  let failure: unknown = new IoFailure('TRANSPORT', 'there is no place to fetch the artifact from')
  for (const url of wanted.urls) {
    try {
      await fetchWhole(url, wanted, options)
      await rename(`${done}.part`, done)
      await rm(`${done}.part.json`, { force: true })
      await syncDirectory(options.directory)
      return done
    } catch (error) {
      if (!isFailure(error, 'TRANSPORT', 'SIZE_EXCEEDED', 'DIGEST_MISMATCH')) throw error
      failure = error
    }
  }
  throw failure
}

async function isWhole(path: string, { sha256, size }: Wanted, signal: AbortSignal | undefined): Promise<boolean> {
  const handle = await openPlainFile(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (handle === null) return false
  try {
    if ((await handle.stat()).size === size && (await hashHandle(handle, signal)).sha256 === sha256) return true
  } finally {
    await handle.close()
  }
  await rm(path, { force: true })
  return false
}

async function fetchWhole(url: string, wanted: Wanted, options: DownloadOptions): Promise<void> {
  const part = new PartFile(join(options.directory, `${wanted.sha256}.part`), wanted, url)
  const resumed = await attemptAll(part, options)
  if (part.digest() === wanted.sha256) return
  await part.discard()
  if (!resumed) throw mismatch(url, wanted, part)
  await attemptAll(part, options)
  if (part.digest() === wanted.sha256) return
  await part.discard()
  throw mismatch(url, wanted, part)
}

function mismatch(url: string, wanted: Wanted, part: PartFile): IoFailure {
  const seen = part.received === wanted.size ? `SHA-256 ${part.digest()}` : `${part.received} of ${wanted.size} bytes`
  return new IoFailure('DIGEST_MISMATCH', `${url} gave ${seen}, and ${wanted.sha256} is what was logged`)
}

const defaultTimeoutMs = 3_600_000
/** Progress earns new attempts, but a server that gives a byte a connection does not keep a client for ever. */
const maxAttempts = 100

/** Tries until the body has ended. @returns whether any byte was there before, so that a mismatch may be its fault */
async function attemptAll(part: PartFile, options: DownloadOptions): Promise<boolean> {
  const { retry = defaultRetry, random, signal, sleep: wait = sleep } = options
  let resumed = false
  for (let attempt = 0, before = 0, all = 1; ; attempt++, all++) {
    let askedMs = 0
    try {
      resumed = (await part.open(signal)) > 0 || resumed
      const { timeoutMs: totalTimeoutMs = defaultTimeoutMs } = options
      const stream = await options.http.open(part.url, { headers: part.rangeHeaders(), signal, totalTimeoutMs })
      askedMs = retryAfterMs(stream.headers)
      await part.receive(stream, options)
      return resumed
    } catch (error) {
      if (part.received > before) attempt = 0
      before = part.received
      if (!isRetriable(error) && !(error instanceof NotNow)) throw error
      if (attempt + 1 >= retry.attempts || all === maxAttempts) throw error
    } finally {
      await part.close()
    }
    await wait(backoffMs(retry, attempt, random, askedMs), signal)
  }
}

/** The server's answer may be another one later. */
class NotNow extends IoFailure {}

class PartFile {
  readonly url: string
  readonly #path: string
  readonly #wanted: Wanted
  #handle: FileHandle | null = null
  #hash: Hash = createHash('sha256')
  #validator = ''
  #digest = ''
  received = 0

  constructor(path: string, wanted: Wanted, url: string) {
    this.#path = path
    this.#wanted = wanted
    this.url = url
  }

  /** Opens the file and hashes what may be kept of it. @returns how many bytes that is */
  async open(signal: AbortSignal | undefined): Promise<number> {
    this.#handle = await openPlainFile(this.#path, constants.O_RDWR | constants.O_CREAT)
    this.#validator = await readValidator(`${this.#path}.json`, this.url)
    const { size } = await this.#handle.stat()
    if (this.#validator === '' || size >= this.#wanted.size) await this.#restart()
    else {
      this.#hash = createHash('sha256')
      this.received = await hashInto(this.#hash, this.#handle, size, signal)
    }
    return this.received
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = null
  }

  async discard(): Promise<void> {
    await rm(this.#path, { force: true })
    await rm(`${this.#path}.json`, { force: true })
  }

  digest(): string {
    return this.#digest
  }

  /** RFC 9110 §13.1.5, §14.2: the rest, provided that it is still the same representation. */
  rangeHeaders(): Record<string, string> {
    return this.received === 0 ? {} : { range: `bytes=${this.received}-`, 'if-range': this.#validator }
  }

  async receive(stream: HttpStream, { onProgress, relieveMemory }: DownloadOptions): Promise<void> {
    try {
      await this.#accept(stream)
      const { size: total } = this.#wanted
      const writer = new PieceWriter(this.#open(), this.received)
      onProgress?.({ received: this.received, total })
      let garbage = 0
      try {
        for await (const bytes of stream.body) {
          if (this.received + bytes.length > total) throw await this.#tooLong()
          this.#hash.update(bytes)
          await writer.write(bytes)
          this.received += bytes.length
          onProgress?.({ received: this.received, total })
          garbage += bytes.length
          if (garbage < relieveEveryBytes) continue
          relieveMemory?.()
          garbage = 0
        }
      } finally {
        await writer.end()
      }
    } finally {
      await stream.cancel()
    }
    await this.#open().sync()
    this.#digest = this.#hash.digest('hex')
  }

  #open(): FileHandle {
    if (this.#handle === null) throw new Error('the part file is not open')
    return this.#handle
  }

  async #accept(stream: HttpStream): Promise<void> {
    const { status, headers } = stream
    if (status === 206 && this.received > 0 && startsAt(headers, this.received, this.#wanted.size)) return
    if (status === 206 || status === 416) {
      await this.discard()
      throw new NotNow('TRANSPORT', `${stream.url} answers ${status} with another range than was asked for`)
    }
    const Failure = isTransient(status) ? NotNow : IoFailure
    if (status !== 200) throw new Failure('TRANSPORT', `${stream.url} answers ${status}`)
    await this.#restart()
    if (Number(headers.get('content-length') ?? 0) > this.#wanted.size) throw await this.#tooLong()
    await this.#remember(headers)
  }

  async #tooLong(): Promise<IoFailure> {
    await this.discard()
    return new IoFailure('SIZE_EXCEEDED', `${this.url} sends more than the ${this.#wanted.size} bytes that were logged`)
  }

  async #restart(): Promise<void> {
    await this.#open().truncate(0)
    this.#hash = createHash('sha256')
    this.received = 0
  }

  async #remember(headers: Headers): Promise<void> {
    const validator = strongValidator(headers)
    if (validator === '') await rm(`${this.#path}.json`, { force: true })
    else await writeFileDurably(`${this.#path}.json`, JSON.stringify({ url: this.url, validator }), { mode: 0o600 })
  }
}

/** `Content-Range: bytes <first>-<last>/<complete length>`, RFC 9110 §14.4 */
function startsAt(headers: Headers, first: number, total: number): boolean {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers.get('content-range') ?? '')
  if (match === null) return false
  return Number(match[1]) === first && Number(match[2]) < total && (match[3] === '*' || Number(match[3]) === total)
}

/** A strong entity tag; a date or a weak tag may name two different files (RFC 9110 §8.8.1, §13.1.5). */
function strongValidator(headers: Headers): string {
  const tag = headers.get('etag') ?? ''
  return /^"[\x21\x23-\x7e]{1,200}"$/.test(tag) ? tag : ''
}

async function readValidator(path: string, url: string): Promise<string> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof value !== 'object' || value === null || !('url' in value) || !('validator' in value)) return ''
    return value.url === url && typeof value.validator === 'string' ? value.validator : ''
  } catch (error) {
    if (isCode(error, 'ENOENT') || error instanceof SyntaxError) return ''
    throw error
  }
}

const pieceBytes = 1 << 20

/** Gathers network-sized pieces into large writes, one of which is under way while the next is gathered. */
class PieceWriter {
  readonly #handle: FileHandle
  #buffer = Buffer.allocUnsafeSlow(pieceBytes)
  #spare = Buffer.allocUnsafeSlow(pieceBytes)
  #filled = 0
  #offset: number
  #pending: Promise<unknown> = Promise.resolve()

  constructor(handle: FileHandle, offset: number) {
    this.#handle = handle
    this.#offset = offset
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const take = Math.min(bytes.length - from, pieceBytes - this.#filled)
      this.#buffer.set(bytes.subarray(from, from + take), this.#filled)
      this.#filled += take
      from += take
      if (this.#filled === pieceBytes) await this.#flush()
    }
  }

  async end(): Promise<void> {
    await this.#flush()
    await this.#pending
  }

  async #flush(): Promise<void> {
    await this.#pending
    const piece = this.#buffer.subarray(0, this.#filled)
    this.#pending = writeAll(this.#handle, piece, this.#offset)
    this.#pending.catch(() => undefined)
    this.#offset += this.#filled
    this.#filled = 0
    ;[this.#buffer, this.#spare] = [this.#spare, this.#buffer]
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done)
    done += bytesWritten
  }
}
