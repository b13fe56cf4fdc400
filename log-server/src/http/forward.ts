/**
 * Handing an entry on to the server that leads (docs/log.md rule 6). Its answer is passed on as it is: whoever leads answers only
 * once the entry is durable, signed and published.
 *
 * A leader that dies meanwhile leaves open whether it took the entry, so it is submitted again to whoever leads next: that is
 * safe (an entry that is there gives its index), and the client sees a slow answer instead of a failed one.
 */
import type { Refusal } from '../admission.ts'
import type { GateState } from '../gate.ts'

/** On requests between servers of one log; such a request is never handed on again. */
export const forwardedHeader = 'samebits-forwarded'

export interface ForwardParts {
  readonly log: { readonly gate: GateState }
  readonly fetch: typeof globalThis.fetch
  /** Milliseconds that only go up. */
  readonly clock: () => number
  readonly after: (milliseconds: number, work: () => void) => () => void
  /** An entry is tried for so long, with one leader after the other. */
  readonly patienceMs: number
  /** Entries under way to the leader at once. */
  readonly maxPendingEntries: number
}

export interface Submission {
  readonly leaf: Uint8Array
  readonly accept: string | undefined
  /** Address of the client. */
  readonly client: string
  /** Further headers, for traces. */
  readonly headers: Readonly<Record<string, string>>
}

/** What the leader said. */
export interface Forwarded {
  readonly kind: 'forwarded'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** `here`: this process leads by now. */
export type ForwardOutcome = Forwarded | Refusal | { readonly kind: 'here' }

const unavailable = (detail: string): Refusal => ({
  kind: 'refuse',
  status: 503,
  code: 'no-leader',
  detail,
  retryAfterSeconds: 1,
})
const pauseMs = 100
/** Proofs of the largest trees are far smaller. */
const maxAnswerBytes = 65_536
const passedOn = ['content-type', 'retry-after', 'cache-control', 'x-content-type-options']

export class Forwarder {
  readonly #parts: ForwardParts
  #pending = 0

  constructor(parts: ForwardParts) {
    this.#parts = parts
  }

  /** Resolves with the leader's answer, or once there was none for too long. */
  async submit(submission: Submission): Promise<ForwardOutcome> {
    if (this.#pending >= this.#parts.maxPendingEntries)
      return unavailable('more entries wait than this server hands on at once')
    this.#pending++
    try {
      return await this.#untilAnswered(submission)
    } finally {
      this.#pending--
    }
  }

  async #untilAnswered(submission: Submission): Promise<ForwardOutcome> {
    const { log, clock, patienceMs } = this.#parts
    const until = clock() + patienceMs
    for (;;) {
      const { gate } = log
      if (gate.state === 'writing') return { kind: 'here' }
      if (gate.state === 'stopping') return unavailable('this server is stopping')
      const answer = gate.state === 'following' ? await this.#ask(gate.url, submission, until - clock()) : null
      if (answer !== null) return answer
      if (clock() + pauseMs >= until) return unavailable('no server of this log could be reached that leads')
      await new Promise<void>((resolve) => void this.#parts.after(pauseMs, resolve))
    }
  }

  /** Null where another try may get an answer. */
  async #ask(url: string, { leaf, accept, client, ...more }: Submission, forMs: number): Promise<Forwarded | null> {
    const headers: Record<string, string> = { ...more.headers, [forwardedHeader]: '1', 'x-forwarded-for': client }
    if (accept !== undefined) headers['accept'] = accept
    const moved = this.#whenMoved(url)
    try {
      const signal = AbortSignal.any([moved.signal, AbortSignal.timeout(Math.max(1, Math.ceil(forMs)))])
      const body = new Uint8Array(leaf)
      const response = await this.#parts.fetch(`${url}/add`, {
        method: 'POST',
        headers,
        body,
        signal,
        redirect: 'error',
      })
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (response.status === 503 || bytes.length > maxAnswerBytes) return null
      const kept = passedOn.flatMap((name) => {
        const value = response.headers.get(name)
        return value === null ? [] : [[name, value] as const]
      })
      return { kind: 'forwarded', status: response.status, headers: Object.fromEntries(kept), body: bytes }
    } catch {
      return null // it died, or is unreachable: whoever leads next is asked
    } finally {
      moved.cancel()
    }
  }

  /** Aborted once another server leads: one that was frozen holds its connections, and never answers. */
  #whenMoved(url: string): { readonly signal: AbortSignal; readonly cancel: () => void } {
    const { log, after } = this.#parts
    const controller = new AbortController()
    let cancel: () => void
    const look = () => {
      if (log.gate.state === 'following' && log.gate.url === url) cancel = after(pauseMs, look)
      else controller.abort()
    }
    cancel = after(pauseMs, look)
    return { signal: controller.signal, cancel: () => cancel() }
  }
}
