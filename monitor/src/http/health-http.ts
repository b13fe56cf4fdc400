/** `/healthz`, `/readyz`, `/metrics`, and 404 for the rest. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, send, wrongMethod } from './answer-http.ts'

export interface HealthParts {
  readonly ready: () => boolean
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  readonly onDefect: (error: unknown) => void
}

/** Never rejects. */
export async function handleHealth(parts: HealthParts, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    send(res, await answerOf(parts, req))
  } catch (error) {
    parts.onDefect(error)
    send(res, { status: 500, body: 'a defect; it was noted\n' })
  }
}

async function answerOf({ ready, metrics }: HealthParts, { method, url }: IncomingMessage): Promise<Answer> {
  const path = (url ?? '').split('?', 1)[0] ?? ''
  if (!['/healthz', '/readyz', '/metrics'].includes(path))
    return { status: 404, body: 'there is nothing under this address\n' }
  if (method !== 'GET' && method !== 'HEAD') return wrongMethod('GET, HEAD')
  if (path === '/healthz') return { status: 200, body: 'ok\n' }
  if (path === '/readyz') return ready() ? { status: 200, body: 'ready\n' } : { status: 503, body: 'not ready\n' }
  return { status: 200, body: await metrics.text(), contentType: metrics.contentType }
}
