/** A worker thread that checks runs of any log. */
import { parentPort } from 'node:worker_threads'
import { SourceError, TileError, type TileSource } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { type EntryFacts, factsOf, type KeyRing } from '../index/entry-facts.ts'
import { checkRun } from './check-run.ts'
import { Gathered } from './gathered.ts'
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

async function answer({ url, run, keys }: WorkerRequest, gathered: Gathered): Promise<WorkerAnswer> {
  try {
    const ring = keys === null ? null : new Map(keys)
    const read = ring === null ? null : (index: number, entry: Uint8Array) => readEntry(ring, index, entry, gathered)
    const result = await checkRun<EntryFacts>({ hasher: nodeCrypto, source: sourceAt(url), read, clock }, run)
    return { kind: 'checked', result }
  } catch (error) {
    if (error instanceof TileError) return { kind: 'damaged', path: error.path, detail: error.detail }
    if (error instanceof SourceError)
      return { kind: 'unread', path: error.path, detail: error.detail, fault: error.kind }
    return { kind: 'defect', detail: error instanceof Error ? error.message : String(error) }
  }
}

/** What is kept of an entry keeps no bundle in memory. */
function readEntry(ring: KeyRing, index: number, entry: Uint8Array, gathered: Gathered): EntryFacts {
  const facts = factsOf(nodeCrypto, ring, index, entry)
  return facts.kind === 'statement' ? { ...facts, leaf: gathered.keep(facts.leaf) } : facts
}

async function work(number: number, request: WorkerRequest): Promise<void> {
  const gathered = new Gathered()
  const answered = await answer(request, gathered)
  parentPort?.postMessage({ number, answer: answered }, [...gathered.buffers])
}

/** One after the other: what is taken of entries is in memory until it is answered. */
let last: Promise<void> = Promise.resolve()

parentPort?.on('message', ({ number, request }: { number: number; request: WorkerRequest }) => {
  last = last.then(() => work(number, request))
})
