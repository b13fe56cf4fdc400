/** `POST add-checkpoint` of a witness or a mirror (C2SP tlog-witness, "add-checkpoint"). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AddCheckpointRequest,
  FormatError,
  fromUtf8,
  parseAddCheckpoint,
  type WitnessDecision,
} from '@samebits/core'
import type { Budget, Purpose } from '../witness/budget.ts'
import type { LogList } from '../witness/log-list.ts'
import { WitnessBusyError, WitnessHaltedError } from '../witness/witness.ts'
import { StoreUnavailableError } from '../witness/witness-store.ts'
import { type Answer, send, wrongMethod } from './answer-http.ts'
import { type BodyFault, readBody } from './body-http.ts'

export interface AddCheckpointParts {
  /** Decides one request; resolves once what it allows is durable. Throws as `Witness.add` does. */
  readonly add: (request: AddCheckpointRequest) => Promise<WitnessDecision>
  /**
   * The lines that were given for this very checkpoint when it was cosigned last; null where it was another. Nothing is signed. For
   * who cosigns.
   */
  readonly repeat?: (request: AddCheckpointRequest) => Promise<Answer | null>
  readonly logs: () => LogList
  readonly budget: Budget
  /** A defect of ours, for the operator. */
  readonly onDefect: (error: unknown) => void
  /** One answer to `add-checkpoint`. */
  readonly onAnswer: (status: number, seconds: number) => void
  /** Seconds that only go up. */
  readonly clock: () => number
}

/** 63 hashes, a checkpoint, and sixteen ML-DSA-44 lines fit several times. */
const maxBodyBytes = 128 * 1024

/** Never rejects. */
export async function answerAddCheckpoint(
  parts: AddCheckpointParts,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const started = parts.clock()
  const answer = req.method === 'POST' ? await addCheckpoint(parts, req) : wrongMethod('POST')
  if (answer === null) return
  if (!req.complete) res.setHeader('Connection', 'close')
  send(res, answer)
  parts.onAnswer(answer.status, parts.clock() - started)
}

/** Null where the client left. */
async function addCheckpoint(parts: AddCheckpointParts, req: IncomingMessage): Promise<Answer | null> {
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
async function decide(parts: AddCheckpointParts, request: AddCheckpointRequest): Promise<Answer> {
  const { add, logs, budget } = parts
  const { origin, size } = request.checkpoint.checkpoint
  const log = logs().get(origin)
  const purpose: Purpose = request.oldSize === size ? 'repeat' : 'growth'
  const wait = log === undefined ? null : budget.admit(log, purpose)
  if (wait !== null) return (await repeated(parts, request, purpose)) ?? tooMany(wait)
  const decision = await add(request)
  if (decision.status === 200 && log !== undefined) budget.spend(log, purpose)
  return decision
}

/**
 * Anybody may send again what a log has published. Whoever does it often uses up the budget for cosigning that tree again; then the
 * log gets the lines that they made be given last, which are newer than its own.
 */
async function repeated(
  { repeat, budget }: AddCheckpointParts,
  request: AddCheckpointRequest,
  purpose: Purpose,
): Promise<Answer | null> {
  return purpose === 'repeat' && repeat !== undefined && budget.look() ? repeat(request) : null
}

function tooMany(wait: number): Answer {
  return { status: 429, body: 'too many requests for this log\n', headers: retryAfter(wait) }
}

/** The answer where no decision came. */
export function failure(error: unknown, onDefect: (error: unknown) => void): Answer {
  if (error instanceof FormatError) return { status: 400, body: `${error.format}: ${error.detail}\n` }
  if (error instanceof WitnessBusyError) return { status: 503, body: 'busy\n', headers: retryAfter(1) }
  if (error instanceof StoreUnavailableError)
    return { status: 503, body: 'the state cannot be written now\n', headers: retryAfter(5) }
  if (error instanceof WitnessHaltedError) return { status: 503, body: 'halted\n', headers: retryAfter(60) }
  onDefect(error)
  return { status: 500, body: 'a defect; it was noted\n' }
}

function retryAfter(seconds: number): Record<string, string> {
  return { 'Retry-After': String(seconds) }
}
