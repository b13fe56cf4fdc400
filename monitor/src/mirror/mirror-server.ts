/** A running mirror, put together from its parts. */
import { nodeCrypto, verifyInPool } from '@samebits/core/node'
import { closeServer, listen } from '@samebits/host'
import { handleMirror } from '../http/mirror-http.ts'
import { createHttpServer } from '../http/server-http.ts'
import { Budget } from '../witness/budget.ts'
import type { LogListSource } from '../witness/log-list-source.ts'
import {
  graceMs,
  minBurst,
  openKnownLogs,
  openSuspicions,
  type RunningServer,
  type ServerDeps,
  type ServerOptions,
  type StateFolder,
  servingFrom,
} from '../witness/server-parts.ts'
import { catchUp, type FollowParts } from './follow.ts'
import { Mirror } from './mirror.ts'
import { createMirrorMetrics, type MirrorMetrics } from './mirror-metrics.ts'
import type { MirrorStore } from './mirror-store.ts'
import { openSqliteMirrorStore } from './sqlite-mirror-store.ts'

export interface MirrorServerOptions extends ServerOptions {
  /** URL prefixes of logs that are followed. */
  readonly follow: readonly string[]
  readonly pollMs: number
  readonly timeoutMs: number
  readonly maxUploads: number
  readonly idleMs: number
  readonly pieceMs: number
}

/** @throws ProgramError, StoreUnfitError, and the system's error where the port cannot be had */
export function startMirror(options: MirrorServerOptions, deps: ServerDeps): Promise<RunningServer> {
  const open = (path: string) => openSqliteMirrorStore(path, nodeCrypto)
  return servingFrom(options, 'mirror', open, (state) => serve(options, deps, state))
}

async function serve(
  options: MirrorServerOptions,
  deps: ServerDeps,
  state: StateFolder<MirrorStore>,
): Promise<RunningServer> {
  const { timing, operator } = deps
  const { store } = state
  await deps.claimKeys(store.id)
  const budget = new Budget({ clock: timing.clock, globalPerSecond: options.globalPerSecond, minBurst })
  const logs = await openKnownLogs(options, { ...deps, store, budget, signedAt: () => null })
  const metrics = createMirrorMetrics()
  const mirror = await openMirror(options, deps, state, logs, metrics)
  watch(metrics, mirror, store, logs)
  const onDefect = (error: unknown) => operator.error({ err: error }, 'a request met a defect')
  const http = {
    ...{ mirror, store, budget, onDefect, prefix: options.prefix, clock: timing.clock },
    ...{ idleMs: options.idleMs, pieceMs: options.pieceMs },
    ...{ takesUploads: deps.signers.length > 0, slots: { free: options.maxUploads }, logs: () => logs.list },
    onAnswer: metrics.answered,
    onSaved: metrics.saved,
  }
  const server = createHttpServer(
    (req, res) => handleMirror(http, req, res),
    { ready: () => mirror.halted === null, metrics, onDefect },
    options.limits,
  )
  const port = await listen(server, options.host, options.port)
  const endRefresh = timing.every(options.refreshMs, () => void logs.refresh())
  const endFollowing = follow(options, deps, { mirror, store, metrics, logs: () => logs.list })
  return {
    port,
    async stop() {
      endRefresh()
      await Promise.all([endFollowing(), closeServer(server, graceMs)])
      state.close()
    },
  }
}

async function openMirror(
  options: MirrorServerOptions,
  deps: ServerDeps,
  { store, evidence }: StateFolder<MirrorStore>,
  logs: LogListSource,
  metrics: MirrorMetrics,
): Promise<Mirror> {
  const { timing, operator } = deps
  const suspicions = await openSuspicions(evidence, deps, metrics.suspected)
  return new Mirror({
    ...{ crypto: nodeCrypto, verify: verifyInPool, store, signers: deps.signers, maxPending: options.maxPending },
    ...{ now: timing.now, defer: timing.defer, logs: () => logs.list },
    suspect: (origin, suspicion) => void suspicions.keep(origin, suspicion),
    halted: (error) => operator.error({ err: error }, 'halted: nothing is stored or cosigned until a restart'),
  })
}

function watch(metrics: MirrorMetrics, mirror: Mirror, store: MirrorStore, logs: LogListSource): void {
  const sizes = (origin: string) => ({
    origin,
    next: store.nextEntry(origin),
    size: store.mirrorCheckpoint(origin)?.size ?? 0,
  })
  metrics.watch({ copies: () => [...logs.list.keys()].map(sizes), halted: () => mirror.halted !== null })
}

interface FollowedParts extends Pick<FollowParts, 'mirror' | 'store' | 'logs'> {
  readonly metrics: MirrorMetrics
}

/** Follows each log, one round at a time; gives how to end it, between two batches. */
function follow(
  { follow: prefixes, pollMs, timeoutMs }: MirrorServerOptions,
  { timing, operator, fetch }: ServerDeps,
  { mirror, store, metrics, logs }: FollowedParts,
): () => Promise<void> {
  const ending = new AbortController()
  const progress = (origin: string, next: number, size: number) => operator.info({ origin, next, size }, 'stored')
  const parts: FollowParts = {
    ...{ mirror, store, crypto: nodeCrypto, logs, fetch, timeoutMs, now: timing.now, progress },
    signal: ending.signal,
  }
  const running = new Map<string, Promise<void>>()
  const round = async (prefix: string) => {
    try {
      await catchUp(parts, prefix)
      metrics.followed(true)
    } catch (error) {
      if (ending.signal.aborted) return
      metrics.followed(false)
      operator.warn({ err: error, prefix }, 'the log could not be followed to its end; it is tried again')
    } finally {
      running.delete(prefix)
    }
  }
  const all = () => {
    for (const prefix of prefixes) if (!running.has(prefix)) running.set(prefix, round(prefix))
  }
  all()
  const end = timing.every(pollMs, all)
  return async () => {
    end()
    ending.abort()
    await Promise.all(running.values())
  }
}
