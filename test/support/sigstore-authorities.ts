/** The authorities of `sigstore-world.ts` as HTTP servers on loopback. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '@samebits/core'
import { fulcioHandler, type HandlerFn, tsaHandler } from '@sigstore/mock'
import { sigstoreWorld } from './sigstore-world.ts'

export interface Authorities {
  readonly fulcioUrl: string
  readonly tsaUrl: string
  /** What a trust file pins. */
  readonly trustedRoot: JsonObject
  /** An unsigned token is enough for this Fulcio. */
  token(issuer: string, subject: string): string
  close(): Promise<void>
}

export async function openAuthorities(): Promise<Authorities> {
  const { ca, tsa, trustedRoot } = await sigstoreWorld()
  const [fulcio, stamps] = [await serve(fulcioHandler(ca).fn), await serve(tsaHandler(tsa).fn)]
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    fulcioUrl: fulcio.url,
    tsaUrl: stamps.url,
    trustedRoot,
    token: (iss, sub) => `${part({ alg: 'none' })}.${part({ iss, sub, aud: 'sigstore' })}.c2ln`,
    async close() {
      for (const { server } of [fulcio, stamps]) {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
      }
    },
  }
}

async function serve(answer: HandlerFn): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const { statusCode, response: body, contentType = 'text/plain' } = await answer(Buffer.concat(parts).toString())
    response.writeHead(statusCode, { 'content-type': contentType })
    response.end(typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
