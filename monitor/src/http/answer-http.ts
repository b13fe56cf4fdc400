/** An answer, whole, and how it is sent. */
import type { ServerResponse } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: string | Uint8Array
  readonly contentType?: string
  /** Besides `Content-Type`, `Content-Length` and `X-Content-Type-Options`. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Plain text unless the answer says otherwise; not stored unless it says otherwise.
 * @param then ends the answer, whose bytes are on their way; unless told, it ends at once
 */
export function send(res: ServerResponse, { status, body, contentType, headers }: Answer, then?: () => void): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  res.statusCode = status
  res.setHeader('Content-Type', contentType ?? 'text/plain; charset=utf-8')
  res.setHeader('Content-Length', bytes.length)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  for (const [name, value] of Object.entries(headers ?? {})) res.setHeader(name, value)
  if (then === undefined) res.end(bytes)
  else res.write(bytes, () => then())
}

/** @param allow as in the `Allow` header */
export function wrongMethod(allow: string): Answer {
  return { status: 405, body: 'method not allowed\n', headers: { Allow: allow } }
}
