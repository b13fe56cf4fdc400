/**
 * Fetches what the decision asks for (core's `Need`). Whatever fails becomes a failed answer: the decision says what that
 * means. Only an abort, and a defect of ours, are thrown.
 */
import {
  type Answer,
  type EntriesNeed,
  type FailedAnswer,
  type Hasher,
  MAX_CHECKPOINT_SIZE,
  type Need,
  type ReceivedEntry,
  SourceError,
  TileError,
  type TileStore,
  type TreeReader,
  type TrustBodyNeed,
  toHex,
  treeReader,
} from '@samebits/core'
import { IoFailure, reasonOf } from './failure.ts'
import type { HttpAnswer, HttpClient } from './http-client.ts'
import { logSource } from './log-sources.ts'

/** formats.md §3: an update bundle is at most 4 MiB; detached bodies too (§1). */
const maxBundleBytes = 4 * 1024 * 1024
/** Entries handed over at a time, eight bundles of tlog-tiles: memory stays flat however long the backlog. */
const chunkEntries = 2048
const chunkBytes = 8 * 1024 * 1024

export interface FetcherOptions {
  /** For logs and mirrors. */
  readonly http: HttpClient
  /** For feeds: it may carry headers of the application. */
  readonly feedHttp: HttpClient
  readonly hasher: Hasher
  /** Tiles of earlier runs. */
  readonly store: TileStore
  /** Tiles in flight at a time. */
  readonly concurrency?: number
  /** Whether the run may read more history: false once its time is spent. */
  readonly mayReadOn: () => boolean
  readonly signal?: AbortSignal | undefined
}

export interface NeedFetcher {
  answer(need: Need): Promise<Answer>
}

export function createNeedFetcher(options: FetcherOptions): NeedFetcher {
  const readers = new Map<string, TreeReader>()
  const reader: ReaderFor = (prefix, { size, root }) => {
    const key = `${prefix} ${size} ${Buffer.from(root).toString('hex')}`
    const known = readers.get(key)
    if (known !== undefined) return known
    const { hasher, http, signal, store, concurrency = 8 } = options
    const made = treeReader({ hasher, source: logSource(http, prefix, signal), size, root, concurrency, store })
    readers.set(key, made)
    return made
  }
  return { answer: (need) => answerNeed(options, reader, need) }
}

type ReaderFor = (prefix: string, tree: { readonly size: number; readonly root: Uint8Array }) => TreeReader

async function answerNeed(options: FetcherOptions, reader: ReaderFor, need: Need): Promise<Answer> {
  switch (need.kind) {
    case 'heads':
      return await fetchHeads(options, need.sources)
    case 'offers':
      return await fetchOffers(options, need.feeds, need.channel)
    case 'consistency':
      return await firstOf(options, need.sources, async (prefix) => {
        const tree = reader(prefix, { size: need.to, root: need.root })
        const [proof, oldRoot] = await Promise.all([tree.proveConsistency(need.from), tree.rootAt(need.from)])
        return { kind: 'consistency', proof, oldRoot }
      })
    case 'entries':
      if (!options.mayReadOn()) return { kind: 'failed', reason: 'budget', detail: 'the time for one run is spent' }
      return await firstOf(options, need.sources, (prefix) => readChunk(reader(prefix, need), need))
    case 'inclusion':
      return await firstOf(options, need.sources, async (prefix) => {
        const tree = reader(prefix, need)
        return { kind: 'inclusion', entries: await Promise.all(need.indices.map((index) => readOne(tree, index))) }
      })
    case 'trust-body':
      return await fetchTrustBody(options, need)
    case 'trust-bundle': {
      const path = `v1/trust/${encodeURIComponent(need.product)}/${need.version}`
      return await allOf(
        options,
        need.sources,
        (prefix) => getBody(options, options.http, join(prefix, path), maxBundleBytes),
        (bundles) => ({
          kind: 'trust-bundle',
          bundles,
        }),
      )
    }
  }
}

/** The right body from whoever has it; else what the first source has in its place, for the decision to refuse. */
async function fetchTrustBody(options: FetcherOptions, need: TrustBodyNeed): Promise<Answer> {
  let wrong: Answer | null = null
  const answer = await firstOf(options, need.sources, async (prefix) => {
    const bytes = await getBody(options, options.http, join(prefix, `v1/blob/${need.sha256}`), maxBundleBytes)
    const found: Answer = { kind: 'trust-body', bytes }
    if (toHex(options.hasher.sha256(bytes)) === need.sha256) return found
    wrong ??= found
    throw new IoFailure('TRANSPORT', `${prefix} has another file in place of trust version ${need.version}`)
  })
  return answer.kind === 'failed' ? (wrong ?? answer) : answer
}

/** A URL below a prefix that may or may not end in a slash. */
export function join(prefix: string, path: string): string {
  return `${prefix.replace(/\/+$/, '')}/${path}`
}

