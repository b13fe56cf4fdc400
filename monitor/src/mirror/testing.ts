/** For tests: what clients of a mirror send, and a mirror in a temporary folder with real keys, disk and sockets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concat, concatAll, utf8 } from '@samebits/core'
import { defaultLimits } from '../http/server-http.ts'
import { makeSigners, realTiming, type TestLog } from '../testing.ts'
import type { Cosigner } from '../witness/cosigner.ts'
import type { RunningServer } from '../witness/server-parts.ts'
import { type MirrorServerOptions, startMirror } from './mirror-server.ts'

export interface Upload {
  readonly start: number
  readonly end: number
  /** Packages that are sent; all unless told. */
  readonly packages?: number
  readonly origin?: string
  readonly ticket?: Uint8Array
  /** The tree whose entries are sent, and the one that the proofs lead to. */
  readonly salt?: string
}

function big(value: number | bigint, bytes: 2 | 8): Uint8Array {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, BigInt(value))
  return out.slice(8 - bytes)
}

/** The body of `add-entries`. */
export function uploadBody(log: TestLog, upload: Upload): Uint8Array<ArrayBuffer> {
  const { start, end, packages = Number.POSITIVE_INFINITY, ticket = new Uint8Array(0) } = upload
  const origin = utf8(upload.origin ?? log.origin)
  const parts = [big(origin.length, 2), origin, big(start, 8), big(end, 8), big(ticket.length, 2), ticket]
  for (let at = start, sent = 0; at < end && sent < packages; sent++) {
    const next = Math.min(end, (Math.floor(at / 256) + 1) * 256)
    parts.push(packageBytes(log, at, next, upload))
    at = next
  }
  return new Uint8Array(concatAll(parts))
}

function packageBytes(log: TestLog, from: number, to: number, { end, salt = '' }: Upload): Uint8Array {
  const entries = Array.from({ length: to - from }, (_, at) => log.entry(from + at, salt))
  const proof = log.subtreeProof(from - (from % 256), to, end, salt)
  const framed = entries.map((entry) => concat(big(entry.length, 2), entry))
  return concat(...framed, Uint8Array.of(proof.length), ...proof)
}

export interface TestMirror extends RunningServer {
  readonly url: string
  readonly lines: readonly { readonly level: string; readonly message: string; readonly fields: object }[]
  accept(body: string): Promise<Response>
  upload(body: Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Response>
  get(log: TestLog, path: string): Promise<Response>
}

/** A folder with a log list in it, and what runs there. */
export class MirrorFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'samebits-mirror-'))
  readonly signers: readonly Cosigner[] = makeSigners('mirror.example/m1')

  list(text: string): void {
    writeFileSync(join(this.path, 'logs'), text)
  }

  async start(
    options: Partial<MirrorServerOptions> = {},
    signers: readonly Cosigner[] = this.signers,
  ): Promise<TestMirror> {
    const lines: { level: string; message: string; fields: object }[] = []
    const say = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields })
    const running = await startMirror(
      {
        ...{ dataDir: join(this.path, 'data'), logList: join(this.path, 'logs'), host: '127.0.0.1', port: 0 },
        ...{ prefix: '/mirror', monitoringUrl: '', follow: [], pollMs: 50, timeoutMs: 10_000, refreshMs: 50 },
        ...{ globalPerSecond: 10_000, maxPending: 1000, maxUploads: 16, idleMs: 10_000, pieceMs: 10_000 },
        limits: defaultLimits,
        ...options,
      },
      {
        ...{ signers, timing: realTiming, fetch, claimKeys: async () => undefined },
        operator: { info: say('info'), warn: say('warn'), error: say('error') },
      },
    )
    const url = `http://127.0.0.1:${running.port}/mirror`
    return {
      ...running,
      ...{ url, lines },
      accept: (body) => fetch(`${url}/add-checkpoint`, { method: 'POST', body }),
      upload: (body, headers = {}) =>
        fetch(`${url}/add-entries`, {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/octet-stream', ...headers },
        }),
      get: (log, path) => fetch(`${url}/${log.originHash}/${path}`),
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
