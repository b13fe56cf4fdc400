/**
 * The log's write side, as a client sees it: `POST /add`, `PUT /v1/blob/<sha256>`, and the two convenience reads that
 * publishing uses (docs/formats.md §4). Nothing here is believed: the caller verifies what the log says against its
 * checkpoint and tiles.
 */
import { ProgramError } from '@samebits/host'
import { z } from 'zod'
import type { Machine } from './machine.ts'
import { Retryable } from './retry.ts'

/** What `POST /add` said. */
export type AddAnswer =
  /** 200: durable, and under a published checkpoint. */
  | { readonly kind: 'logged'; readonly index: number }
  /** 409 `blob-missing`: these bodies are wanted first. */
  | { readonly kind: 'blob-missing'; readonly sha256: readonly string[] }
  /** 409 `already-logged`: the same statement and signer in other bytes. */
  | { readonly kind: 'already-logged'; readonly index: number }
  /** Any other 409: the entry continues no met head. */
  | { readonly kind: 'conflict'; readonly code: string; readonly detail: string }

export interface LogClient {
  /** Posts one entry. @throws Retryable, or ProgramError LOG_REFUSED where trying again cannot help */
  add(entry: Uint8Array): Promise<AddAnswer>
  /** Stores one detached body that the log asked for. */
  putBlob(sha256: string, body: Uint8Array): Promise<void>
  /** A stored body, or null where the log has none. The caller checks its digest. */
  getBlob(sha256: string): Promise<Uint8Array | null>
  /** The update bundle that the log keeps of a trust step, or null. The caller checks it. */
  getTrustBundle(product: string, version: number): Promise<Uint8Array | null>
  /** Every size above `since` that the log says it published. */
  sizes(since: number): Promise<readonly number[]>
}

export interface LogClientOptions {
  readonly machine: Machine
  /** The log's base URL, with or without a final slash. */
  readonly url: string
  readonly signal: AbortSignal
  /** For one request, its answer included; `POST /add` waits for a witnessed checkpoint. */
  readonly timeoutMs?: number
}

const answerCap = 1 << 20
const blobCap = 4 << 20

export function logClient({ machine, url, signal, timeoutMs = 60_000 }: LogClientOptions): LogClient {
  const base = url.replace(/\/$/, '')
  const call = (path: string, init: RequestInit, cap: number) =>
    request(
      machine,
      `${base}${path}`,
      { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) },
      cap,
      signal,
    )
  return {
    async add(entry) {
      const headers = { 'content-type': 'application/json', accept: 'text/plain' }
      return readAddAnswer(await call('/add', { method: 'POST', headers, body: bodyOf(entry) }, answerCap))
    },
    async putBlob(sha256, body) {
      const headers = { 'content-type': 'application/octet-stream' }
      const answer = await call(`/v1/blob/${sha256}`, { method: 'PUT', headers, body: bodyOf(body) }, answerCap)
      if (answer.status < 200 || answer.status > 299) throw refused(answer)
    },
    async getBlob(sha256) {
      const answer = await call(`/v1/blob/${sha256}`, {}, blobCap)
      if (answer.status === 404) return null
      if (answer.status !== 200) throw refused(answer)
      return answer.body
    },
    async getTrustBundle(product, version) {
      const answer = await call(`/v1/trust/${encodeURIComponent(product)}/${version}`, {}, blobCap)
      if (answer.status === 404) return null
      if (answer.status !== 200) throw refused(answer)
      return answer.body
    },
    async sizes(since) {
      const answer = await call(`/v1/sizes?since=${since}`, {}, answerCap)
      if (answer.status !== 200) throw refused(answer)
      return readSizes(answer)
    },
  }
}

interface Answer {
  readonly method: string
  readonly url: string
  readonly status: number
  readonly contentType: string
  readonly body: Uint8Array
}

/** A `BodyInit` that shares no memory with the caller's bytes. */
const bodyOf = (bytes: Uint8Array): Blob => new Blob([Uint8Array.from(bytes)])

