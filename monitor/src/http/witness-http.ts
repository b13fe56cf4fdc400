/**
 * The witness protocol over HTTP (C2SP tlog-witness, "HTTP Interface"), with node's own server: Go clients compare the
 * 409's `Content-Type` with ==, and a request costs no more than its signatures.
 *
 *     POST <prefix>/add-checkpoint              200 lines · 400 · 403 · 404 · 409 size · 413 · 415 · 422 · 429 · 503
 *     GET  <prefix>/<origin hash>/checkpoint    200 checkpoint · 404 · 503
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddCheckpointRequest, FormatError, fromUtf8, parseAddCheckpoint } from '@samebits/core'
import type { Budget, Purpose } from '../witness/budget.ts'
import type { LogList } from '../witness/log-list.ts'
import { type Witness, WitnessBusyError, WitnessHaltedError } from '../witness/witness.ts'
import { StoreUnavailableError } from '../witness/witness-store.ts'
import { type Answer, send, wrongMethod } from './answer-http.ts'
import { type BodyFault, readBody } from './body-http.ts'

export interface WitnessHttpParts {
  readonly witness: Witness
  readonly logs: () => LogList
  readonly budget: Budget
  /** As `/witness`, without a slash at its end. */
  readonly prefix: string
  /** A defect of ours, for the operator. */
  readonly onDefect: (error: unknown) => void
  /** One answer to `add-checkpoint`. */
  readonly onAnswer: (status: number, seconds: number) => void
  /** Seconds that only go up. */
  readonly clock: () => number
}

/** 63 hashes, a checkpoint, and sixteen ML-DSA-44 lines fit several times. */
const maxBodyBytes = 128 * 1024

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
  const reads = req.method === 'GET' || req.method === 'HEAD'
  send(res, reads ? monitoringCopy(parts, copy[1] ?? '') : wrongMethod('GET, HEAD'))
  return true
}

/** Never rejects. */
async function answerAdd(parts: WitnessHttpParts, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const started = parts.clock()
  const answer = req.method === 'POST' ? await addCheckpoint(parts, req) : wrongMethod('POST')
  if (answer === null) return
  if (!req.complete) res.setHeader('Connection', 'close')
  send(res, answer)
  parts.onAnswer(answer.status, parts.clock() - started)
}

/** Null where the client left. */
async function addCheckpoint(parts: WitnessHttpParts, req: IncomingMessage): Promise<Answer | null> {
  try {
    const body = await readBody(req, maxBodyBytes)
    if (body === 'gone') return null
    return typeof body === 'string' ? bodyFaults[body] : await decide(parts, parseAddCheckpoint(fromUtf8(body)))
  } catch (error) {
    return failure(error, parts.onDefect)
  }
}

const bodyFaults: Readonly<Record<Exclude<BodyFault, 'gone'>, Answer>> = {
  'too-large': { status: 413, body: `more than ${maxBodyBytes} bytes\n` },
  encoded: { status: 415, body: 'checkpoints are sent as they are\n', headers: { 'Accept-Encoding': 'identity' } },
}

/** An unknown origin costs nothing: it is answered 404 without a look at a signature. */
async function decide({ witness, logs, budget }: WitnessHttpParts, request: AddCheckpointRequest): Promise<Answer> {
  const { origin, size } = request.checkpoint.checkpoint
  const log = logs().get(origin)
  const purpose: Purpose = request.oldSize === size ? 'repeat' : 'growth'
  const wait = log === undefined ? null : budget.admit(log, purpose)
  if (wait !== null) return { status: 429, body: 'too many requests for this log\n', headers: retryAfter(wait) }
  const decision = await witness.add(request)
  if (decision.status === 200 && log !== undefined) budget.spend(log, purpose)
  return decision
}

function failure(error: unknown, onDefect: (error: unknown) => void): Answer {
  if (error instanceof FormatError) return { status: 400, body: `${error.format}: ${error.detail}\n` }
  if (error instanceof WitnessBusyError) return { status: 503, body: 'busy\n', headers: retryAfter(1) }
  if (error instanceof StoreUnavailableError)
    return { status: 503, body: 'the state cannot be written now\n', headers: retryAfter(5) }
  if (error instanceof WitnessHaltedError) return { status: 503, body: 'halted\n', headers: retryAfter(60) }
  onDefect(error)
  return { status: 500, body: 'a defect of this witness; it was noted\n' }
}

function retryAfter(seconds: number): Record<string, string> {
  return { 'Retry-After': String(seconds) }
}

/** Seconds: short against the hour that C2SP allows, long enough that a crowd of monitors meets a cache. */
const copyMaxAge = 10

function monitoringCopy({ witness, onDefect }: WitnessHttpParts, originHash: string): Answer {
  try {
    const copy = witness.monitoringCopy(originHash)
    if (copy === null) return { status: 404, body: 'never cosigned\n' }
    return { status: 200, body: copy, headers: { 'Cache-Control': `max-age=${copyMaxAge}` } }
  } catch (error) {
    return failure(error, onDefect)
  }
}
