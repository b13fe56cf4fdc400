/** Errors as RFC 9457 problem documents with a stable `code`; one place maps our errors to statuses. */
import type { ServerResponse } from 'node:http'
import type { Refusal } from '../admission.ts'
import { NotWritingError } from '../gate.ts'
import { StorageError } from '../store.ts'

export type Problem = Omit<Refusal, 'kind'>

/** Answers `{ "type": "about:blank", "status", "code", "detail", … }`; never cached. A response that has begun is cut off. */
export function sendProblem(res: ServerResponse, problem: Problem): void {
  if (res.headersSent) res.destroy()
  else res.end(beginProblem(res, problem))
}

/** The same, whole, but for the end of the response, which is the caller's. */
export function writeProblem(res: ServerResponse, problem: Problem): void {
  res.write(beginProblem(res, problem))
}

function beginProblem(res: ServerResponse, problem: Problem): Uint8Array {
  const { status, code, detail, extra, retryAfterSeconds } = problem
  const body = Buffer.from(JSON.stringify({ ...extra, type: 'about:blank', status, code, detail }))
  res.statusCode = status
  res.setHeader('Content-Type', 'application/problem+json')
  res.setHeader('Content-Length', body.length)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  if (retryAfterSeconds !== undefined) res.setHeader('Retry-After', retryAfterSeconds)
  return body
}

/** Thrown by a handler: answered as it says. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

/** The problem behind an error; null for a defect of ours, which is answered 500 and belongs in the log. */
export function problemOf(error: unknown): Problem | null {
  if (error instanceof ProblemError) return error.problem
  if (error instanceof NotWritingError) {
    const { gate } = error
    const retryAfterSeconds = ('retrySeconds' in gate ? gate.retrySeconds : null) ?? 5
    const detail = gate.state === 'read-only' ? 'the log cannot write now; reading goes on' : `the log is ${gate.state}`
    return { status: 503, code: gate.state, detail, retryAfterSeconds }
  }
  if (error instanceof StorageError && (error.code === 'STORAGE_UNREACHABLE' || error.code === 'STORAGE_BUSY'))
    return { status: 503, code: 'storage', detail: 'the database does not answer now', retryAfterSeconds: 1 }
  return null
}

export const internalProblem: Problem = {
  status: 500,
  code: 'internal',
  detail: 'a defect of this server; it was noted',
}
export const notFound: Problem = { status: 404, code: 'not-found', detail: 'there is nothing under this address' }
