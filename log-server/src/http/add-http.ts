/**
 * `POST /add`: the body is the entry (docs/formats.md §4). Answered once the entry is durable, signed and published:
 *
 *     200 text/plain            the index in decimal, nothing else
 *     200 text/x.tlog.proof     a C2SP tlog-proof, where Accept asks for one
 *     409, 413, 429, 503, …     a problem document
 *
 * It is served without a framework: it is the one path that everything waits on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { formatTlogProof, parseSignedCheckpoint } from '@samebits/core'
import type { Refusal } from '../admission.ts'
import type { GateState } from '../gate.ts'
import type { LogView } from '../log-view.ts'
import type { Sequenced } from '../sequencer.ts'
import type { EntryTrail, Tracing } from '../tracing/tracing.ts'
import type { BodyBudget } from './body-budget.ts'
import { type Forwarded, type Forwarder, forwardedHeader } from './forward.ts'
import { internalProblem, problemOf, sendProblem, writeProblem } from './problem.ts'

const TLOG_PROOF_TYPE = 'text/x.tlog.proof'
/** Only ever in traces: nobody was there any more to be answered. */
const clientClosed = 499

export interface AddParts {
  readonly log: LogView & {
    add(leaf: Uint8Array, trail: EntryTrail | null): Promise<Sequenced | Refusal>
    readonly gate: GateState
  }
  /** To the server that leads, while this one follows. */
  readonly forwarder: Pick<Forwarder, 'submit'>
  readonly maxLeafBytes: number
  /** For bodies that are being read, and that wait for their answer. */
  readonly budget: BodyBudget
  /** A defect of ours, for the operator's log. */
  readonly onDefect: (error: unknown) => void
  /** One answer to `POST /add`. */
  readonly onAnswer: (status: number) => void
  readonly tracing: Tracing | null
}

/** Handles one `POST /add`. Never rejects. */
export async function handleAdd(parts: AddParts, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const room = new Room(parts.budget)
  const trail = parts.tracing?.entry(req.headers) ?? null
  try {
    const leaf = await readBody(req, parts.maxLeafBytes, room)
    trail?.mark('receive')
    if (leaf === null) return trail?.end(clientClosed)
    if (leaf instanceof Uint8Array) await submit(parts, req, res, leaf, trail)
    else if (req.complete) sendProblem(res, leaf)
    else refuseRest(req, res, leaf)
  } catch (error) {
    const problem = problemOf(error)
    if (problem === null) parts.onDefect(error)
    sendProblem(res, problem ?? internalProblem)
  } finally {
    room.leave()
  }
  trail?.end(res.statusCode)
  parts.onAnswer(res.statusCode)
}

async function submit(
  parts: AddParts,
  req: IncomingMessage,
  res: ServerResponse,
  leaf: Uint8Array,
  trail: EntryTrail | null,
): Promise<void> {
  const { log, forwarder } = parts
  if (log.gate.state === 'following' && req.headers[forwardedHeader] === undefined) {
    const client = req.socket.remoteAddress ?? ''
    const headers = trail?.headers() ?? {}
    const outcome = await forwarder.submit({ leaf, accept: req.headers.accept, client, headers })
    trail?.mark('hand on')
    if (outcome.kind === 'forwarded') return relay(res, outcome)
    if (outcome.kind === 'refuse') return sendProblem(res, outcome)
  }
  await answer(parts, req, res, await log.add(leaf, trail))
}

function relay(res: ServerResponse, { status, headers, body }: Forwarded): void {
  res.statusCode = status
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  res.setHeader('Content-Length', body.length)
  res.end(body)
}

async function answer(
  parts: AddParts,
  req: IncomingMessage,
  res: ServerResponse,
  outcome: Sequenced | Refusal,
): Promise<void> {
  if (outcome.kind === 'refuse') {
    sendProblem(res, outcome)
    return
  }
  const wantsProof = req.headers.accept?.includes(TLOG_PROOF_TYPE) ?? false
  const body = wantsProof ? await formatProof(parts.log, outcome.index) : String(outcome.index)
  res.setHeader('Content-Type', wantsProof ? TLOG_PROOF_TYPE : 'text/plain')
  res.setHeader('Content-Length', Buffer.byteLength(body))
  res.end(body)
}

/** The proof of a published entry under the checkpoint that is published now. */
async function formatProof(log: LogView, index: number): Promise<string> {
  const { size, checkpoint } = log.published()
  const hashes = await log.proveInclusion(index, size)
  return formatTlogProof({ index, hashes, checkpoint: parseSignedCheckpoint(checkpoint) })
}

type BodyRefusal = Omit<Refusal, 'kind'>

/** What one request holds of the budget. */
class Room {
  readonly #budget: BodyBudget
  #bytes = 0

  constructor(budget: BodyBudget) {
    this.#budget = budget
  }

  grow(bytes: number): boolean {
    if (!this.#budget.take(bytes)) return false
    this.#bytes += bytes
    return true
  }

  leave(): void {
    this.#budget.give(this.#bytes)
    this.#bytes = 0
  }
}

const noRoom: BodyRefusal = {
  status: 503,
  code: 'busy',
  detail: 'more entries are on their way than this log takes at once',
  retryAfterSeconds: 1,
}

/**
 * The body, or why it is not taken, or null when the client left. One for which there is no room is read to its end all the same,
 * and forgotten, so that the client can read the answer; one that is too long is not.
 */
function readBody(req: IncomingMessage, maxBytes: number, room: Room): Promise<Uint8Array | BodyRefusal | null> {
  const encoding = req.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity')
    return Promise.resolve({ status: 415, code: 'encoding-unsupported', detail: 'entries are sent as they are' })
  const tooLarge: BodyRefusal = {
    status: 413,
    code: 'entry-too-large',
    detail: `an entry has at most ${maxBytes} bytes`,
  }
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(tooLarge)
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    let refused: BodyRefusal | null = null
    const take = (chunk: Buffer) => {
      length += chunk.length
      if (length > maxBytes) resolve(tooLarge)
      else if (refused === null && room.grow(chunk.length)) chunks.push(chunk)
      else {
        refused = noRoom
        chunks.length = 0
        room.leave()
      }
    }
    req.on('data', take)
    req.on('end', () => resolve(refused ?? (chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))))
    req.on('error', () => resolve(null))
  })
}

/** Of a body that was refused, and without any byte of it; a client that drips has until the time of the whole request is over. */
const [lingerBytes, lingerMs] = [1 << 20, 500]

/**
 * The rest of the body may be endless, so the connection ends; but not at once: a connection that is closed while bytes
 * are unread is reset, and the client might never see the answer (RFC 9112 §9.6).
 */
function refuseRest(req: IncomingMessage, res: ServerResponse, problem: BodyRefusal): void {
  res.setHeader('Connection', 'close')
  writeProblem(res, problem)
  let left = lingerBytes
  const done = () => {
    res.end()
    req.destroy()
  }
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) done()
  })
  req.setTimeout(lingerMs, done)
  req.once('end', () => res.end())
}
