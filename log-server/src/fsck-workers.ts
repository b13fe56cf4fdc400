/** Threads that check runs, one run at a time each. */
import { Worker } from 'node:worker_threads'
import { type BundleRun, FsckError, type RunChecker, type RunResult, UnreadableError } from './fsck.ts'
import type { FsckTarget } from './fsck-source.ts'

export type WorkerAnswer =
  | { readonly ok: true; readonly result: RunResult }
  /** `damaged`: the log is; otherwise it could not be read. */
  | { readonly ok: false; readonly damaged: boolean; readonly message: string }

export interface FsckWorkers {
  readonly checkRun: RunChecker
  /** Runs that may be under way at once. */
  readonly count: number
  close(): Promise<void>
}

/** The worker beside this file, as source or as built. */
const script = import.meta.url.endsWith('.ts')
  ? new URL('./fsck-worker.ts', import.meta.url)
  : new URL('./fsck-worker.js', import.meta.url)

export function startWorkers(count: number, target: FsckTarget): FsckWorkers {
  const workers = Array.from({ length: count }, () => new Worker(script, { workerData: { target } }))
  const idle = [...workers]
  return {
    count,
    async checkRun(run) {
      const worker = idle.pop()
      if (worker === undefined) throw new RangeError('more runs at once than workers')
      try {
        return await ask(worker, run)
      } finally {
        idle.push(worker)
      }
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

/** No threads: for logs that are checked before threads would have started. */
export function inlineWorker(checkRun: RunChecker): FsckWorkers {
  return { count: 1, checkRun, close: async () => undefined }
}

function ask(worker: Worker, run: BundleRun): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const settle = (answer: WorkerAnswer) => {
      worker.off('error', reject)
      if (answer.ok) resolve(answer.result)
      else reject(answer.damaged ? new FsckError(answer.message) : new UnreadableError(answer.message))
    }
    worker.once('message', settle)
    worker.once('error', reject)
    worker.postMessage(run)
  })
}
