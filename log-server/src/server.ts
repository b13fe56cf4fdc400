/** A running log server, put together from its parts. */
import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import { FormatError, formatVkey, parseSignedCheckpoint } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { closeServer, type Lock, listen, ProgramError } from '@samebits/host'
import { dataDir, exists, lockDataDir } from './data-dir.ts'
import type { Election } from './election.ts'
import { Exporter } from './export/exporter.ts'
import { openExport } from './export/open-export.ts'
import { Ending } from './frozen/ending.ts'
import type { GateState } from './gate.ts'
import { apiApp, apiLimiters } from './http/api-http.ts'
import { BodyBudget } from './http/body-budget.ts'
import { BodyCache } from './http/body-cache.ts'
import { Forwarder } from './http/forward.ts'
import type { Mode, RunningMode } from './http/modes-http.ts'
import { createHttpServer, dispatch, type Routes } from './http/server-http.ts'
import { keepTlsFresh, type TlsReloads } from './http/tls-http.ts'
import { Intake } from './intake.ts'
import type { Issued } from './issuer.ts'
import { Log, type LogEvents, type Timing } from './log.ts'
import { type Marker, openMarker } from './marker.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { openElection, openStore } from './open-store.ts'
import type { LogServerOptions } from './options.ts'
import { publishedPlace } from './published-place.ts'
import { refuseReaders, startReaders } from './readers/start-readers.ts'
import { type HeadSigner, headSigner, type LogKey } from './signer.ts'
import type { OpenStore } from './store.ts'
import type { TlsFiles } from './tls-files.ts'
import type { Tracing } from './tracing/tracing.ts'
import { openWitnesses } from './witnesses/open-witnesses.ts'
import type { Witnessing } from './witnessing.ts'

/** Structured lines for the operator; `pino` fits. */
export interface OperatorLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface ServerDeps {
  readonly keys: readonly LogKey[]
  readonly timing: Timing
  readonly fetch: typeof globalThis.fetch
  readonly operator: OperatorLog
  readonly witnessing?: Witnessing
  /** Who follows requests, if anybody does. */
  readonly tracing?: Tracing
  readonly events?: Partial<LogEvents>
  /** What is served over TLS; without it HTTP is plain. */
  readonly tls?: { readonly files: TlsFiles; readonly onReload: TlsReloads }
}

export interface RunningServer {
  readonly origin: string
  readonly port: number
  readonly gate: () => GateState
  /** What is served as the checkpoint. */
  readonly published: () => Issued
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
  const opened = await openDataDir(options, mode, undo)
  const signer = signerOf(opened.marker, deps.keys)
  const warn = (message: string, detail?: unknown) => deps.operator.warn({ detail }, message)
  const running = await mode.start({ origin: signer.origin, options, store: opened.store, warn })
  undo.push(() => running.stop())
  const cache = new BodyCache(options.cacheBytes)
  const metrics = createMetrics({
    pendingEntries: () => log.pendingEntries,
    cachedBytes: () => cache.bytes,
    frozen: () => log.frozen !== null,
  })
  const leftBehind = running.leftBehind?.bind(running) ?? null
  const parts = { ...deps, options, signer, store: opened.store, registry: metrics.registry, leftBehind }
  const { witnessing, issued } =
    deps.witnessing === undefined
      ? await openWitnesses(parts)
      : { witnessing: deps.witnessing, issued: () => undefined }
  const afterIssue = () => {
    running.issued?.(log)
    issued()
  }
  const events = [metrics.events, operatorEvents(deps.operator), { issued: afterIssue }, deps.events ?? {}]
  const place = await openExport(options)
  const exporter = place === null ? null : new Exporter({ place, reader: opened.store, signer })
  let port = options.port
  const { election, close } = openElection(options, () => addressOf(options, port), deps.timing)
  undo.push(close)
  const { fetch, timing, operator } = deps
  const intake = new Intake(timing.defer)
  const log = await openLog({ options, deps, opened, signer, witnessing, running, events, election, exporter, intake })
  const tls = deps.tls?.files.context ?? null
  const reader = opened.store
  const tracing = deps.tracing ?? null
  const vkeys = signer.keys.map(formatVkey)
  const routes = routesOf({
    options,
    log,
    vkeys,
    running,
    cache,
    metrics,
    reader,
    operator,
    fetch,
    timing,
    intake,
    tracing,
  })
  const server = createHttpServer({ ...routes(options.trustedProxies), limits: options, tls })
  const isTls = deps.tls !== undefined && server instanceof TlsServer
  const endTls = isTls ? keepTlsFresh(server, { ...deps.tls, ...timing, ...metrics, operator }) : () => undefined
  undo.push(endTls)
  port = await listen(server, options.host, options.port)
  undo.push(() => closeServer(server, 0))
  await log.lead()
  const stopReaders = await readersOf({ options, deps, signer, server, metrics, routes })
  undo.push(stopReaders)
  const stop = async () => {
    const closed = Promise.all([closeServer(server, graceMs), stopReaders()])
    endTls()
    await log.stop()
    await closed
    await close()
    running.stop()
    await opened.store.close()
    await opened.marker.close()
    opened.lock.release()
  }
  return { origin: signer.origin, port, gate: () => log.gate, published: () => log.published(), stop }
}

