/**
 * A load driver of our own: raw sockets that speak just enough HTTP/1.1, so that on few processors the driver takes little
 * from the server that it measures. Every submitter waits for the answer before it sends the next entry.
 */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { quantiles } from './samples.ts'

export interface LoadOptions {
  readonly host: string
  readonly port: number
  readonly submitters: number
  /** Default: `/add`. */
  readonly path?: string
  /** The path that is read as the n-th of a connection, instead of submitting anything. */
  readonly get?: (n: number) => string
  /** Random entries of this length; of no use where `entry` or `get` is given. */
  readonly entryBytes: number
  /**
   * The n-th body of a submitter, from 0, after an answer of this status (null before the first); null: it has no more.
   * Default: random bytes.
   */
  readonly entry?: (submitter: number, n: number, status: number | null) => Uint8Array | null
  /** Not counted: connections open, code warms up. */
  readonly warmupMs: number
  readonly measureMs: number
  /** The body of each counted answer of status 200, and when its request was sent. */
  readonly onAnswered?: (body: string, sent: number) => void
}

export interface LoadResult {
  readonly submitters: number
  readonly answered: number
  /** Answers other than 200. */
  readonly refused: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** Runs the load, and fails on the first broken connection. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = []
  let refused = 0
  const start = performance.now()
  const from = start + options.warmupMs
  const until = from + options.measureMs
  const submitters = Array.from({ length: options.submitters }, (_, at) =>
    submitter(options, at, until, (sent, now, status, body) => {
      if (now < from || now > until) return
      if (status !== 200) refused++
      else {
        latencies.push(now - sent)
        options.onAnswered?.(body(), sent)
      }
    }),
  )
  await Promise.all(submitters)
  const quantile = quantiles(latencies)
  return {
    submitters: options.submitters,
    answered: latencies.length,
    refused,
    perSecond: latencies.length / (options.measureMs / 1000),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    p999Ms: quantile(0.999),
  }
}

type OnAnswer = (sent: number, now: number, status: number, body: () => string) => void

function submitter(options: LoadOptions, at: number, until: number, onAnswer: OnAnswer): Promise<void> {
  const { host, port, path = '/add', entryBytes, get, entry = () => randomBytes(entryBytes) } = options
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    let sent = 0
    let received = ''
    let count = 0
    const send = (before: number | null) => {
      const body = get === undefined ? entry(at, count, before) : null
      if (body === null && get === undefined) return finish(socket, resolve)
      sent = performance.now()
      socket.write(body === null ? reading(host, get?.(count + at) ?? '/') : request(host, path, body))
      count++
    }
    socket.setEncoding('latin1')
    socket.on('connect', () => send(null))
    socket.on('error', reject)
    socket.on('data', (chunk: string) => {
      received += chunk
      const status = completeAnswer(received)
      if (status === null) return
      const answer = received
      received = ''
      const now = performance.now()
      onAnswer(sent, now, status, () => answer.slice(answer.indexOf('\r\n\r\n') + 4))
      if (now < until) send(status)
      else finish(socket, resolve)
    })
  })
}

function finish(socket: Socket, resolve: () => void): void {
  socket.removeAllListeners('error')
  socket.destroy()
  resolve()
}

function request(host: string, path: string, body: Uint8Array): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

function reading(host: string, path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
}

/** The status of an answer that is there to its end; null before. */
function completeAnswer(text: string): number | null {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return null
  const length = Number(/\r\ncontent-length: ([0-9]+)/i.exec(text.slice(0, end))?.[1] ?? 0)
  return text.length >= end + 4 + length ? Number(text.slice(9, 12)) : null
}
