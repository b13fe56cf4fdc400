/** A rebuilder of one configuration from its lock to its end: as a daemon, or for one release. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { productInFileName } from '@samebits/core'
import { acquireLock, closeServer, type Lock, listen, ProgramError } from '@samebits/host'
import type { ContainerEngine } from '../engines/engine.ts'
import { createStatusServer } from '../http/status-http.ts'
import { readStatementKey } from '../keygen.ts'
import type { Machine } from '../machine.ts'
import { defaultLimits, type RetryLimits } from '../retry.ts'
import type { Environment } from '../source/git.ts'
import { createBoard } from './board.ts'
import type { RebuilderConfig } from './config.ts'
import { runDaemon } from './daemon.ts'
import { jobStore } from './job-store.ts'
import { type OnceRequest, type OnceResult, rebuildOnce } from './once.ts'
import { type FollowedProduct, followProduct } from './product.ts'
import { createRebuilderMetrics } from './rebuilder-metrics.ts'
import type { Rebuilder } from './run-job.ts'
import { voteStore } from './vote-store.ts'

export interface RebuilderParts {
  readonly config: RebuilderConfig
  readonly engine: ContainerEngine
  readonly machine: Machine
  readonly environment: Environment
  /** Of samebits-build. */
  readonly version: string
  readonly signal: AbortSignal
}

export interface Serving {
  readonly builder: string
  readonly engine: string
  /** Of the status page; null without one. */
  readonly url: string | null
  readonly products: readonly string[]
}

/** Where the status page is served. */
export interface StatusPlace {
  readonly host: string
  readonly port: number
}

/**
 * Rebuilds one release and ends.
 *
 * @throws ProgramError BUSY, NOT_ATTESTABLE, and as {@link rebuildOnce}
 */
export async function rebuildOneRelease(parts: RebuilderParts, request: OnceRequest): Promise<OnceResult> {
  const lock = await lockState(parts.config)
  try {
    const rebuilder = await openRebuilder(parts)
    return await rebuildOnce(rebuilder, await followAll(parts, defaultLimits), request, parts.signal)
  } finally {
    lock.release()
  }
}

/** A daemon asks again by itself: one look need not wait long for a log that is down. */
const patience: RetryLimits = { ...defaultLimits, totalMs: 30_000 }

/** Rebuilds until the signal is aborted. @throws ProgramError BUSY, NOT_ATTESTABLE */
export async function serveRebuilder(
  parts: RebuilderParts,
  place: StatusPlace | null,
  onServing: (about: Serving) => void,
): Promise<void> {
  const { config, engine, machine, signal } = parts
  const { builder, jobs: concurrency, everySeconds, state } = config
  const lock = await lockState(config)
  try {
    const rebuilder = await openRebuilder(parts)
    const products = await followAll(parts, patience)
    const about = { builder, engine: `${engine.name} ${engine.version}` }
    const board = createBoard({ ...about, startedAt: machine.now() })
    const metrics = createRebuilderMetrics(board)
    const server = createStatusServer({ board, metrics, now: () => machine.now() })
    const url = place === null ? null : `http://${inUrl(place.host)}:${await listen(server, place.host, place.port)}/`
    onServing({ ...about, url, products: products.map(({ name }) => name) })
    const work = { rebuilder, products, jobs: jobStore(join(state, 'jobs')), machine, board, events: metrics.events }
    try {
      await runDaemon({ ...work, concurrency, everySeconds }, signal)
    } finally {
      if (url !== null) await closeServer(server, 1000)
    }
  } finally {
    lock.release()
  }
}

async function lockState({ state }: RebuilderConfig): Promise<Lock> {
  await mkdir(state, { recursive: true, mode: 0o700 })
  const lock = acquireLock(join(state, 'lock'))
  if (lock !== null) return lock
  throw new ProgramError({
    code: 'BUSY',
    detail: `another rebuilder works in ${state}`,
    remedy: 'Stop it first, or give this one a state folder and a key of its own.',
    exitCode: 20,
  })
}

async function openRebuilder({ config, engine, environment, machine, version }: RebuilderParts): Promise<Rebuilder> {
  if (!engine.isolates)
    throw new ProgramError({
      code: 'NOT_ATTESTABLE',
      detail: 'what is built on this machine itself, without a container, is never a vote (NO_CONTAINER)',
      remedy: 'Rebuild with --engine podman or docker.',
      exitCode: 10,
    })
  const { builder, state, path, images, protocols, confirm } = config
  await emptyScratch(machine, join(state, 'scratch'))
  return {
    ...{ engine, environment, state, path, images, protocols, confirm },
    now: () => machine.now(),
    say: (line) => machine.say(line),
    key: await readStatementKey(config.key),
    identity: { id: builder, version },
    votes: voteStore(join(state, 'votes')),
  }
}

/** What a rebuilder that was killed left of its builds. */
async function emptyScratch(machine: Machine, scratch: string): Promise<void> {
  await rm(scratch, { recursive: true, force: true }).catch((error: Error) => {
    machine.say(`what an earlier build left in ${scratch} cannot be removed: ${error.message}`)
  })
  await mkdir(scratch, { recursive: true })
}

async function followAll(
  { config: { products, state }, machine, signal }: RebuilderParts,
  limits: RetryLimits,
): Promise<readonly FollowedProduct[]> {
  const followed: FollowedProduct[] = []
  for (const [name, product] of products) {
    const folder = join(state, 'products', productInFileName(name))
    await mkdir(folder, { recursive: true })
    followed.push(await followProduct(name, product, { machine, signal, limits, folder }))
  }
  return followed
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
