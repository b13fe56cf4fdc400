/**
 * HTTP as an updater needs it: every answer bounded in bytes and in time, redirects followed by hand.
 *
 * Nothing that comes through here is trusted; the rules only keep a bad server from holding, filling or misdirecting the
 * client. A redirect never leaves https for http, and headers that the application gave go to the origin they were given
 * for and nowhere else.
 */
import { backoffMs, defaultRetry, type RetryPolicy, type Sleep, sleep } from './backoff.ts'
import { IoFailure, isFailure, reasonOf } from './failure.ts'

/** The part of the global `fetch` that is used. */
export type Fetch = (
  url: string,
  init: {
    readonly headers: Record<string, string>
    readonly redirect: 'manual'
    readonly signal: AbortSignal
    /** Of what is handed to monitors; everything else is asked for with GET. */
    readonly method?: 'POST'
    readonly body?: string
  },
) => Promise<Response>

export interface HttpOptions {
  readonly fetch: Fetch
  /** Uniform in [0, 1): jitter. */
  readonly random: () => number
  readonly sleep?: Sleep
  readonly retry?: RetryPolicy
  /** Longest silence before or between two pieces of an answer. */
  readonly idleTimeoutMs?: number
  /** Longest time for a whole small answer. A download has no such bound of its own: `open` takes one. */
  readonly totalTimeoutMs?: number
  readonly maxRedirects?: number
  /** Plain http beyond loopback. Proofs do not need https; the privacy of what is asked does. */
  readonly allowHttp?: boolean
  /** Sent to the origin of the URL that was asked for, and dropped when a redirect leaves it. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface GetRequest {
  readonly maxBytes: number
  /** Hand over the first `maxBytes` + 1 bytes of a longer body instead of failing: for readers that know the bound themselves. */
  readonly cut?: boolean
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/** A whole answer. Statuses are the caller's to judge; only 408, 425, 429 and 5xx are tried again first. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
  /** Where the answer came from in the end. */
  readonly url: string
}

export interface OpenRequest {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Longest time for the whole body; none unless told. */
  readonly totalTimeoutMs?: number
}

/** An answer whose body is still to be read. Reading to the end or calling `cancel` frees the connection. */
export interface HttpStream {
  readonly status: number
  readonly headers: Headers
  readonly url: string
  readonly body: AsyncIterable<Uint8Array>
  cancel(): Promise<void>
}

export interface HttpClient {
  /** One bounded answer, after retries. @throws IoFailure TRANSPORT or SIZE_EXCEEDED, or the signal's reason */
  get(url: string, request: GetRequest): Promise<HttpAnswer>
  /** One answer as a stream, one attempt. @throws IoFailure TRANSPORT, or the signal's reason */
  open(url: string, request: OpenRequest): Promise<HttpStream>
}

export function createHttpClient(options: HttpOptions): HttpClient {
  const { random, retry = defaultRetry, sleep: wait = sleep, totalTimeoutMs = 60_000 } = options
  const open = (url: string, request: OpenRequest) => openStream(options, url, request)
  return {
    open,
    async get(url, { maxBytes, cut = false, ...request }) {
      for (let attempt = 0; ; attempt++) {
        const last = attempt + 1 >= retry.attempts
        let askedMs = 0
        try {
          const stream = await open(url, { totalTimeoutMs, ...request })
          if (!isTransient(stream.status) || last) return await readAnswer(stream, maxBytes, cut)
          askedMs = retryAfterMs(stream.headers)
          await stream.cancel()
        } catch (error) {
          if (last || !isRetriable(error)) throw error
        }
        await wait(backoffMs(retry, attempt, random, askedMs), request.signal)
      }
    },
  }
}

/** A failure that a later attempt may not meet. A refused redirect is met again. */
class TransientFailure extends IoFailure {}

/** Whether trying the same request again makes sense. */
export function isRetriable(error: unknown): boolean {
  return error instanceof TransientFailure
}

/** Statuses that say "not now": RFC 9110 §15.5.9, §15.6, RFC 8470, RFC 6585 §4. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500
}

/** `Retry-After` in its form of seconds (RFC 9110 §10.2.3), in milliseconds; 0 where absent or a date. */
export function retryAfterMs(headers: Headers): number {
  const value = headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(value) ? Number(value) * 1000 : 0
}

async function readAnswer(stream: HttpStream, maxBytes: number, cut: boolean): Promise<HttpAnswer> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of stream.body) {
    const taken = cut ? part.subarray(0, maxBytes + 1 - size) : part
    size += taken.length
    if (size > maxBytes && !cut)
      throw new IoFailure('SIZE_EXCEEDED', `${stream.url} answers with more than ${maxBytes} bytes`)
    parts.push(taken)
    if (size > maxBytes) break
  }
  const body = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, size)
  return { status: stream.status, headers: stream.headers, body, url: stream.url }
}

