/** The client's side of the witness protocol (C2SP tlog-witness, "add-checkpoint"): one POST, one bounded answer. */
import { FormatError, fromUtf8 } from '@samebits/core'
import { WitnessFailure } from './failure.ts'

export interface SubmissionParts {
  readonly fetch: typeof globalThis.fetch
  /** Without a slash at its end. */
  readonly prefix: string
  /** Ends the request and its body. */
  readonly signal: AbortSignal
}

/** An answer of any status, nothing of it judged. */
export interface WitnessAnswer {
  readonly status: number
  /** Exactly as it came; null where there is none. */
  readonly contentType: string | null
  readonly body: string
  readonly retryAfterSeconds: number | null
}

/** Largest request that every witness takes: omniwitness reads 16 KiB. */
export const maxRequestBytes: number = 16 * 1024
/** Sixteen ML-DSA-44 lines are 55 KiB. */
const maxAnswerBytes = 64 * 1024
/** Longer than this no witness keeps a log waiting that needs it. */
const maxRetryAfterSeconds = 300

/** @throws WitnessFailure `timeout`, `unreachable`, `too-large`, `invalid` */
export async function postCheckpoint(parts: SubmissionParts, request: string): Promise<WitnessAnswer> {
  const body = new TextEncoder().encode(request)
  if (body.length > maxRequestBytes)
    throw new WitnessFailure('too-large', `the request has ${body.length} bytes, at most ${maxRequestBytes} are taken`)
  try {
    const response = await parts.fetch(`${parts.prefix}/add-checkpoint`, {
      method: 'POST',
      redirect: 'manual',
      credentials: 'omit',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body,
      signal: parts.signal,
    })
    return {
      status: response.status,
      contentType: response.headers.get('content-type'),
      body: await readBody(response),
      retryAfterSeconds: readRetryAfter(response.headers.get('retry-after')),
    }
  } catch (cause) {
    throw failureOf(cause, parts.signal)
  }
}

function failureOf(cause: unknown, signal: AbortSignal): WitnessFailure {
  if (cause instanceof WitnessFailure) return cause
  if (cause instanceof FormatError) return new WitnessFailure('invalid', 'the answer is no text', { cause })
  if (signal.aborted) return new WitnessFailure('timeout', 'no whole answer in time', { cause })
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
  return new WitnessFailure('unreachable', `the request failed: ${reason}`, { cause })
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > maxAnswerBytes) {
      await reader.cancel()
      throw new WitnessFailure('too-large', `the answer has more than ${maxAnswerBytes} bytes`)
    }
    chunks.push(value)
  }
  return fromUtf8(Buffer.concat(chunks))
}

/** Delay in seconds; a date, or anything else, is left alone. */
function readRetryAfter(header: string | null): number | null {
  return header !== null && /^[0-9]{1,9}$/.test(header) ? Math.min(Number(header), maxRetryAfterSeconds) : null
}
