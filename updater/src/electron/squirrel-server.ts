/**
 * What Squirrel.Mac fetches: it takes its update over HTTP from the program itself. electron-updater's own server pipes
 * whatever lies at a path; this one hashes what it sends, and keeps the last piece back until the digest is the right one,
 * so that no other bytes than the verified ones are ever whole on the other side.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { constants } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { listen } from '@samebits/host'
import { openPlainFile } from '../paths.ts'
import type { PlacedFile } from './placed-file.ts'

export interface SquirrelServer {
  readonly server: Server
  /** For Squirrel.Mac alone: other programs of this machine do not know the password. */
  readonly feed: { readonly url: string; readonly headers: Record<string, string> }
}

const pieceBytes = 1 << 20

/** Listens on loopback. `onRefused` hears of a file that is not the one that was verified. */
export async function serveToSquirrel(
  placed: PlacedFile,
  onRefused: (detail: string) => void,
): Promise<SquirrelServer> {
  const authorization = `Basic ${Buffer.from(`samebits:${randomBytes(32).toString('hex')}`).toString('base64')}`
  const path = `/${randomBytes(32).toString('hex')}.zip`
  let url = ''
  const server = createServer((request, response) => {
    if (!isSame(request.headers.authorization ?? '', authorization) && request.url !== path) {
      response.writeHead(401).end()
    } else if (request.url === '/') {
      const body = JSON.stringify({ url: `${url}${path}` })
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
        .end(body)
    } else if (request.url === path) {
      void sendVerified(placed, request, response).catch((error: unknown) => {
        response.destroy()
        onRefused(error instanceof Error ? error.message : String(error))
      })
    } else {
      response.writeHead(404).end()
    }
  })
  url = `http://127.0.0.1:${await listen(server, '127.0.0.1', 0)}`
  return { server, feed: { url, headers: { 'Cache-Control': 'no-cache', Authorization: authorization } } }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

async function sendVerified(placed: PlacedFile, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { path, name, sha256, size } = placed
  const handle = await openPlainFile(path, constants.O_RDONLY)
  try {
    response.writeHead(200, { 'content-type': 'application/zip', 'content-length': size })
    if (request.method === 'HEAD') return void response.end()
    const hash = createHash('sha256')
    let held: Buffer = Buffer.alloc(0)
    for (let at = 0; at <= size; at += held.length) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, at)
      if (bytesRead === 0) break
      if (at > 0) await send(response, held)
      held = buffer.subarray(0, bytesRead)
      hash.update(held)
    }
    if (hash.digest('hex') !== sha256) throw new Error(`${name} was changed after it was verified`)
    response.end(held)
  } finally {
    await handle.close()
  }
}

/** Waits where the other side is slow. @throws Error where it has gone */
async function send(response: ServerResponse, piece: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    response.write(piece, (error) => (error ? reject(error) : resolve()))
  })
}
