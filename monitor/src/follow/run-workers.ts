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
const resourceLimits = { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 8 }

/** Hashing alone keeps nothing of a bundle; what is read of entries is in memory until it is indexed. */
const bundlesOf = (ring: KeyRing | null): number => (ring === null ? 64 : 2)

/** Runs that are with a thread at once: the next one is fetched, or waits there, while one is worked on. */
const runsEach = 2

export class RunWorkers {
  readonly count: number
  readonly #threads = new Set<RunThread>()
  #closed = false

  constructor(count: number) {
    this.count = count
  }

  checker(url: string, ring: KeyRing | null): RunChecker<EntryFacts> {
    const keys = ring === null ? null : [...ring]
    return {
      count: this.count * runsEach,
      bundles: bundlesOf(ring),
      check: async (run) => resultOf(await this.#least().ask({ url, run, keys })),
    }
  }

  /** What is under way fails. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#threads].map((thread) => thread.end()))
  }

  /** The thread with the least before it; a new one where all have something, and there may be more. */
  #least(): RunThread {
    if (this.#closed) throw new Error('the threads have ended')
    const [least] = [...this.#threads].sort((a, b) => a.load - b.load)
    if (least !== undefined && (least.load === 0 || this.#threads.size >= this.count)) return least
    const thread = new RunThread(() => this.#threads.delete(thread))
    this.#threads.add(thread)
    return thread
  }
}

/** One thread, and who waits for its answers. */
class RunThread {
  readonly #worker = new Worker(script, { resourceLimits })
  readonly #waiting = new Map<number, { resolve(answer: WorkerAnswer): void; reject(reason: unknown): void }>()
  #next = 0

  constructor(onEnd: () => void) {
    const fail = (reason: unknown) => {
      onEnd()
      for (const { reject } of this.#waiting.values()) reject(reason)
      this.#waiting.clear()
    }
    this.#worker
      .on('message', ({ number, answer }: { number: number; answer: WorkerAnswer }) => {
        this.#waiting.get(number)?.resolve(answer)
        this.#waiting.delete(number)
      })
      .on('error', fail)
      .on('exit', () => fail(new Error('a thread ended before its answer')))
  }

  /** Runs that it has not answered. */
  get load(): number {
    return this.#waiting.size
  }

  ask(request: WorkerRequest): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      const number = this.#next++
      this.#waiting.set(number, { resolve, reject })
      this.#worker.postMessage({ number, request })
    })
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
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
