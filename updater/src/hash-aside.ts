/**
 * SHA-256 of a large file in a thread of its own, so that judging its bundle takes no time of its own. Small files are hashed
 * where they are asked for, and all files where no core is free: a thread then costs more than it saves (measured: half as
 * much again on two cores under load, a fifth less on idle ones).
 */
import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { FileDigest } from './file-hash.ts'

/** About what hashes in the time that a thread takes to start. */
const worthAThread = 16 * 1024 * 1024

export interface HashOptions {
  /** Whether a core is free for a second thread. */
  readonly spareCore: boolean
  readonly signal?: AbortSignal
}

/** @throws the system's error where the file cannot be read; the signal's reason */
export async function hashFile(path: string, { spareCore, signal }: HashOptions): Promise<FileDigest> {
  const handle = await open(path, 'r')
  try {
    const stat = await handle.stat()
    const aside = spareCore && stat.isFile() && stat.size >= worthAThread
    return aside ? await hashAside(handle, signal) : await hashHere(handle, signal)
  } finally {
    await handle.close()
  }
}

const pieceBytes = 256 * 1024
const bytesATurn = 8 * 1024 * 1024

/**
 * Reads without the detour through the pool of threads, which takes a fifth longer; other work gets its turn every few
 * megabytes.
 */
async function hashHere({ fd }: FileHandle, signal: AbortSignal | undefined): Promise<FileDigest> {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes)
  const hash = createHash('sha256')
  let size = 0
  for (;;) {
    signal?.throwIfAborted()
    const count = readSync(fd, buffer, 0, pieceBytes, size)
    if (count === 0) return { sha256: hash.digest('hex'), size }
    hash.update(buffer.subarray(0, count))
    size += count
    if (size % bytesATurn === 0) await turn()
  }
}

async function hashAside(handle: FileHandle, signal: AbortSignal | undefined): Promise<FileDigest> {
  const { Worker } = await import('node:worker_threads')
  signal?.throwIfAborted()
  const options = { eval: true, workerData: handle.fd, env: {}, execArgv: [], trackUnmanagedFds: false }
  const worker = new Worker(`(${hashInThread.toString()})()`, options)
  try {
    return await digestFrom(worker, signal)
  } finally {
    await worker.terminate()
  }
}

function digestFrom(worker: Worker, signal: AbortSignal | undefined): Promise<FileDigest> {
  const { promise, resolve, reject } = Promise.withResolvers<FileDigest>()
  const abort = () => reject(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', (status) => reject(new Error(`the hashing thread ended with ${status}`)))
  return promise.finally(() => signal?.removeEventListener('abort', abort))
}

/** The whole program of the thread: it is handed over as text, so it refers to nothing outside itself. */
function hashInThread(): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const { readSync } = process.getBuiltinModule('node:fs')
  const { createHash } = process.getBuiltinModule('node:crypto')
  const buffer = Buffer.allocUnsafeSlow(1 << 20)
  const hash = createHash('sha256')
  let size = 0
  for (let count = -1; count !== 0; size += count) {
    count = readSync(workerData, buffer, 0, buffer.length, size)
    hash.update(buffer.subarray(0, count))
  }
  parentPort?.postMessage({ sha256: hash.digest('hex'), size })
}
