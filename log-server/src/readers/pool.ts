/** The readers of a server: started, started again when one dies, and ended with it. */
import { type ChildProcess, fork } from 'node:child_process'
import type { Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { FromReader, ReaderOptions, ReaderReport, ToReader } from './messages.ts'

interface PoolParts {
  readonly count: number
  readonly options: ReaderOptions
  /** The socket that they take connections from, beside this process. */
  readonly socket: Server
  readonly after: (milliseconds: number, work: () => void) => () => void
  readonly metrics: ReaderMetrics
  readonly operator: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>
}

/** The process beside this file, as source or as built. */
const script = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url))

/** Before one that died is started again: what kills it at once must not take the processor. */
const restartMs = 1000
/** For a reader to end by itself. */
const patienceMs = 5000

export class ReaderPool {
  readonly #parts: PoolParts
  readonly #children = new Map<number, ChildProcess>()
  readonly #timers = new Set<() => void>()
  #stopping = false

  constructor(parts: PoolParts) {
    this.#parts = parts
  }

  /** Resolves once all of them take connections. Rejects where one ends before: it would end again. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#parts.count }, (_, at) => this.#spawn(at)))
  }

  /** Tells all of them to read the certificate again. */
  reload(): void {
    for (const child of this.#children.values()) tell(child, { kind: 'reload' })
  }

  /** Resolves once all have ended: what they were answering was answered. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const cancel of this.#timers) cancel()
    await Promise.all([...this.#children.values()].map((child) => this.#end(child)))
  }

  #end(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.after(patienceMs, () => child.kill('SIGKILL'))
      child.once('exit', () => {
        cancel()
        resolve()
      })
      tell(child, { kind: 'stop' })
    })
  }

  #spawn(at: number): Promise<void> {
    const { options, socket, metrics } = this.#parts
    const child = fork(script, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#children.set(at, child)
    tell(child, { kind: 'begin', options }, socket)
    return new Promise((resolve, reject) => {
      child.on('message', (message: FromReader) => {
        if (message.kind === 'ready') {
          metrics.running(this.#children.size)
          resolve()
        } else if (message.kind === 'report') metrics.reported(at, message)
        else this.#parts.operator[message.level]({ reader: at, ...message.fields }, message.message)
      })
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        reject(new Error(`reader ${at} ended: ${signal ?? code}`))
        this.#ended(at, { code, signal })
      })
    })
  }

  #ended(at: number, fields: object): void {
    const { metrics, operator, after } = this.#parts
    this.#children.delete(at)
    metrics.running(this.#children.size)
    if (this.#stopping) return
    operator.warn({ reader: at, ...fields }, 'a reader ended; another one is started')
    const cancel = after(restartMs, () => {
      this.#timers.delete(cancel)
      metrics.restarted()
      this.#spawn(at).catch(() => undefined) // its end was said, and starts the next one
    })
    this.#timers.add(cancel)
  }
}

/** One that has just died has no channel: its end is seen by itself. */
function tell(child: ChildProcess, message: ToReader, socket?: Server): void {
  if (child.connected) child.send(message, socket, {}, () => undefined)
}

export interface ReaderMetrics {
  running(count: number): void
  restarted(): void
  reported(reader: number, report: ReaderReport): void
}

export function readerMetrics(registry: Registry): ReaderMetrics {
  const registers = [registry]
  const named = <Labels extends string>(name: string, help: string, ...labelNames: Labels[]) => ({
    ...{ name, help, labelNames, registers },
  })
  const running = new Gauge(named('samebits_log_readers', 'Further processes that answer reads (--readers).'))
  const restarts = new Counter(named('samebits_log_reader_restarts_total', 'Readers that ended by themselves.'))
  const answers = new Counter(
    named(
      'samebits_log_reader_answers_total',
      'Requests to a reader: answered by it, or by the writer.',
      'reader',
      'by',
    ),
  )
  const cached = new Gauge(
    named('samebits_log_reader_cached_bytes', 'Tiles and bundles that a reader keeps.', 'reader'),
  )
  const resident = new Gauge(named('samebits_log_reader_resident_bytes', 'Memory of a reader.', 'reader'))
  return {
    running: (count) => running.set(count),
    restarted: () => restarts.inc(),
    reported(reader, { reads, relayed, cachedBytes, residentBytes }) {
      answers.inc({ reader, by: 'reader' }, reads)
      answers.inc({ reader, by: 'writer' }, relayed)
      cached.set({ reader }, cachedBytes)
      resident.set({ reader }, residentBytes)
    },
  }
}
