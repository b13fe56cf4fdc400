/** A worker of `fsck`: opens the target once, then checks run after run. */
import { parentPort, workerData } from 'node:worker_threads'
import { nodeCrypto } from '@samebits/core/node'
import { type BundleRun, FsckError, fsckFault, runChecker } from './fsck.ts'
import { type FsckTarget, openSource } from './fsck-source.ts'
import type { WorkerAnswer } from './fsck-workers.ts'

const { target } = workerData as { target: FsckTarget }
const { source, ahead } = openSource(target, fetch)
const check = runChecker(nodeCrypto, source, ahead)

async function answer(run: BundleRun): Promise<WorkerAnswer> {
  try {
    return { ok: true, result: await check(run) }
  } catch (error) {
    const fault = fsckFault(error)
    return { ok: false, damaged: fault instanceof FsckError, message: fault.message }
  }
}

parentPort?.on('message', (run: BundleRun) => {
  void answer(run).then((message) => parentPort?.postMessage(message))
})
