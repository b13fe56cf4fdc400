/**
 * A load driver that does not wait: requests are due at a steady rate, whatever became of those before. Latency counts from when
 * a request was due, so that a driver or a server that falls behind shows.
 */
import { connect, type Socket } from 'node:net'

export interface OpenLoadOptions {
  readonly host: string
  readonly port: number
  readonly perSecond: number
  readonly measureMs: number
  /** Beyond them requests are lost, and counted so. */
  readonly maxConnections: number
  readonly entry: () => Uint8Array
}

export interface OpenLoad {
  readonly offered: number
  readonly accepted: number
  /** 429 and 503 with `Retry-After`. */
  readonly refused: number
  /** Without an answer, or with another one. */
  readonly lost: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly refusedP99Ms: number
}

/** How often requests that are due are sent. */
const tickMs = 4
/** For the last answers. */
const patienceMs = 15_000

export async function runOpenLoad(options: OpenLoadOptions): Promise<OpenLoad> {
  const { perSecond, measureMs, entry } = options
  const [accepted, refused]: [number[], number[]] = [[], []]
  const pool = new Pool(options)
  let [offered, answered, lost] = [0, 0, 0]
  const send = (due: number) => {
    offered++
    pool.post(entry(), (status, mayRetry) => {
      answered++
      const ms = performance.now() - due
      if (status === 200) accepted.push(ms)
      else if ((status === 503 || status === 429) && mayRetry) refused.push(ms)
      else lost++
    })
  }
  const start = performance.now()
  for (let now = start; now < start + measureMs; now = performance.now()) {
    while (start + (offered / perSecond) * 1000 <= now) send(start + (offered / perSecond) * 1000)
    await new Promise((resolve) => setTimeout(resolve, tickMs))
  }
  const until = performance.now() + patienceMs
  while (answered < offered && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20))
  pool.close()
  const quantile = (of: number[], q: number) => of.sort((a, b) => a - b)[Math.floor(of.length * q)] ?? Number.NaN
  return {
    ...{ offered, accepted: accepted.length, refused: refused.length, lost: lost + offered - answered },
    ...{ p50Ms: quantile(accepted, 0.5), p99Ms: quantile(accepted, 0.99), refusedP99Ms: quantile(refused, 0.99) },
  }
}

type Done = (status: number, mayRetry: boolean) => void

/** Connections that wait for their next request, as many as are needed at once. */
class Pool {
  readonly #options: OpenLoadOptions
  readonly #all = new Set<Socket>()
  readonly #idle: ((body: Uint8Array, done: Done) => void)[] = []

  constructor(options: OpenLoadOptions) {
    this.#options = options
  }

  post(body: Uint8Array, done: Done): void {
    const idle = this.#idle.pop()
    if (idle !== undefined) idle(body, done)
    else if (this.#all.size < this.#options.maxConnections) this.#open()(body, done)
    else done(0, false)
  }

  #open(): (body: Uint8Array, done: Done) => void {
    const { host, port } = this.#options
    const socket = connect({ host, port, noDelay: true })
    this.#all.add(socket)
    let received = ''
    let waiting: Done | null = null
    const send = (body: Uint8Array, done: Done) => {
      waiting = done
      const head = `POST /add HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n`
      socket.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
    }
    const settle = (status: number, mayRetry: boolean) => {
      const done = waiting
      waiting = null
      done?.(status, mayRetry)
    }
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk
      const end = received.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = Number(/\r\ncontent-length: ([0-9]+)/i.exec(received.slice(0, end))?.[1] ?? 0)
      if (received.length < end + 4 + length) return
      const [status, mayRetry] = [Number(received.slice(9, 12)), /\r\nretry-after: [1-9]/i.test(received.slice(0, end))]
      received = ''
      this.#idle.push(send)
      settle(status, mayRetry)
    })
    socket
      .on('error', () => undefined)
      .on('close', () => {
        this.#all.delete(socket)
        const at = this.#idle.indexOf(send)
        if (at >= 0) this.#idle.splice(at, 1)
        settle(0, false)
      })
    return send
  }

  close(): void {
    for (const socket of this.#all) socket.destroy()
  }
}
