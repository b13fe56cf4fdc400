/**
 * The dashboard over HTTP:
 *
 *     GET /              the page, without scripts
 *     GET /dashboard.css, /icon.svg
 *     GET /v1/status     the same as JSON (`dashboard/status.ts` says what is in it)
 *
 * It shows what strangers wrote, so nothing on it may load or run anything: the content security policy allows its own style sheet and
 * icon, and no script, frame, form or address elsewhere.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { page } from '../dashboard/page.ts'
import type { Status } from '../dashboard/status.ts'
import { type Answer, send, wrongMethod } from './answer-http.ts'

export interface DashboardParts {
  readonly status: () => Status
  /** Seconds that only go up. */
  readonly clock: () => number
  readonly onDefect: (error: unknown) => void
}

const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers = {
  'Content-Security-Policy': policy,
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
}

/** Seconds for which what was worked out once serves everybody: a crowd costs no more than one reader. */
const heldFor = 2

/** Files that stand beside the sources, where the compiled program finds them too. */
function asset(name: string): string {
  return readFileSync(new URL(`../../src/dashboard/${name}`, import.meta.url), 'utf8')
}

/** A handler for these paths; false for every other. */
export function dashboardHandler(parts: DashboardParts): (req: IncomingMessage, res: ServerResponse) => boolean {
  const still = (name: string, contentType: string): Answer => {
    return { status: 200, body: asset(name), contentType, headers: { ...headers, 'Cache-Control': 'max-age=300' } }
  }
  const status = held(parts)
  const answers: Readonly<Record<string, () => Answer>> = {
    '/': () => ({ status: 200, body: page(status()), contentType: 'text/html; charset=utf-8', headers }),
    '/v1/status': () => ({
      status: 200,
      body: `${JSON.stringify(status())}\n`,
      contentType: 'application/json',
      headers,
    }),
    '/dashboard.css': () => still('dashboard.css', 'text/css; charset=utf-8'),
    '/icon.svg': () => still('icon.svg', 'image/svg+xml'),
  }
  return (req, res) => {
    const path = (req.url ?? '').split('?', 1)[0] ?? ''
    if (!Object.hasOwn(answers, path)) return false
    const reads = req.method === 'GET' || req.method === 'HEAD'
    send(res, reads ? safely(answers[path], parts) : wrongMethod('GET, HEAD'))
    return true
  }
}

function safely(answer: (() => Answer) | undefined, { onDefect }: DashboardParts): Answer {
  try {
    return answer?.() ?? { status: 404, body: 'not here\n' }
  } catch (error) {
    onDefect(error)
    return { status: 500, body: 'a defect; it was noted\n' }
  }
}

function held({ status, clock }: DashboardParts): () => Status {
  let last: { readonly status: Status; readonly at: number } | null = null
  return () => {
    const now = clock()
    if (last === null || now - last.at >= heldFor) last = { status: status(), at: now }
    return last.status
  }
}
