/** Threads that check runs of bundles; and the same work without threads, for what is read before they would have started. */
import { Worker } from 'node:worker_threads'
import { SourceError, type SourceErrorKind, TileError, type TileSource, type VerificationKey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { type EntryFacts, factsOf, type KeyRing } from '../index/entry-facts.ts'
import { type CheckedRun, checkRun, type Run } from './check-run.ts'
import type { RunChecker } from './read-tree.ts'

/** Plain data. `keys` null: entries are only hashed. */
export interface WorkerRequest {
  readonly url: string
  readonly run: Run
  readonly keys: readonly (readonly [string, VerificationKey])[] | null
}

export type WorkerAnswer =
  | { readonly kind: 'checked'; readonly result: CheckedRun<EntryFacts> }
  | { readonly kind: 'damaged'; readonly path: string; readonly detail: string }
  | { readonly kind: 'unread'; readonly path: string; readonly detail: string; readonly fault: SourceErrorKind }
  | { readonly kind: 'defect'; readonly detail: string }

/** The worker beside this file, as source or as built. */
const script = import.meta.url.endsWith('.ts')
  ? new URL('./run-worker.ts', import.meta.url)
  : new URL('./run-worker.js', import.meta.url)

/** A thread needs little more than a few bundles; what it may not use it collects sooner. */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 }

/** Hashing alone keeps nothing of a bundle; what is read of entries is in memory until it is indexed. */
const bundlesOf = (ring: KeyRing | null): number => (ring === null ? 64 : 4)

export class RunWorkers {
  readonly count: number
  readonly #idle: Worker[] = []
  readonly #all: Worker[] = []
  readonly #waiting: ((worker: Worker) => void)[] = []
  #closed = false

  constructor(count: number) {
    this.count = count
  }

  checker(url: string, ring: KeyRing | null): RunChecker<EntryFacts> {
    const keys = ring === null ? null : [...ring]
    return { count: this.count, bundles: bundlesOf(ring), check: (run) => this.#check({ url, run, keys }) }
  }

  /** What is under way fails. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#all.splice(0).map((worker) => worker.terminate()))
    this.#idle.length = 0
  }

  async #check(request: WorkerRequest): Promise<CheckedRun<EntryFacts>> {
    const worker = await this.#take()
    try {
      if (this.#closed) throw new Error('the threads have ended')
      return resultOf(await ask(worker, request))
    } finally {
      this.#free(worker)
    }
  }

  /** A thread that ended is replaced when one is needed. */
  #free(worker: Worker): void {
    const alive = worker.threadId > 0
    if (!alive && this.#all.includes(worker)) this.#all.splice(this.#all.indexOf(worker), 1)
    const next = this.#waiting.shift()
    if (next !== undefined) next(alive || this.#closed ? worker : this.#start())
    else if (alive) this.#idle.push(worker)
  }

  #take(): Promise<Worker> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return Promise.resolve(idle)
    if (this.#all.length >= this.count) return new Promise((resolve) => this.#waiting.push(resolve))
    return Promise.resolve(this.#start())
  }

  #start(): Worker {
    const worker = new Worker(script, { resourceLimits })
    this.#all.push(worker)
    return worker
  }
}

/** The same in this thread. */
export function inlineChecker(source: TileSource, ring: KeyRing | null, clock: () => number): RunChecker<EntryFacts> {
  const read = ring === null ? null : (index: number, entry: Uint8Array) => factsOf(nodeCrypto, ring, index, entry)
  return {
    count: 1,
    bundles: bundlesOf(ring),
    check: (run) => checkRun({ hasher: nodeCrypto, source, read, clock }, run),
  }
}

function resultOf(answer: WorkerAnswer): CheckedRun<EntryFacts> {
  switch (answer.kind) {
    case 'checked':
      return answer.result
    case 'damaged':
      throw new TileError(answer.path, answer.detail)
    case 'unread':
      throw new SourceError(answer.fault, answer.path, answer.detail)
    case 'defect':
      throw new Error(answer.detail)
  }
}

function ask(worker: Worker, request: WorkerRequest): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    const settled = () => worker.off('message', done).off('error', failed).off('exit', ended)
    const failed = (error: unknown) => {
      settled()
      reject(error)
    }
    const ended = () => failed(new Error('a thread ended before its answer'))
    const done = (answer: WorkerAnswer) => {
      settled()
      resolve(answer)
    }
    worker.once('message', done).once('error', failed).once('exit', ended)
    worker.postMessage(request)
  })
}
