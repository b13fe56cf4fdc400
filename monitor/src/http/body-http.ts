/** Bodies of requests, read up to a cap. */
import type { IncomingMessage } from 'node:http'

/**
 * Why there is no body: `too-large`; `encoded`, by a content coding; `gone`, the client left.
 */
export type BodyFault = 'too-large' | 'encoded' | 'gone'

/**
 * What a client may send past the cap and still be told so: a connection that is closed while data comes in loses the answer.
 */
const lingerBytes = 1 << 20

/** The body, or why there is none. After `too-large` the rest may be endless: the connection has to end with the answer. */
export function readBody(req: IncomingMessage, cap: number): Promise<Uint8Array | BodyFault> {
  const encoding = req.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') return Promise.resolve('encoded')
  if (Number(req.headers['content-length'] ?? 0) > cap + lingerBytes) return Promise.resolve('too-large')
  return new Promise((resolve) => {
    let chunks: Buffer[] = []
    let length = 0
    req.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= cap) chunks.push(chunk)
      else chunks = []
      if (length > cap + lingerBytes) resolve('too-large')
    })
    req.on('end', () => resolve(length > cap ? 'too-large' : Buffer.concat(chunks, length)))
    req.on('error', () => resolve('gone'))
    req.on('close', () => resolve('gone'))
  })
}
