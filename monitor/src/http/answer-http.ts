/** An answer, whole, and how it is sent. */
import type { ServerResponse } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
  /** Besides `Content-Type`, `Content-Length` and `X-Content-Type-Options`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Plain text unless the answer says otherwise; not stored unless it says otherwise. */
export function send(res: ServerResponse, { status, body, contentType, headers }: Answer): void {
  const bytes = Buffer.from(body)
  res.statusCode = status
  res.setHeader('Content-Type', contentType ?? 'text/plain; charset=utf-8')
  res.setHeader('Content-Length', bytes.length)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  for (const [name, value] of Object.entries(headers ?? {})) res.setHeader(name, value)
  res.end(bytes)
}

/** @param allow as in the `Allow` header */
export function wrongMethod(allow: string): Answer {
  return { status: 405, body: 'method not allowed\n', headers: { Allow: allow } }
}
