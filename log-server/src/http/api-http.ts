/**
 * Everything that is not on the hot path, on Express: health, metrics, the convenience API. What clients read here they
 * verify against the log; nothing here is trusted.
 *
 *     GET /v1/status    { "origin", "vkeys", "state", "size", "frozen"?: { "at", "size", "successor" } }
 */
import { parseDecimal } from '@samebits/core'
import compression from 'compression'
import express, {
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type Response,
  type Router,
} from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { type Frozen, frozenRefusal } from '../frozen/frozen.ts'
import type { GateState } from '../gate.ts'
import type { LogView } from '../log-view.ts'
import type { Metrics } from '../metrics.ts'
import { type AddParts, handleAdd } from './add-http.ts'
import { internalProblem, notFound, type Problem, ProblemError, problemOf, sendProblem } from './problem.ts'

export interface ApiParts {
  readonly log: LogView & { readonly gate: GateState; readonly frozen: Frozen | null }
  /** Of all keys of the log. */
  readonly vkeys: readonly string[]
  readonly metrics: Metrics
  /** Further routes of the admission mode, under `/v1`. */
  readonly mount: (v1: Router) => void
  readonly limiters: ApiLimiters
  /** `POST /add`, limited; null where it is answered before Express. */
  readonly limitedAdd: AddParts | null
  /** How many proxies in front of this server are believed about client addresses. */
  readonly trustedProxies: number
  readonly onDefect: (error: unknown) => void
}

/** What one address may ask in a minute. Several apps that share them count together. */
export interface ApiLimiters {
  readonly v1: RequestHandler
  readonly add: RequestHandler
}

export function apiLimiters(options: {
  readonly requestsPerMinute: number
  readonly addsPerMinute: number
}): ApiLimiters {
  return { v1: limiter(options.requestsPerMinute), add: limiter(options.addsPerMinute) }
}

/** Of one answer: about 500 KB. */
const maxSizes = 50_000

export function apiApp(parts: ApiParts): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('trust proxy', parts.trustedProxies)
  app.use(helmet())
  app.get('/healthz', (_req, res) => sendText(res, 200, 'ok\n'))
  app.get('/readyz', (_req, res) => sendReadiness(parts.log.gate, res))
  app.get('/metrics', async (_req, res) => {
    res.setHeader('Content-Type', parts.metrics.contentType)
    res.end(await parts.metrics.text())
  })
  const { limitedAdd, limiters } = parts
  if (limitedAdd !== null) app.post('/add', limiters.add, (req, res) => handleAdd(limitedAdd, req, res))
  app.use('/v1', limiters.v1, compression(), convenience(parts))
  app.use((_req, res) => sendProblem(res, notFound))
  app.use(errorHandler(parts.onDefect))
  return app
}

function limiter(requestsPerMinute: number): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: requestsPerMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (_req, res) =>
      sendProblem(res, { status: 429, code: 'rate-limited', detail: 'too many requests', retryAfterSeconds: 60 }),
  })
}

function convenience({ log, vkeys, mount }: ApiParts): Router {
  const router = express.Router()
  router.use(({ method }, _res, next) => {
    if (log.frozen !== null && method !== 'GET' && method !== 'HEAD') throw new ProblemError(frozenRefusal(log.frozen))
    next()
  })
  router.get('/status', (_req, res) => sendJson(res, statusOf(log, vkeys)))
  router.get('/entries/:index', async (req, res) => {
    const index = decimal(req.params.index, 'index')
    if (index >= log.published().size) throw new ProblemError(notFound)
    res.setHeader('Cache-Control', 'public, max-age=31536000, immutable')
    res.setHeader('Content-Type', 'application/octet-stream')
    res.setHeader('Content-Disposition', 'attachment')
    res.end(await log.entry(index))
  })
  router.get('/sizes', async (req, res) => {
    const since = decimal(req.query['since'] ?? '0', 'since')
    sendJson(res, { sizes: await log.sizes(since, maxSizes), limit: maxSizes })
  })
  mount(router)
  return router
}

function decimal(value: unknown, name: string): number {
  try {
    if (typeof value === 'string') return parseDecimal(value)
  } catch {
    // answered below: the parser's error says no more
  }
  throw new ProblemError({ status: 400, code: 'parameter', detail: `${name} is a decimal number` })
}

/** JSON without a charset, which application/json does not have. */
export function sendJson(res: Response, body: unknown): void {
  res.setHeader('Content-Type', 'application/json')
  res.setHeader('Cache-Control', 'no-store')
  res.end(JSON.stringify(body))
}

function sendText(res: Response, status: number, body: string): void {
  res.statusCode = status
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.setHeader('Cache-Control', 'no-store')
  res.end(body)
}

function statusOf(log: ApiParts['log'], vkeys: readonly string[]): object {
  const { origin, gate, frozen } = log
  const ended = frozen && { at: frozen.at, size: frozen.size, successor: frozen.successor }
  return { origin, vkeys, state: gate.state, size: log.published().size, ...(ended && { frozen: ended }) }
}

/** 200 while entries are taken, here or by the leader, or never again; 503 with the reason otherwise. Reading works in both cases. */
function sendReadiness(gate: GateState, res: Response): void {
  if (gate.state === 'writing' || gate.state === 'following' || gate.state === 'frozen')
    sendText(res, 200, `${gate.state}\n`)
  else
    sendProblem(res, {
      status: 503,
      code: gate.state,
      detail: 'detail' in gate ? `${gate.code}: ${gate.detail}` : gate.state,
    })
}

function errorHandler(onDefect: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _req, res, _next) => {
    const problem = problemOf(error) ?? clientFault(error)
    if (problem === null) onDefect(error)
    sendProblem(res, problem ?? internalProblem)
  }
}

/** Express's own refusals, such as a path that is not valid percent-encoding. */
function clientFault(error: unknown): Problem | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null
  return error.status >= 400 && error.status < 500
    ? { status: error.status, code: 'request', detail: 'the request is malformed' }
    : null
}