interface LogSetup<Item, Tables> {
  readonly options: LogServerOptions
  readonly deps: ServerDeps
  readonly opened: OpenDataDir<Tables>
  readonly signer: HeadSigner
  readonly witnessing: Witnessing
  readonly running: RunningMode<Item, Tables>
  readonly events: readonly Partial<LogEvents>[]
  readonly election: Election
  readonly exporter: Exporter | null
  readonly intake: Intake
}

function openLog<Item, Tables>(setup: LogSetup<Item, Tables>): Promise<Log<Item, Tables>> {
  const { options, deps, opened, signer, witnessing, running, events, election, exporter, intake } = setup
  const { publishedUrl: url, resignSeconds } = options
  return Log.open({
    store: opened.store,
    marker: opened.marker,
    crypto: nodeCrypto,
    signer,
    timing: { ...deps.timing, defer: (work) => intake.whenRead(work) },
    witnessing,
    election,
    exporter,
    tracing: deps.tracing ?? null,
    ending: new Ending({ store: opened.store, path: dataDir(options.dataDir).frozen, origin: signer.origin }),
    places: [
      ...(url === '' ? [] : [publishedPlace({ url, fetch: deps.fetch, timeoutMs: 10_000 })]),
      ...(exporter === null ? [] : [exporter.asPlace]),
    ],
    openAdmission: () => running.openAdmission(),
    options: { limits: options, resignSeconds, retrySeconds: options.database === '' ? 5 : 1 },
    events: toAll(events),
  })
}

interface RoutesSetup<Item, Tables> {
  readonly options: LogServerOptions
  readonly log: Log<Item, Tables>
  readonly vkeys: readonly string[]
  readonly running: RunningMode<Item, Tables>
  readonly cache: BodyCache
  readonly metrics: Metrics
  readonly reader: OpenStore<Tables>
  readonly operator: OperatorLog
  readonly fetch: typeof globalThis.fetch
  readonly timing: Timing
  readonly intake: Intake
  readonly tracing: Tracing | null
}

/** The routes of a listener behind so many proxies. */
type RoutesBehind = (trustedProxies: number) => Routes

function routesOf<Item, Tables>(setup: RoutesSetup<Item, Tables>): RoutesBehind {
  const { options, log, vkeys, running, cache, metrics, reader, operator, fetch, timing, intake, tracing } = setup
  const { maxLeafBytes, checkpointMaxAgeSeconds } = options
  const onDefect = (error: unknown) => operator.error({ err: error }, 'a request met a defect')
  const forwarder = new Forwarder({ ...options, log, fetch, ...timing, patienceMs: 4 * options.leaderTimeoutMs })
  const budget = new BodyBudget(2 * options.maxPendingBytes)
  const add = { log, forwarder, budget, maxLeafBytes, onDefect, onAnswer: metrics.addAnswered, tracing }
  const limited = options.mode === 'open'
  const limiters = apiLimiters(options)
  return (trustedProxies) => ({
    add: limited ? null : add,
    tiles: { log, reader, cache, onDefect, checkpointMaxAgeSeconds },
    api: apiApp({
      ...{ log, vkeys, metrics, onDefect, limiters, trustedProxies, limitedAdd: limited ? add : null },
      mount: (v1) => running.mount(v1, log),
    }),
    intake,
  })
}

