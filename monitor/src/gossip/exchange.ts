/** Gossip about all logs that are followed: sorts what comes in by log, and puts together what is passed on. */
import { FormatError, httpGet, NoteError, parseSignedCheckpoint, SourceError } from '@samebits/core'
import type { Follower } from '../follow/follower.ts'
import { Underway } from '../follow/slots.ts'
import type { MonitorStore } from '../state/monitor-store.ts'
import { formatGossip, type Gossip, GossipError, gossipCaps, parseGossip } from './gossip-format.ts'
import type { Giver, HandedIn, Material } from './hand-in.ts'

export interface ExchangeParts {
  readonly followers: readonly Follower[]
  readonly store: MonitorStore
  readonly fetch: typeof globalThis.fetch
  /** Something that verified was taken in. */
  readonly taken: () => void
}

const timeoutMs = 20_000

export class Exchange {
  readonly #parts: ExchangeParts
  readonly #under = new Underway()

  constructor(parts: ExchangeParts) {
    this.#parts = parts
  }

  /** Takes in gossip; what is about logs that nobody follows here is refused. */
  take(gossip: Gossip, giver: Giver): Promise<HandedIn> {
    return this.#under.add(this.#take(gossip, giver))
  }

  /** Resolves when nothing is being taken in, whether somebody still waits for its answer or not. */
  end(): Promise<void> {
    return this.#under.end()
  }

  async #take(gossip: Gossip, giver: Giver): Promise<HandedIn> {
    let [kept, refused] = [0, gossip.evidence.length + gossip.checkpoints.length]
    for (const view of gossip.bundles.flatMap(({ views }) => views)) if (originOf(view.checkpoint) !== null) refused++
    for (const follower of this.#parts.followers) {
      const material = materialOf(gossip, follower.log.origin)
      const pieces = material.checkpoints.length + material.evidence.length + material.views.length
      if (pieces === 0) continue
      const handed = await follower.handIn(material, giver)
      kept += handed.kept
      refused += handed.refused - pieces
    }
    if (kept > 0) this.#parts.taken()
    return { kept, refused: Math.max(0, refused) }
  }

  /** Asks another monitor. Returns why it gave nothing, or null. Never rejects for what it answers. */
  async ask(url: string): Promise<string | null> {
    const options = { fetch: this.#parts.fetch, signal: () => AbortSignal.timeout(timeoutMs), allowHttpLoopback: true }
    try {
      const bytes = await httpGet(options, `${url}/v1/gossip`, gossipCaps.bytes)
      await this.take(parseGossip(bytes), { name: `monitor ${url}`, kind: 'monitor' })
      return null
    } catch (error) {
      if (error instanceof SourceError || error instanceof GossipError) return error.message
      throw error
    }
  }

  /** What this monitor passes on: heads, trees that do not fit, and what convicts; the newest, as much as fits. */
  answer(): string {
    const { store } = this.#parts
    const checkpoints: string[] = []
    for (const { origin, head } of store.logs()) {
      if (head !== null) checkpoints.push(head.checkpoint)
      checkpoints.push(...store.openTrees(origin).map(({ checkpoint }) => checkpoint))
      const odd = store.views(origin).filter(({ standing }) => standing === 'contradicts')
      checkpoints.push(...odd.flatMap(({ tree }) => (tree === null ? [] : [tree.checkpoint])))
    }
    const evidence = store
      .evidenceList(null, gossipCaps.evidence)
      .filter(({ convicted }) => convicted !== null)
      .flatMap(({ id }) => store.evidence(id) ?? [])
    return fitting(checkpoints.slice(0, gossipCaps.checkpoints), evidence)
  }
}

/** Less and less evidence until it fits: large files are asked for one by one. */
function fitting(checkpoints: readonly string[], evidence: readonly Uint8Array[]): string {
  for (let count = evidence.length; ; count--) {
    const text = formatGossip(checkpoints, evidence.slice(0, count))
    if (count === 0 || Buffer.byteLength(text) <= gossipCaps.bytes) return text
  }
}

function materialOf({ checkpoints, evidence, bundles }: Gossip, origin: string): Material {
  return {
    checkpoints: checkpoints.filter((text) => originOf(text) === origin),
    evidence: evidence.filter((one) => one.origin === origin),
    views: bundles.flatMap(({ views }) => views).filter(({ checkpoint }) => originOf(checkpoint) === origin),
  }
}

/** Null where it is no checkpoint at all. */
function originOf(text: string): string | null {
  try {
    return parseSignedCheckpoint(text).checkpoint.origin
  } catch (error) {
    if (error instanceof FormatError || error instanceof NoteError) return null
    throw error
  }
}
