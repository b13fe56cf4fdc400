/**
 * Hands monitors what a run was shown, where the application asks for it: a log that shows one client another history than everybody
 * else is noticed by somebody who sees both (docs/monitoring.md, "Gossip").
 *
 *     POST <monitor>/v1/gossip
 *     { "mediaType": "application/vnd.samebits.gossip+json;version=1", "checkpoints": ["…"], "evidence": ["<base64>"] }
 *
 * What is sent is the log's own: checkpoints that its key has signed, and evidence. Nothing of the client goes with it, no answer is waited
 * for longer than a few seconds, and no outcome changes a result.
 */
import {
  type Answer,
  type Crypto,
  type Evidence,
  FileError,
  FormatError,
  formatEvidence,
  formatVkey,
  NoteError,
  openCheckpoint,
  parseTrust,
  parseUpdateBundle,
  StatementError,
  TrustError,
  toBase64,
  type VerifierKey,
} from '@samebits/core'
import { IoFailure, reasonOf } from './failure.ts'
import { checkUrl, type Fetch } from './http-client.ts'
import { join, type NeedFetcher } from './need-fetcher.ts'

const mediaType = 'application/vnd.samebits.gossip+json;version=1'
/** What a monitor takes at once, with room for the JSON around it. */
const caps = { bytes: (2 << 20) - 4096, checkpoints: 64, evidence: 16 } as const

/** Texts that are held before their signatures are looked at: far more than honest feeds show. */
const maxSeen = 1024

/** Whether a monitor took what was handed to it; `detail` says what came instead. */
export interface GossipEvent {
  readonly kind: 'gossip'
  readonly url: string
  readonly taken: boolean
  readonly detail: string
}

export interface GossipOptions {
  /** Prefixes of monitors, `https://monitor.example/`; plain http on this machine alone. */
  readonly monitors: readonly string[]
  readonly fetch: Fetch
  readonly crypto: Crypto
  /** For each monitor; all are asked at once. */
  readonly timeoutMs?: number
  readonly onEvent?: ((event: GossipEvent) => void) | undefined
}

/** Whether gossip may go there: https, or http to this machine, without credentials. */
export function isMonitorUrl(text: string): boolean {
  try {
    checkUrl(text, undefined, false)
    return true
  } catch (error) {
    if (error instanceof IoFailure) return false
    throw error
  }
}

/** Collects what a run sees, and hands it in at its end. */
export class Gossip {
  readonly #options: GossipOptions
  /** Of logs, by vkey. */
  readonly #keys = new Map<string, VerifierKey>()
  readonly #checkpoints = new Set<string>()
  readonly #evidence: Evidence[] = []

  constructor(options: GossipOptions) {
    this.#options = options
  }

  /** Trust files say whose signature makes a checkpoint: anything else, such as the page of a captive portal, is sent to nobody. */
  believe(trust: Uint8Array): void {
    try {
      const { key } = parseTrust(this.#options.crypto, trust).log
      this.#keys.set(formatVkey(key), key)
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
    }
  }

  sawCheckpoint(text: string): void {
    if (this.#checkpoints.size < maxSeen) this.#checkpoints.add(text)
  }

  sawBundle(bytes: Uint8Array): void {
    try {
      for (const { checkpoint } of parseUpdateBundle(bytes).views) this.sawCheckpoint(checkpoint)
    } catch (error) {
      if (!isMalformed(error)) throw error
    }
  }

  sawEvidence(evidence: Evidence): void {
    if (this.#evidence.length < caps.evidence) this.#evidence.push(evidence)
  }

  /** The same fetcher, whose answers are looked at. */
  watching(fetcher: NeedFetcher): NeedFetcher {
    return {
      answer: async (need) => {
        const answer = await fetcher.answer(need)
        this.#sawAnswer(answer)
        return answer
      },
    }
  }

  /** Sends what was seen since the last time, if anything was. Never rejects for what the network does. */
  async handIn(signal?: AbortSignal): Promise<void> {
    const body = this.#takeBody()
    if (body === null || signal?.aborted) return
    const { monitors, onEvent } = this.#options
    await Promise.all(
      monitors.map(async (url) => {
        const detail = await this.#post(url, body, signal)
        onEvent?.({ kind: 'gossip', url, taken: detail === null, detail: detail ?? '' })
      }),
    )
  }

  #sawAnswer(answer: Answer): void {
    if (answer.kind === 'heads') for (const { bytes } of answer.heads) this.sawCheckpoint(textOf(bytes))
    if (answer.kind === 'offers' || answer.kind === 'trust-bundle')
      for (const bundle of answer.bundles) this.sawBundle(bundle)
  }

  /**
   * Evidence first: it says the most. Then the largest trees, so that old ones cannot crowd out a new one that nobody else was shown.
   * Null where there is nothing to say.
   */
  #takeBody(): string | null {
    const [checkpoints, evidence]: [string[], string[]] = [[], []]
    let left: number = caps.bytes
    const add = (list: string[], text: string) => {
      const size = Buffer.byteLength(JSON.stringify(text)) + 1
      if (size > left) return
      left -= size
      list.push(text)
    }
    for (const one of this.#evidence) add(evidence, toBase64(formatEvidence(one)))
    for (const text of this.#largestTrees()) add(checkpoints, text)
    this.#evidence.length = 0
    this.#checkpoints.clear()
    const isEmpty = checkpoints.length + evidence.length === 0
    return isEmpty ? null : JSON.stringify({ mediaType, checkpoints, evidence })
  }

  #largestTrees(): string[] {
    const signed = [...this.#checkpoints].flatMap((text) => {
      const size = this.#signedSize(text)
      return size === null ? [] : [{ text, size }]
    })
    signed.sort((a, b) => b.size - a.size)
    return signed.slice(0, caps.checkpoints).map(({ text }) => text)
  }

  /** Size of the tree, where a log that a trust file names has signed it. */
  #signedSize(text: string): number | null {
    for (const key of this.#keys.values()) {
      try {
        return openCheckpoint(this.#options.crypto, text, [key], key.name).checkpoint.size
      } catch (error) {
        if (!isMalformed(error)) throw error
      }
    }
    return null
  }

  /** Why a monitor did not take it; null: it did. */
  async #post(monitor: string, body: string, outer: AbortSignal | undefined): Promise<string | null> {
    const { fetch, timeoutMs = 5000 } = this.#options
    const ending = new AbortController()
    const timer = setTimeout(() => ending.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    const signal = outer === undefined ? ending.signal : AbortSignal.any([outer, ending.signal])
    try {
      const url = checkUrl(join(monitor, 'v1/gossip'), undefined, false).href
      const request = {
        method: 'POST',
        redirect: 'manual',
        signal,
        body,
        headers: { 'content-type': mediaType },
      } as const
      const response = await Promise.race([fetch(url, request), aborted(signal)])
      void response.body?.cancel().catch(() => undefined)
      return response.status === 200 ? null : `it answers with ${response.status}`
    } catch (error) {
      return reasonOf(error)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Also for a `fetch` that does not heed its signal. */
function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  if (signal.aborted) reject(signal.reason)
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function isMalformed(error: unknown): boolean {
  return [FormatError, FileError, StatementError, NoteError].some((kind) => error instanceof kind)
}
