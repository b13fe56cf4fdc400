/** A running log server, put together from its parts. */
import { parseSignedCheckpoint } from '@samebits/core'
import { nodeCrypto, type SigningKey } from '@samebits/core/node'
import { type Lock, ProgramError } from '@samebits/host'
import { dataDir, exists, lockDataDir } from './data-dir.ts'
import type { GateState } from './gate.ts'
import { apiApp } from './http/api-http.ts'
import { BodyCache } from './http/body-cache.ts'
import type { Mode } from './http/modes-http.ts'
import { closeServer, createHttpServer, listen } from './http/server-http.ts'
import { Log, type LogEvents, type Timing } from './log.ts'
import { type Marker, openMarker } from './marker.ts'
import { createMetrics } from './metrics.ts'
import type { LogServerOptions } from './options.ts'
import { publishedPlace } from './published-place.ts'
import { type HeadSigner, headSigner } from './signer.ts'
import { openSqliteStore, type SqliteLogStore } from './sqlite-store.ts'
import { noWitnesses, type Witnessing } from './witnessing.ts'

/** Structured lines for the operator; `pino` fits. */
export interface OperatorLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface ServerDeps {
  readonly keys: readonly SigningKey[]
  readonly timing: Timing
  readonly fetch: typeof globalThis.fetch
  readonly operator: OperatorLog
  readonly witnessing?: Witnessing
}

export interface RunningServer {
  readonly origin: string
  readonly port: number
  readonly gate: () => GateState
  /** Answers what was taken, then ends. */
  stop(): Promise<void>
}

/** Time for the last answers to reach their clients. */
const graceMs = 2000

/** Starts serving; resolves once the port is open and the lead was tried for the first time. @throws ProgramError */
export async function startServer<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  deps: ServerDeps,
): Promise<RunningServer> {
  const undo: (() => unknown)[] = []
  try {
    return await assemble(options, mode, deps, undo)
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

async function assemble<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  deps: ServerDeps,
  undo: (() => unknown)[],
): Promise<RunningServer> {
  const { marker, store, lock } = await openDataDir(options, mode, undo)
  const signer = signerOf(marker, deps.keys)
  const running = await mode.start({ origin: signer.origin, options, store, warn: warnTo(deps.operator) })
  undo.push(() => running.stop())
  const cache = new BodyCache(options.cacheBytes)
  const metrics = createMetrics({ pendingEntries: () => log.pendingEntries, cachedBytes: () => cache.bytes })
  const log: Log<Item, Tables> = await Log.open({
    ...{ store, crypto: nodeCrypto, signer, marker, timing: deps.timing },
    witnessing: deps.witnessing ?? noWitnesses,
    places:
      options.publishedUrl === ''
        ? []
        : [publishedPlace({ url: options.publishedUrl, fetch: deps.fetch, timeoutMs: 10_000 })],
    openAdmission: () => running.openAdmission(),
    options: { limits: options, resignSeconds: options.resignSeconds, retrySeconds: 5 },
    events: tee(tee(metrics.events, operatorEvents(deps.operator)), {
      committed: () => undefined,
      issued: () => running.issued?.(log),
      gate: () => undefined,
    }),
  })
  const onDefect = (error: unknown) => deps.operator.error({ err: error }, 'a request met a defect')
  const add = { log, maxLeafBytes: options.maxLeafBytes, onDefect, onAnswer: metrics.addAnswered }
  const open = options.mode === 'open'
  const limitedAdd = open ? { parts: add, perMinute: options.addsPerMinute } : null
  const api = apiApp({ log, metrics, onDefect, mount: (v1) => running.mount(v1, log), limitedAdd, ...options })
  const server = createHttpServer({
    add: open ? null : add,
    tiles: { log, reader: store, cache, onDefect, checkpointMaxAgeSeconds: options.checkpointMaxAgeSeconds },
    api,
    limits: options,
  })
  const port = await listen(server, options.host, options.port)
  undo.push(() => closeServer(server, 0))
  await log.lead()
  return {
    origin: signer.origin,
    port,
    gate: () => log.gate,
    async stop() {
      const closed = closeServer(server, graceMs)
      await log.stop()
      await closed
      running.stop()
      await store.close()
      await marker.close()
      lock.release()
    },
  }
}

interface OpenDataDir<Tables> {
  readonly lock: Lock
  readonly marker: Marker
  readonly store: SqliteLogStore<Tables>
}

async function openDataDir<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  undo: (() => unknown)[],
): Promise<OpenDataDir<Tables>> {
  const paths = dataDir(options.dataDir)
  if (!(await exists(paths.marker)) && !(await exists(paths.database)))
    throw new ProgramError({
      code: 'NOT_INITIALISED',
      detail: `${options.dataDir} holds no log`,
      remedy: 'Run samebits-log init first, or name the folder of a log with --data-dir.',
    })
  const lock = await lockDataDir(options.dataDir)
  undo.push(() => lock.release())
  const marker = await openMarker(paths.marker)
  undo.push(() => marker.close())
  const store = openSqliteStore({ path: paths.database, extension: mode.extension, mustExist: true })
  undo.push(() => store.close())
  return { lock, marker, store }
}

/** The origin is what the marker says, which only the right keys can have signed. */
function signerOf(marker: Marker, keys: readonly SigningKey[]): HeadSigner {
  const { origin } = parseSignedCheckpoint(marker.last.checkpoint).checkpoint
  const signer = headSigner(nodeCrypto, origin, keys)
  try {
    signer.open(marker.last.checkpoint)
  } catch (cause) {
    const detail = `the marker of ${origin} is not signed by the keys of this folder`
    throw new ProgramError({ code: 'WRONG_KEYS', detail, remedy: 'Name the keys that init was given.', cause })
  }
  return signer
}

function warnTo(operator: OperatorLog): (message: string, detail?: unknown) => void {
  return (message, detail) => operator.warn({ detail }, message)
}

function operatorEvents(operator: OperatorLog): LogEvents {
  return {
    committed: (head, entries, milliseconds) => operator.debug({ size: head.size, entries, milliseconds }, 'committed'),
    issued: ({ size }) => operator.debug({ size }, 'published'),
    gate(state) {
      if (state.state === 'read-only') operator.error(state, 'the log only reads now')
      else operator.info(state, `the log is ${state.state}`)
    },
  }
}

function tee(a: LogEvents, b: LogEvents): LogEvents {
  return {
    committed(head, entries, milliseconds) {
      a.committed(head, entries, milliseconds)
      b.committed(head, entries, milliseconds)
    },
    issued(issued) {
      a.issued(issued)
      b.issued(issued)
    },
    gate(state) {
      a.gate(state)
      b.gate(state)
    },
  }
}
