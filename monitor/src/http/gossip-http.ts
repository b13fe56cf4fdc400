/**
 * Gossip over HTTP:
 *
 *     GET  /v1/gossip           200 what this monitor has seen
 *     POST /v1/gossip           200 { "kept", "refused" } · 400 · 405 · 413 · 415 · 429 · 503
 *     GET  /v1/evidence/<id>    200 the file · 404
 *     GET  /v1/alerts.atom      200 the newest alerts
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { clientOf } from '@samebits/host'
import { atomFeed, feedLength } from '../alerts/atom-feed.ts'
import type { Exchange } from '../gossip/exchange.ts'
import { GossipError, gossipCaps, gossipMediaType, parseGossip } from '../gossip/gossip-format.ts'
import type { RateLimit } from '../gossip/rate-limit.ts'
import type { MonitorReader } from '../state/monitor-store.ts'
import { type Answer, send, wrongMethod } from './answer-http.ts'
import { readBody } from './body-http.ts'
import type { Handler } from './server-http.ts'

export interface GossipHttpParts {
  readonly exchange: Exchange
  readonly limit: RateLimit
  /** Proxies in front of this server that are believed about client addresses. */
  readonly trustedProxies: number
  readonly store: MonitorReader
  /** Where this server is reached, for the feed's own links. */
  readonly baseUrl: () => string
  readonly onDefect: (error: unknown) => void
}

/** Requests whose bodies are held at once. */
const maxUnderWay = 8

/** A handler that answers what is its own, and says false for every other path. */
export function gossipHandler(parts: GossipHttpParts): Handler {
  const posts = { underWay: 0 }
  return (req, res) => {
    const path = (req.url ?? '').split('?', 1)[0] ?? ''
    const evidence = /^\/v1\/evidence\/([0-9a-f]{64})$/.exec(path)
    if (path !== '/v1/gossip' && path !== '/v1/alerts.atom' && evidence === null) return false
    const reads = req.method === 'GET' || req.method === 'HEAD'
    if (path === '/v1/gossip' && req.method === 'POST') void answerPost(parts, posts, req, res)
    else if (reads)
      send(
        res,
        safely(parts, () => readAnswer(parts, path, evidence?.[1] ?? null)),
      )
    else send(res, wrongMethod(path === '/v1/gossip' ? 'GET, HEAD, POST' : 'GET, HEAD'))
    return true
  }
}

interface Posts {
  underWay: number
}

function readAnswer({ exchange, store, baseUrl }: GossipHttpParts, path: string, evidence: string | null): Answer {
  if (evidence !== null) {
    const bytes = store.evidence(evidence)
    if (bytes === null) return { status: 404, body: 'no such evidence\n' }
    return { status: 200, body: Buffer.from(bytes).toString('utf8'), contentType: 'application/json' }
  }
  if (path === '/v1/gossip')
    return { status: 200, body: exchange.answer(), contentType: gossipMediaType, headers: cached }
  const body = atomFeed(store.alerts({ limit: feedLength }), `${baseUrl()}/v1/alerts.atom`)
  return { status: 200, body, contentType: 'application/atom+xml; charset=utf-8', headers: cached }
}

function safely({ onDefect }: GossipHttpParts, answer: () => Answer): Answer {
  try {
    return answer()
  } catch (error) {
    onDefect(error)
    return defect
  }
}

const defect: Answer = { status: 500, body: 'a defect of this monitor; it was noted\n' }

const cached = { 'Cache-Control': 'max-age=10' }

/** Never rejects. */
async function answerPost(
  parts: GossipHttpParts,
  posts: Posts,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const answer = await postAnswer(parts, posts, req)
  if (answer === null) return
  if (!req.complete) res.setHeader('Connection', 'close')
  send(res, answer)
}

async function postAnswer(parts: GossipHttpParts, posts: Posts, req: IncomingMessage): Promise<Answer | null> {
  const wait = parts.limit.admit(clientOf(req, parts.trustedProxies))
  if (wait !== null) return { status: 429, body: 'too much gossip\n', headers: { 'Retry-After': String(wait) } }
  if (posts.underWay >= maxUnderWay) return { status: 503, body: 'busy\n', headers: { 'Retry-After': '5' } }
  posts.underWay++
  try {
    const body = await readBody(req, gossipCaps.bytes)
    if (body === 'gone') return null
    if (body === 'too-large') return { status: 413, body: `more than ${gossipCaps.bytes} bytes\n` }
    if (body === 'encoded') return { status: 415, body: 'gossip is sent as it is\n' }
    const handed = await parts.exchange.take(parseGossip(body), { name: 'client', kind: 'client' })
    return { status: 200, body: `${JSON.stringify(handed)}\n`, contentType: 'application/json' }
  } catch (error) {
    if (error instanceof GossipError) return { status: 400, body: `${error.message}\n` }
    parts.onDefect(error)
    return defect
  } finally {
    posts.underWay--
  }
}