interface ReadersOf {
  readonly options: LogServerOptions
  readonly deps: ServerDeps
  readonly signer: HeadSigner
  readonly server: Server
  readonly metrics: Metrics
  readonly routes: RoutesBehind
}

/** Starts them where there are any; returns how they end. */
async function readersOf({ options, deps, signer, server, metrics, routes }: ReadersOf): Promise<() => Promise<void>> {
  if (options.readers === 0) return async () => undefined
  const behind = routes(options.trustedProxies + 1)
  return startReaders({
    ...{ options, signer, server, registry: metrics.registry, operator: deps.operator, after: deps.timing.after },
    database: dataDir(options.dataDir).database,
    handle: (req, res) => dispatch(behind, req, res),
    onReload: deps.tls?.onReload ?? null,
  })
}

interface OpenDataDir<Tables> {
  readonly lock: Lock
  readonly marker: Marker
  readonly store: OpenStore<Tables>
}

async function openDataDir<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  undo: (() => unknown)[],
): Promise<OpenDataDir<Tables>> {
  refuseReaders(options)
  const paths = dataDir(options.dataDir)
  if (!(await exists(paths.marker)) && !(await exists(paths.database)))
    throw new ProgramError({
      code: 'NOT_INITIALISED',
      detail: `${options.dataDir} holds no log`,
      remedy:
        options.database === ''
          ? 'Run samebits-log init first, or name the folder of a log with --data-dir.'
          : 'Run samebits-log init for a new log, or samebits-log join on a further machine of one that is there.',
    })
  const lock = await lockDataDir(options.dataDir)
  undo.push(() => lock.release())
  const marker = await openMarker(paths.marker)
  undo.push(() => marker.close())
  const { database, databaseTimeoutMs: timeoutMs } = options
  const { extension } = mode
  const store = await openStore({ database, path: paths.database, timeoutMs, extension, create: false })
  undo.push(() => store.close())
  return { lock, marker, store }
}

/** The origin is what the marker says, which only the right keys can have signed. */
function signerOf(marker: Marker, keys: readonly LogKey[]): HeadSigner {
  const { origin } = parseSignedCheckpoint(marker.last.checkpoint).checkpoint
  const signer = headSigner(nodeCrypto, origin, keys)
  try {
    const { note, verified } = signer.open(marker.last.checkpoint)
    if (note.signatures.some((line) => line.name === origin && !verified.some((known) => known.line === line)))
      throw new FormatError('note', 'a key that signed it is missing: a log keeps its keys as long as it lives')
  } catch (cause) {
    const why = cause instanceof FormatError && cause.format === 'note' ? `: ${cause.detail}` : ''
    const detail = `the marker of ${origin} is not signed by the keys of this folder${why}`
    throw new ProgramError({ code: 'WRONG_KEYS', detail, remedy: 'Name the keys that init was given.', cause })
  }
  return signer
}

/** Where the other servers of the database reach this one. */
function addressOf({ advertiseUrl, host, tlsCert }: LogServerOptions, port: number): string {
  if (advertiseUrl !== '') return advertiseUrl.replace(/\/$/, '')
  return `${tlsCert === '' ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`
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

function toAll(listeners: readonly Partial<LogEvents>[]): LogEvents {
  return {
    committed(head, entries, milliseconds) {
      for (const listener of listeners) listener.committed?.(head, entries, milliseconds)
    },
    issued(issued) {
      for (const listener of listeners) listener.issued?.(issued)
    },
    gate(state) {
      for (const listener of listeners) listener.gate?.(state)
    },
  }
}
