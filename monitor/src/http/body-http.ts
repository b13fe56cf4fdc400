/** Bodies of requests, read up to a cap. */
import type { IncomingMessage } from 'node:http'

/** The body is longer than it may be. The rest is not read: the connection is closed after the answer. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError'
  readonly code = 'TOO_LARGE'
}

/** @throws BodyTooLargeError, or the socket's error where the client went away */
export function readBody(req: IncomingMessage, cap: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    req.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= cap) chunks.push(chunk)
      else {
        req.pause()
        req.removeAllListeners('data')
        reject(new BodyTooLargeError(`more than ${cap} bytes`))
      }
    })
    req.on('end', () => resolve(Buffer.concat(chunks, length)))
    req.on('error', reject)
    req.on('close', () => reject(new Error('the client went away')))
  })
}
