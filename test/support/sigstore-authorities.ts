/** A certificate authority, a CT log and a timestamp authority in the manner of Sigstore's, as HTTP servers on loopback. */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '@samebits/core'
import { fulcioHandler, type HandlerFn, initializeCA, initializeCTLog, initializeTSA, tsaHandler } from '@sigstore/mock'

const HOUR_MS = 3_600_000
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const bytes = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength)

export interface Authorities {
  readonly fulcioUrl: string
  readonly tsaUrl: string
  /** What a trust file pins. */
  readonly trustedRoot: JsonObject
  /** An unsigned token is enough for this Fulcio. */
  token(issuer: string, subject: string): string
  close(): Promise<void>
}

/** @param lateMs by how much the clock of the timestamp authority is ahead of the certificate authority's */
export async function openAuthorities(lateMs = 0): Promise<Authorities> {
  // A minute ahead: the authorities' own certificates are valid from the moment they are made.
  const made = new Date(Math.ceil(Date.now() / 1000 + 60) * 1000)
  const ctLog = await initializeCTLog(p256(), made)
  const ca = await initializeCA(p256(), ctLog, made)
  const tsa = await initializeTSA(p256(), new Date(made.getTime() + lateMs))
  const validFor = { start: new Date(made.getTime() - HOUR_MS).toISOString() }
  const authority = (chain: readonly ArrayBufferView[]) => ({
    certChain: { certificates: chain.map((certificate) => ({ rawBytes: bytes(certificate).toString('base64') })) },
    validFor,
  })
  const trustedRoot: JsonObject = JSON.parse(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [],
      certificateAuthorities: [authority([ca.rootCertificate])],
      timestampAuthorities: [authority([tsa.intCertificate, tsa.rootCertificate])],
      ctlogs: [
        {
          baseUrl: 'https://ct.example',
          hashAlgorithm: 'SHA2_256',
          publicKey: { rawBytes: ctLog.publicKey.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
          logId: { keyId: bytes(ctLog.logID).toString('base64') },
        },
      ],
    }),
  )
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
    response.end(typeof body === 'string' ? body : bytes(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