async function request(
  machine: Machine,
  url: string,
  init: RequestInit,
  cap: number,
  signal: AbortSignal,
): Promise<Answer> {
  const method = init.method ?? 'GET'
  let answer: Answer
  try {
    const response = await machine.fetch(url, { ...init, redirect: 'error' })
    const contentType = response.headers.get('content-type') ?? ''
    answer = { method, url, status: response.status, contentType, body: await readCapped(response, cap) }
    if (response.status === 429 || response.status >= 500)
      throw new Retryable(`${method} ${url} answered ${describe(answer)}`, {
        retryAfterMs: retryAfterMs(response.headers.get('retry-after')),
      })
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Retryable) throw error
    throw new Retryable(`${method} ${url} failed: ${networkReason(error)}`, { cause: error })
  }
  return answer
}

async function readCapped(response: Response, cap: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > cap) throw new Retryable(`the answer is longer than ${cap} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** RFC 9110 §10.2.3, the form in seconds; at most ten minutes, anything else counts as none. */
function retryAfterMs(header: string | null): number {
  return header !== null && /^[0-9]{1,3}$/.test(header) ? Math.min(600, Number(header)) * 1000 : 0
}

const problemSchema = z.looseObject({
  code: z.string().regex(/^[a-z0-9-]{1,64}$/i),
  detail: z.string().optional(),
  title: z.string().optional(),
})

/** The RFC 9457 problem document in an answer, or undefined where it is none. */
function problemOf(answer: Answer): z.infer<typeof problemSchema> | undefined {
  if (!answer.contentType.startsWith('application/problem+json')) return undefined
  const parsed = problemSchema.safeParse(jsonOf(answer.body))
  return parsed.success ? parsed.data : undefined
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined // not JSON: the caller's schema says so
  }
}

const blobMissing = z.looseObject({ sha256: z.union([hexDigest(), z.array(hexDigest()).min(1).max(64)]) })
const alreadyLogged = z.looseObject({ index: z.int().min(0) })

function hexDigest(): z.ZodString {
  return z.string().regex(/^[0-9a-f]{64}$/)
}

function readAddAnswer(answer: Answer): AddAnswer {
  if (answer.status === 200) {
    const text = Buffer.from(answer.body).toString('latin1')
    if (answer.contentType.startsWith('text/plain') && /^(0|[1-9][0-9]{0,15})\n?$/.test(text))
      return { kind: 'logged', index: Number(text) }
    throw new Retryable(`${answer.url} answered ${describe(answer)} where an index was expected`)
  }
  const problem = problemOf(answer)
  if (answer.status !== 409 || problem === undefined) throw refused(answer)
  if (problem.code === 'blob-missing') {
    const { data } = blobMissing.safeParse(problem)
    if (data !== undefined) return { kind: 'blob-missing', sha256: [data.sha256].flat() }
  }
  if (problem.code === 'already-logged') {
    const { data } = alreadyLogged.safeParse(problem)
    if (data !== undefined) return { kind: 'already-logged', index: data.index }
  }
  return { kind: 'conflict', code: problem.code, detail: problem.detail ?? problem.title ?? '' }
}

const sizesSchema = z.union([z.array(z.int().min(0)), z.looseObject({ sizes: z.array(z.int().min(0)) })])

function readSizes(answer: Answer): readonly number[] {
  const parsed = sizesSchema.safeParse(jsonOf(answer.body))
  if (!parsed.success) throw new Retryable(`${answer.url} answered ${describe(answer)} where sizes were expected`)
  return Array.isArray(parsed.data) ? parsed.data : parsed.data.sizes
}

/** A refusal by the log itself (4xx with its code) is final; anything that no log of ours says is not. */
function refused(answer: Answer): Error {
  const problem = problemOf(answer)
  if (problem === undefined) return new Retryable(`${answer.method} ${answer.url} answered ${describe(answer)}`)
  return new ProgramError({
    code: 'LOG_REFUSED',
    detail: `the log answered ${answer.status} ${problem.code}: ${problem.detail ?? problem.title ?? ''}`,
    remedy: "Check the log's admission file and this product's trust file against the key that signs.",
    exitCode: 10,
  })
}

function describe({ status, contentType, body }: Answer): string {
  const start = Buffer.from(body.subarray(0, 60)).toString('latin1')
  return `${status} ${contentType === '' ? 'without a content type' : contentType} ("${start}${body.length > 60 ? '…' : ''}")`
}

function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer in time'
  const cause = error.cause
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}