async function fetchHeads(options: FetcherOptions, sources: readonly string[]): Promise<Answer> {
  const get = (prefix: string) => getWhole(options, join(prefix, 'checkpoint'), MAX_CHECKPOINT_SIZE)
  const heads = sources.map(async (prefix, at) => ({
    source: at === 0 ? ('log' as const) : ('mirror' as const),
    bytes: await get(prefix),
  }))
  return await gather(options, heads, (found) => ({ kind: 'heads', heads: found }))
}

/** The bundles of all feeds. A page where a bundle should be is a network that answers for others: no answer. */
async function fetchOffers(options: FetcherOptions, feeds: readonly string[], channel: string): Promise<Answer> {
  const get = async (feed: string) => {
    const url = join(feed, `${channel}.samebits.json`)
    const bytes = await getBody(options, options.feedHttp, url, maxBundleBytes)
    if (bytes[0] !== openingBrace) throw new IoFailure('TRANSPORT', `${url} answers with something that is no bundle`)
    return bytes
  }
  return await allOf(options, feeds, get, (bundles) => ({ kind: 'offers', bundles }))
}

const openingBrace = 0x7b

/** A body whose bound the decision knows as well: of a longer one it gets enough to see that. */
async function getBody(options: FetcherOptions, http: HttpClient, url: string, maxBytes: number): Promise<Uint8Array> {
  return bodyOf(url, await http.get(url, { maxBytes, cut: true, signal: options.signal }))
}

/** A body that is of no use where it is longer. */
async function getWhole({ http, signal }: FetcherOptions, url: string, maxBytes: number): Promise<Uint8Array> {
  return bodyOf(url, await http.get(url, { maxBytes, signal }))
}

function bodyOf(url: string, { status, body }: HttpAnswer): Uint8Array {
  if (status === 200) return body
  if (status === 404 || status === 410) throw new SourceError('missing', url, `answers ${status}`)
  throw new IoFailure('TRANSPORT', `${url} answers ${status}`)
}

/** The first source that has it, in their order. */
async function firstOf(
  options: FetcherOptions,
  sources: readonly string[],
  ask: (prefix: string) => Promise<Answer>,
): Promise<Answer> {
  const failures: unknown[] = []
  for (const prefix of sources) {
    try {
      return await ask(prefix)
    } catch (error) {
      failures.push(soft(options, error))
    }
  }
  return failed(failures)
}

/** What every source has, in their order. */
function allOf(
  options: FetcherOptions,
  sources: readonly string[],
  ask: (prefix: string) => Promise<Uint8Array>,
  answer: (found: Uint8Array[]) => Answer,
): Promise<Answer> {
  return gather(options, sources.map(ask), answer)
}

async function gather<T>(
  options: FetcherOptions,
  asked: readonly Promise<T>[],
  answer: (found: T[]) => Answer,
): Promise<Answer> {
  const found: T[] = []
  const failures: unknown[] = []
  for (const result of await Promise.allSettled(asked)) {
    if (result.status === 'fulfilled') found.push(result.value)
    else failures.push(soft(options, result.reason))
  }
  return found.length > 0 ? answer(found) : failed(failures)
}

/** An error that only says that a source is of no use. Everything else is thrown on. */
function soft({ signal }: FetcherOptions, error: unknown): unknown {
  if (signal?.aborted) throw signal.reason
  if (error instanceof IoFailure || error instanceof SourceError || error instanceof TileError) return error
  if (error instanceof RangeError) return error
  throw error
}

function failed(failures: readonly unknown[]): FailedAnswer {
  const missing = failures.every((error) => error instanceof SourceError && error.kind === 'missing')
  const detail = failures.length === 0 ? 'there is nobody to ask' : failures.map(reasonOf).join('; ')
  return { kind: 'failed', reason: missing && failures.length > 0 ? 'missing' : 'transport', detail }
}

/** A part of what is asked, from its start; at least one entry. An error after the first entry ends the part. */
async function readChunk(tree: TreeReader, { from, to }: EntriesNeed): Promise<Answer> {
  const entries: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const { entry } of tree.readEntries(from, Math.min(to, chunkEnd(from)))) {
      entries.push(entry)
      bytes += entry.length
      if (bytes >= chunkBytes) break
    }
  } catch (error) {
    if (entries.length === 0) throw error
  }
  return { kind: 'entries', entries }
}

/** Chunks end where bundles do, so that no bundle is fetched twice. */
function chunkEnd(from: number): number {
  return (Math.floor(from / chunkEntries) + 1) * chunkEntries
}

async function readOne(tree: TreeReader, index: number): Promise<ReceivedEntry> {
  const inclusion = await tree.proveInclusion(index)
  for await (const { entry } of tree.readEntries(index, index + 1)) return { index, entry, inclusion }
  throw new RangeError(`entry ${index} is not in the tree`)
}
