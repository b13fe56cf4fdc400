/**
 * The witness protocol over HTTP (C2SP tlog-witness, "HTTP Interface"), with node's own server: Go clients compare the
 * 409's `Content-Type` with ==, and a request costs no more than its signatures.
 *
 *     POST <prefix>/add-checkpoint              200 lines · 400 · 403 · 404 · 409 size · 422 · 429 · 503
 *     GET  <prefix>/<origin hash>/checkpoint    200 checkpoint · 404
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddCheckpointRequest, FormatError, fromUtf8, parseAddCheckpoint } from '@samebits/core'
import type { Budget } from '../witness/budget.ts'
import type { LogList } from '../witness/log-list.ts'
import { type Witness, WitnessBusyError, WitnessHaltedError } from '../witness/witness.ts'
import { BodyTooLargeError, readBody } from './body-http.ts'

export interface WitnessHttpParts {
  readonly witness: Witness
  readonly logs: () => LogList
  /** The listed origin with this SHA-256, in lower-case hex; null where there is none. */
  readonly originOf: (hash: string) => string | null
  readonly budget: Budget
  /** As `/witness`, without a slash at its end. */
  readonly prefix: string
  readonly onDefect: (error: unknown) => void
  readonly onAnswer: (status: number, seconds: number) => void
  /** Seconds that only go up. */
  readonly clock: () => number
}

/** 63 hashes, a checkpoint, and sixteen ML-DSA-44 lines fit several times. */
const maxBodyBytes = 128 * 1024

interface Answer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
  readonly retryAfterSeconds?: number
}

/** Answers a request under the prefix; false where the path is not the witness's. */
export function handleWitness(parts: WitnessHttpParts, req: IncomingMessage, res: ServerResponse): boolean {
  const { prefix } = parts
  const path = (req.url ?? '').split('?', 1)[0] ?? ''
  if (path === `${prefix}/add-checkpoint`) {
    void answerAdd(parts, req, res)
    return true
  }
  const copy = path.startsWith(`${prefix}/`) ? /^([0-9a-f]{64})\/checkpoint$/.exec(path.slice(prefix.length + 1)) : null
  if (copy === null) return false
  send(res, req.method === 'GET' || req.method === 'HEAD' ? monitoringCopy(parts, copy[1] ?? '') : wrongMethod)
  return true
}

const wrongMethod: Answer = { status: 405, body: 'method not allowed\n' }

async function answerAdd(parts: WitnessHttpParts, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const started = parts.clock()
  const answer = req.method === 'POST' ? await addCheckpoint(parts, req) : wrongMethod
  send(res, answer)
  parts.onAnswer(answer.status, parts.clock() - started)
}

async function addCheckpoint(parts: WitnessHttpParts, req: IncomingMessage): Promise<Answer> {
  try {
    const request = parseAddCheckpoint(fromUtf8(await readBody(req, maxBodyBytes)))
    return overBudget(parts, request) ?? (await parts.witness.add(request))
  } catch (error) {
    return failure(error, parts.onDefect)
  }
}

/** An unknown origin costs no budget: it is answered 404 without a look at a signature. */
function overBudget({ logs, budget }: WitnessHttpParts, { checkpoint }: AddCheckpointRequest): Answer | null {
  const log = logs().get(checkpoint.checkpoint.origin)
  const wait = log === undefined ? null : budget.take(log.origin, log.queriesPerDay)
  return wait === null ? null : { status: 429, body: 'too many requests for this log\n', retryAfterSeconds: wait }
}

function failure(error: unknown, onDefect: (error: unknown) => void): Answer {
  if (error instanceof FormatError) return { status: 400, body: `${error.format}: ${error.detail}\n` }
  if (error instanceof BodyTooLargeError) return { status: 413, body: `more than ${maxBodyBytes} bytes\n` }
  if (error instanceof WitnessBusyError) return { status: 503, body: 'busy\n', retryAfterSeconds: 1 }
  if (error instanceof WitnessHaltedError) return { status: 503, body: 'halted\n', retryAfterSeconds: 60 }
  onDefect(error)
  return { status: 500, body: 'a defect of this witness; it was noted\n' }
}

function monitoringCopy({ witness, originOf }: WitnessHttpParts, originHash: string): Answer {
  const origin = originOf(originHash)
  const copy = origin === null ? null : witness.monitoringCopy(origin)
  return copy === null ? { status: 404, body: 'never cosigned\n' } : { status: 200, body: copy }
}

function send(res: ServerResponse, { status, body, contentType, retryAfterSeconds }: Answer): void {
  const bytes = Buffer.from(body)
  res.statusCode = status
  res.setHeader('Content-Type', contentType ?? 'text/plain; charset=utf-8')
  res.setHeader('Content-Length', bytes.length)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  if (retryAfterSeconds !== undefined) res.setHeader('Retry-After', retryAfterSeconds)
  res.end(bytes)
}
