/** An answer to a body that is still coming. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, send } from './answer-http.ts'

/**
 * What a client may send after the answer: a connection that is closed while data comes in loses the answer, so the answer goes out
 * whole, and the connection ends once the body has, or this much of it has come.
 */
const lingerBytes = 4 << 20

/** @param lingerMs for which the connection stays open to what the client still sends */
export function sendBeforeEnd(req: IncomingMessage, res: ServerResponse, answer: Answer, lingerMs: number): void {
  if (req.complete || req.destroyed) {
    send(res, answer)
    return
  }
  res.setHeader('Connection', 'close')
  let left = lingerBytes
  const timer = setTimeout(() => req.destroy(), lingerMs)
  req.unpipe()
  req.once('close', () => clearTimeout(timer))
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) req.destroy()
  })
  req.on('error', () => undefined)
  send(res, answer, () => {
    if (req.complete || req.destroyed) res.end()
    else req.once('close', () => res.end()).once('end', () => res.end())
  })
}
