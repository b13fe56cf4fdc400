/** Submitters and a poller that keep a log busy whatever happens to its process. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { History } from './history.ts'

export interface Storm {
  /** Where the log is now; changes when it was started again. */
  url: string
  /** Submitters finish the entry that they have; then nobody is left. */
  stop(): Promise<void>
  /** Answers that were no success: refused connections, resets, 503. */
  readonly failures: number
}

/**
 * Every submitter repeats an entry until it is acknowledged, then takes the next one.
 * @param next the server to ask, where there are several: called for every request
 */
export function startStorm(history: History, url: string, submitters: number, next?: () => string): Storm {
  const server = next ?? (() => storm.url)
  /** With one server there is nobody else to ask. */
  const patience = () => (next === undefined ? {} : { signal: AbortSignal.timeout(10_000) })
  let stopping = false
  let failures = 0
  const storm: Storm = {
    url,
    get failures() {
      return failures
    },
    async stop() {
      stopping = true
      await Promise.all(workers)
    },
  }
  const submit = async (leaf: string, proof: boolean) => {
    const headers: Record<string, string> = proof ? { accept: 'text/x.tlog.proof' } : {}
    const answer = await attempt(() => fetch(`${server()}/add`, { method: 'POST', body: leaf, headers, ...patience() }))
    if (answer === null) return false
    if (proof) history.acknowledgeProof(leaf, answer)
    else history.acknowledge(leaf, Number(answer))
    return true
  }
  const attempt = async (request: () => Promise<Response>): Promise<string | null> => {
    try {
      const response = await request()
      const text = await response.text()
      if (response.status === 200) return text
      if (response.status !== 503) throw new RangeError(`status ${response.status}: ${text}`)
    } catch (error) {
      // A frozen server never answers: another one is asked instead.
      if (error instanceof DOMException && error.name === 'TimeoutError') return null
      if (!(error instanceof TypeError)) throw error // fetch and body readers fail with TypeError when a connection breaks
    }
    failures++
    return null
  }
  const submitter = async (name: number) => {
    for (let entry = 0; !stopping; entry++) {
      const leaf = `submitter ${name} entry ${entry} ${'.'.repeat((entry * 37) % 500)}`
      while (!(await submit(leaf, entry % 4 === 0))) await sleep(next === undefined ? 30 : 60)
      if (next !== undefined) await sleep(5)
    }
  }
  const poller = async () => {
    while (!stopping) {
      const url = server()
      const text = await attempt(() => fetch(`${url}/checkpoint`, patience()))
      if (text !== null) history.sawCheckpoint(text, next === undefined ? '' : url)
      await sleep(text === null ? 30 : next === undefined ? 1 : 25)
    }
  }
  const workers = [...Array.from({ length: submitters }, (_, name) => submitter(name)), poller()]
  return storm
}
