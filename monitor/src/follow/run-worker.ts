/** A worker thread that checks runs of any log, one at a time. */
import { parentPort } from 'node:worker_threads'
import { SourceError, TileError, type TileSource } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { type EntryFacts, factsOf } from '../index/entry-facts.ts'
import { checkRun } from './check-run.ts'
import { logSource } from './log-source.ts'
import { plainGet } from './plain-get.ts'
import type { WorkerAnswer, WorkerRequest } from './run-workers.ts'

const fetch = plainGet()
const clock = () => performance.now() / 1000
const sources = new Map<string, TileSource>()

function sourceAt(url: string): TileSource {
  const known = sources.get(url) ?? logSource(url, fetch)
  sources.set(url, known)
  return known
}

async function answer({ url, run, keys }: WorkerRequest): Promise<WorkerAnswer> {
  try {
    const ring = keys === null ? null : new Map(keys)
    const read = ring === null ? null : (index: number, entry: Uint8Array) => factsOf(nodeCrypto, ring, index, entry)
    const result = await checkRun<EntryFacts>({ hasher: nodeCrypto, source: sourceAt(url), read, clock }, run)
    return { kind: 'checked', result }
  } catch (error) {
    if (error instanceof TileError) return { kind: 'damaged', path: error.path, detail: error.detail }
    if (error instanceof SourceError)
      return { kind: 'unread', path: error.path, detail: error.detail, fault: error.kind }
    return { kind: 'defect', detail: error instanceof Error ? error.message : String(error) }
  }
}

parentPort?.on('message', (request: WorkerRequest) => {
  void answer(request).then((message) => parentPort?.postMessage(message))
})
