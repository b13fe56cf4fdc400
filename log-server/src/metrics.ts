/** Prometheus metrics, with what each means. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { GateState } from './gate.ts'
import type { LogEvents } from './log.ts'

export interface Metrics {
  readonly events: LogEvents
  /** One answer to `POST /add`, by status. */
  addAnswered(status: number): void
  /** The Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
  /** For the metrics of parts that not every log has. */
  readonly registry: Registry
}

/** What gauges read when they are scraped. */
export interface Observed {
  readonly pendingEntries: () => number
  readonly cachedBytes: () => number
  /** Whether the log was ended. */
  readonly frozen: () => boolean
}

export function createMetrics(observed: Observed): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const committedSize = gauge('samebits_log_committed_size', 'Entries that are durable.')
  const publishedSize = gauge('samebits_log_published_size', 'Size of the published checkpoint.')
  const publishedTime = gauge('samebits_log_published_timestamp_seconds', 'When a checkpoint was last published.')
  const writing = gauge('samebits_log_writing', '1 while entries are taken, 0 while the log only reads.')
  const leads = gauge('samebits_log_leads', '1 while this server sequences, 0 while another one does, or none.')
  const entries = new Counter({
    name: 'samebits_log_entries_total',
    help: 'Entries committed by this process.',
    registers,
  })
  const batch = new Histogram({
    name: 'samebits_log_commit_entries',
    help: 'Entries of one commit.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    registers,
  })
  const commit = new Histogram({
    name: 'samebits_log_commit_seconds',
    help: 'From the start of a batch to its durable commit.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
    registers,
  })
  const answers = new Counter({
    name: 'samebits_log_add_answers_total',
    help: 'Answers to POST /add by HTTP status.',
    labelNames: ['status'],
    registers,
  })
  observe('samebits_log_pending_entries', 'Entries that wait for their answer.', observed.pendingEntries)
  observe('samebits_log_frozen', '1 once the log was frozen: it takes no entries any more, a successor does.', () =>
    Number(observed.frozen()),
  )
  observe('samebits_log_cached_bytes', 'Tiles and bundles kept in memory.', observed.cachedBytes)

  function observe(name: string, help: string, value: () => number): Gauge {
    return new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  }

  return {
    events: {
      committed(head, count, milliseconds) {
        committedSize.set(head.size)
        entries.inc(count)
        batch.observe(count)
        commit.observe(milliseconds / 1000)
      },
      issued(issued) {
        publishedSize.set(issued.size)
        publishedTime.setToCurrentTime()
      },
      gate({ state }: GateState) {
        writing.set(state === 'writing' || state === 'following' ? 1 : 0)
        leads.set(state === 'writing' || state === 'frozen' ? 1 : 0)
      },
    },
    addAnswered: (status) => answers.inc({ status }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
    registry,
  }
}
