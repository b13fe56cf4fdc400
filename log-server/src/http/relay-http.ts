/**
 * Between a reader and the process that writes: whatever a reader does not answer by itself goes there, body and answer as they come. The
 * writer listens for it on the loopback, and a token that only its own readers know shows that the client's address is true.
 */
import { timingSafeEqual } from 'node:crypto'
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import { pipeline } from 'node:stream'
import type { WriterAddress } from '../readers/messages.ts'
import { sendProblem } from './problem.ts'

const tokenHeader = 'samebits-reader'
const loopback = '127.0.0.1'

/** Of one connection (RFC 9110 §7.6.1), and what the two ends settle by themselves. */
const ownToEachHop = new Set([
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'host'],
  ...['proxy-connection', 'proxy-authorization', 'proxy-authenticate', tokenHeader],
])

export class Relay {
  readonly #writer: WriterAddress
  readonly #agent = new Agent({ keepAlive: true })

  constructor(writer: WriterAddress) {
    this.#writer = writer
  }

  /** Answers with what the writer says; 503 where it cannot be reached. Never throws. */
  handle(req: IncomingMessage, res: ServerResponse): void {
    const { port, token } = this.#writer
    const headers = { ...requestHeaders(req), [tokenHeader]: token }
    const { method, url: path } = req
    const asked = request({ host: loopback, port, agent: this.#agent, method, path, headers })
    let isAnswered = false
    asked.on('response', (answer) => {
      isAnswered = true
      passBack(req, res, answer)
    })
    asked.on('error', () => {
      if (!isAnswered && !res.destroyed) sendProblem(res, writerGone)
    })
    res.once('close', () => {
      if (!res.writableFinished) asked.destroy()
    })
    req.pipe(asked)
  }

  close(): void {
    this.#agent.destroy()
  }
}

const writerGone = {
  ...{
    status: 503,
    code: 'writer-unreachable',
    detail: 'the process that takes entries does not answer; reading goes on',
  },
  retryAfterSeconds: 1,
}

function requestHeaders({ headers, socket }: IncomingMessage): OutgoingHttpHeaders {
  const before = headers['x-forwarded-for']
  const client = socket.remoteAddress ?? ''
  const chain = before === undefined ? client : `${before}, ${client}`
  const length = headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }
  return { ...kept(headers), ...length, 'x-forwarded-for': chain }
}

function kept(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ownToEachHop.has(name)))
}

/** An answer that comes before the body was read to its end is the last one of the connection: the rest may be endless. */
function passBack(req: IncomingMessage, res: ServerResponse, answer: IncomingMessage): void {
  if (!req.complete) {
    res.shouldKeepAlive = false
    res.once('finish', () => req.destroy())
  }
  res.writeHead(answer.statusCode ?? 502, kept(answer.headers))
  pipeline(answer, res, () => undefined)
}

/** Where the writer takes what its readers hand on. Requests without the token are refused. */
export function createRelayServer(
  token: string,
  handle: (req: IncomingMessage, res: ServerResponse) => void,
  limits: { readonly headersTimeoutMs: number; readonly requestTimeoutMs: number },
): Server {
  const expected = Buffer.from(token)
  const options = {
    ...{ headersTimeout: limits.headersTimeoutMs, requestTimeout: limits.requestTimeoutMs },
    ...{ keepAliveTimeout: 0, noDelay: true },
  }
  return createServer(options, (req, res) => {
    const given = Buffer.from(String(req.headers[tokenHeader] ?? ''))
    delete req.headers[tokenHeader]
    if (given.length === expected.length && timingSafeEqual(given, expected)) handle(req, res)
    else sendProblem(res, { status: 403, code: 'readers-only', detail: 'this port is for the readers of this log' })
  })
}
