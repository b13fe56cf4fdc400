/** A log in a temporary folder, for tests: real database, real marker, real keys, real sockets. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { logSigner, type MessageSigner, type SignedCheckpoint, signCheckpoint } from '@samebits/core'
import { generateSigningKey, nodeCrypto, type SigningKey } from '@samebits/core/node'
import { createLog } from './create-log.ts'
import { type Mode, rawMode } from './http/modes-http.ts'
import type { Timing } from './log.ts'
import { type LogServerOptions, resolveOptions } from './options.ts'
import { type OperatorLog, type RunningServer, type ServerDeps, startServer } from './server.ts'
import { type HeadSigner, headSigner, type LogKey } from './signer.ts'
import { noWitnesses, type Witnessing } from './witnessing.ts'

export const testOrigin = 'example.com/log'

export const realTiming: Timing = {
  now: () => Math.floor((performance.timeOrigin + performance.now()) / 1000),
  clock: () => performance.now(),
  defer: setImmediate,
  after(milliseconds, work) {
    const timer = setTimeout(work, milliseconds)
    return () => clearTimeout(timer)
  },
}

/** A checkpoint as a log with these keys signs it, at once. */
export function signHead(
  keys: readonly MessageSigner[],
  { size, root }: { readonly size: number; readonly root: Uint8Array },
  time: number,
  origin: string = testOrigin,
): SignedCheckpoint {
  const signers = keys.map((key) => logSigner(nodeCrypto, origin, key))
  return signCheckpoint({ origin, size, root, extensions: [] }, signers, time)
}

export interface TestServer extends RunningServer {
  readonly url: string
  /** What was written for the operator. */
  readonly lines: readonly { readonly level: string; readonly message: string; readonly fields: object }[]
  add(leaf: Uint8Array | string, headers?: Record<string, string>): Promise<Response>
}

export interface TestLog {
  /** Folder of everything; `data` in it is the data folder. */
  readonly folder: string
  readonly dataDir: string
  readonly keys: readonly SigningKey[]
  readonly signer: HeadSigner
  start(options?: Partial<LogServerOptions>, extra?: StartExtra): Promise<TestServer>
  remove(): void
}

export interface StartExtra {
  readonly timing?: Timing
  readonly witnessing?: Witnessing
  readonly fetch?: typeof globalThis.fetch
  readonly tls?: NonNullable<ServerDeps['tls']>
  readonly tracing?: NonNullable<ServerDeps['tracing']>
}

/** Makes keys and an empty log. */
export async function makeTestLog(): Promise<TestLog> {
  const folder = mkdtempSync(join(tmpdir(), 'samebits-log-'))
  const dataDir = join(folder, 'data')
  const keys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
  const signer = headSigner(nodeCrypto, testOrigin, keys)
  const copies = await noWitnesses.copies()
  await createLog({ dataDir, signer, publishedUrl: '', copies, fetch, now: realTiming.now })
  return {
    ...{ folder, dataDir, keys, signer },
    start: (options = {}, extra = {}) => startTestServer({ ...options, dataDir }, keys, rawMode, extra),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Starts a server on a port of its own. */
export async function startTestServer<Item, Tables>(
  options: Partial<LogServerOptions>,
  keys: readonly LogKey[],
  mode: Mode<Item, Tables>,
  extra: StartExtra = {},
): Promise<TestServer> {
  const defaults = resolveOptions({ file: null, environment: {}, flags: {} })
  const lines: { level: string; message: string; fields: object }[] = []
  const say = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields })
  const operator: OperatorLog = { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') }
  const server = await startServer({ ...defaults, port: 0, mode: 'raw', ...options }, mode, {
    ...{ keys, operator, timing: realTiming, fetch },
    ...extra,
  })
  const url = `http://127.0.0.1:${server.port}`
  const add: TestServer['add'] = (leaf, headers = {}) =>
    fetch(`${url}/add`, { method: 'POST', headers, body: typeof leaf === 'string' ? leaf : new Uint8Array(leaf) })
  return { ...server, url, lines, add }
}