async function openStream(options: HttpOptions, start: string, request: OpenRequest): Promise<HttpStream> {
  const timer = watch(options.idleTimeoutMs ?? 20_000, request.totalTimeoutMs, start)
  const signal = request.signal === undefined ? timer.signal : AbortSignal.any([request.signal, timer.signal])
  try {
    const { response, url } = await follow(options, start, request, signal)
    timer.touch()
    return {
      status: response.status,
      headers: response.headers,
      url,
      body: watchedBody(response, timer, request.signal, url),
      async cancel() {
        timer.stop()
        await response.body?.cancel().catch(() => undefined)
      },
    }
  } catch (error) {
    timer.stop()
    throw asFailure(error, start, timer.signal, request.signal)
  }
}

async function follow(options: HttpOptions, start: string, request: OpenRequest, signal: AbortSignal) {
  const { maxRedirects = 5, allowHttp = false } = options
  let url = checkUrl(start, undefined, allowHttp)
  let own: Readonly<Record<string, string>> = options.headers ?? {}
  for (let hops = 0; ; hops++) {
    const headers = { 'accept-encoding': 'identity', ...own, ...request.headers }
    const response = await options.fetch(url.href, { headers, redirect: 'manual', signal })
    const location = response.headers.get('location')
    if (!redirects.has(response.status) || location === null) return { response, url: url.href }
    await response.body?.cancel()
    if (hops === maxRedirects) throw new IoFailure('TRANSPORT', `${start} redirects more than ${maxRedirects} times`)
    const next = checkUrl(
      URL.canParse(location, url.href) ? new URL(location, url.href).href : location,
      url,
      allowHttp,
    )
    if (next.origin !== url.origin) own = {}
    url = next
  }
}

/** RFC 9110 §15.4 and RFC 7538. 304 is an answer. */
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** @throws IoFailure TRANSPORT */
export function checkUrl(text: string, from: URL | undefined, allowHttp: boolean): URL {
  const refuse = (why: string) =>
    new IoFailure('TRANSPORT', `${from === undefined ? '' : `${from.href} redirects to `}${text}: ${why}`)
  if (!URL.canParse(text)) throw refuse('not a URL')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') throw refuse('credentials in a URL are not sent')
  if (url.protocol === 'https:') return url
  if (url.protocol !== 'http:') throw refuse('only https is followed')
  if (from?.protocol === 'https:') throw refuse('a redirect from https to http is not followed')
  if (!allowHttp && !isLoopback(url.hostname)) throw refuse('plain http is allowed on this machine only')
  return url
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

interface Watch {
  readonly signal: AbortSignal
  /** Something arrived: the idle clock starts anew. */
  touch(): void
  /** Our own side is at work on what came: silence is not the server's now. */
  pause(): void
  stop(): void
}

function watch(idleTimeoutMs: number, totalTimeoutMs: number | undefined, url: string): Watch {
  const controller = new AbortController()
  const expire = (what: string) => controller.abort(new TransientFailure('TRANSPORT', `${url}: ${what}`))
  let paused = false
  const idle = setTimeout(() => {
    if (paused) idle.refresh()
    else expire(`nothing came for ${idleTimeoutMs / 1000} s`)
  }, idleTimeoutMs)
  const total =
    totalTimeoutMs === undefined
      ? undefined
      : setTimeout(expire, totalTimeoutMs, `no complete answer within ${totalTimeoutMs / 1000} s`)
  return {
    signal: controller.signal,
    touch() {
      paused = false
      idle.refresh()
    },
    pause() {
      paused = true
    },
    stop() {
      clearTimeout(idle)
      clearTimeout(total)
    },
  }
}

async function* watchedBody(
  response: Response,
  timer: Watch,
  outer: AbortSignal | undefined,
  url: string,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const part of response.body ?? []) {
      timer.pause()
      yield part
      timer.touch()
    }
  } catch (error) {
    throw asFailure(error, url, timer.signal, outer)
  } finally {
    timer.stop()
  }
}

/** The caller's abort keeps its own reason; everything else that `fetch` throws is the network's. */
function asFailure(error: unknown, url: string, timeout: AbortSignal, outer: AbortSignal | undefined): unknown {
  if (outer?.aborted) return outer.reason
  if (timeout.aborted) return timeout.reason
  if (isFailure(error)) return error
  return new TransientFailure('TRANSPORT', `${url}: ${reasonOf(error)}`, { cause: error })
}
