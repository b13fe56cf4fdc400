/**
 * GET on node's own client, for the threads that read whole logs: a body comes in one piece, into memory of its length, where `fetch` makes a
 * stream of it and costs several times as much. It is a `fetch` as far as `core` uses one.
 */
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, get as httpsGet } from 'node:https'
import { type FetchLike, type FetchResponse, MAX_BUNDLE_SIZE } from '@samebits/core'

/** Connections to one place; each is kept for the next request. */
const maxSockets = 16

export function plainGet(): FetchLike<AbortSignal> {
  const agents = {
    'http:': new HttpAgent({ keepAlive: true, maxSockets }),
    'https:': new HttpsAgent({ keepAlive: true, maxSockets }),
  }
  return (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const secure = url.startsWith('https:')
      const options = {
        agent: secure ? agents['https:'] : agents['http:'],
        headers: { ...headers, 'accept-encoding': 'identity' },
        ...(signal === undefined ? {} : { signal }),
      }
      const take = (message: IncomingMessage) => {
        readWhole(message).then((body) => resolve(responseOf(message, body)), reject)
      }
      const request = secure ? httpsGet(url, options, take) : httpGet(url, options, take)
      request.on('error', reject)
    })
}

async function readWhole(message: IncomingMessage): Promise<Uint8Array> {
  const coding = message.headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') throw new TypeError('compressed, though nobody asked for that')
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BUNDLE_SIZE) {
      message.destroy()
      throw new RangeError(`more than ${MAX_BUNDLE_SIZE} bytes`)
    }
    chunks.push(chunk)
  }
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length)
}

function responseOf(message: IncomingMessage, body: Uint8Array): FetchResponse {
  let left: Uint8Array | undefined = body
  const read = async () => {
    const value = left
    left = undefined
    return value === undefined ? { done: true } : { done: false, value }
  }
  const cancel = async () => undefined
  return {
    status: message.statusCode ?? 0,
    headers: { get: (name) => message.headers[name.toLowerCase()]?.toString() ?? null },
    body: { getReader: () => ({ read, cancel }), cancel },
  }
}
