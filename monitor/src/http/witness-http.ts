/**
 * The witness protocol over HTTP (C2SP tlog-witness, "HTTP Interface"), with node's own server: Go clients compare the
 * 409's `Content-Type` with ==, and a request costs no more than its signatures.
 *
 *     POST <prefix>/add-checkpoint              200 lines · 400 · 403 · 404 · 409 size · 413 · 415 · 422 · 429 · 503
 *     GET  <prefix>/<origin hash>/checkpoint    200 checkpoint · 404 · 503
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Witness } from '../witness/witness.ts'
import { type AddCheckpointParts, answerAddCheckpoint, failure } from './add-checkpoint-http.ts'
import { type Answer, send, wrongMethod } from './answer-http.ts'

export interface WitnessHttpParts extends Omit<AddCheckpointParts, 'add' | 'repeat'> {
  readonly witness: Witness
  /** As `/witness`, without a slash at its end. */
  readonly prefix: string
}

/** Answers a request under the prefix; false where the path is not the witness's. */
export function handleWitness(parts: WitnessHttpParts, req: IncomingMessage, res: ServerResponse): boolean {
  const { prefix } = parts
  const path = (req.url ?? '').split('?', 1)[0] ?? ''
  if (path === `${prefix}/add-checkpoint`) {
    const { witness } = parts
    const add: AddCheckpointParts['add'] = (request) => witness.add(request)
    const repeat: AddCheckpointParts['repeat'] = (request) => witness.repeat(request)
    void answerAddCheckpoint({ ...parts, add, repeat }, req, res)
    return true
  }
  const copy = path.startsWith(`${prefix}/`) ? /^([0-9a-f]{64})\/checkpoint$/.exec(path.slice(prefix.length + 1)) : null
  if (copy === null) return false
  const reads = req.method === 'GET' || req.method === 'HEAD'
  send(res, reads ? monitoringCopy(parts, copy[1] ?? '') : wrongMethod('GET, HEAD'))
  return true
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
