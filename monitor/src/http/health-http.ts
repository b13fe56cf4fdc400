/** `/healthz`, `/readyz`, `/metrics`, and 404 for the rest. */
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface HealthParts {
  readonly ready: () => boolean
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
}

export function handleHealth({ ready, metrics }: HealthParts, req: IncomingMessage, res: ServerResponse): void {
  const path = (req.url ?? '').split('?', 1)[0]
  if (path === '/healthz') answer(res, 200, 'ok\n')
  else if (path === '/readyz') answer(res, ready() ? 200 : 503, ready() ? 'ready\n' : 'not ready\n')
  else if (path === '/metrics') void answerMetrics(metrics, res)
  else answer(res, 404, 'there is nothing under this address\n')
}

async function answerMetrics(metrics: HealthParts['metrics'], res: ServerResponse): Promise<void> {
  try {
    answer(res, 200, await metrics.text(), metrics.contentType)
  } catch {
    answer(res, 500, 'no metrics\n')
  }
}

function answer(res: ServerResponse, status: number, body: string, contentType = 'text/plain; charset=utf-8'): void {
  res.statusCode = status
  res.setHeader('Content-Type', contentType)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.end(body)
}
