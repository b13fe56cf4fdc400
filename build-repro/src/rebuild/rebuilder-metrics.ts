/** Prometheus metrics of a rebuilder. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type Board, jobStates } from './board.ts'

export interface RebuilderEvents {
  /** @param at Unix seconds */
  looked(product: string, size: number, at: number): void
  lookFailed(product: string, code: string): void
  voted(product: string, says: 'positive' | 'negative', seconds: number): void
  failed(product: string, whose: 'ours' | 'theirs', code: string): void
}

export interface RebuilderMetrics {
  readonly events: RebuilderEvents
  /** The Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
}

export function createRebuilderMetrics(board: Board): RebuilderMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const size = new Gauge({
    ...{ name: 'samebits_rebuilder_log_size', help: 'Size of the newest tree that was read.' },
    ...{ labelNames: ['product'], registers },
  })
  const lookedAt = new Gauge({
    ...{ name: 'samebits_rebuilder_looked_timestamp_seconds', help: 'When a log was last read to its end.' },
    ...{ labelNames: ['product'], registers },
  })
  const lookFailures = new Counter({
    ...{ name: 'samebits_rebuilder_look_failures_total', help: 'Looks at a log that failed, by code.' },
    ...{ labelNames: ['product', 'code'], registers },
  })
  const votes = new Counter({
    ...{ name: 'samebits_rebuilder_votes_total', help: 'Votes of this process, by what they say.' },
    ...{ labelNames: ['product', 'says'], registers },
  })
  const failures = new Counter({
    ...{ name: 'samebits_rebuilder_failures_total', help: 'Builds without a vote, by whose fault and code.' },
    ...{ labelNames: ['product', 'whose', 'code'], registers },
  })
  const seconds = new Histogram({
    ...{ name: 'samebits_rebuilder_job_seconds', help: 'From the start of a job to its logged vote.' },
    ...{ buckets: [1, 5, 15, 60, 300, 900, 3600, 14_400], registers },
  })
  gaugeStates(board, registry)
  return {
    events: {
      looked(product, entries, at) {
        size.set({ product }, entries)
        lookedAt.set({ product }, at)
      },
      lookFailed: (product, code) => lookFailures.inc({ product, code }),
      voted(product, says, took) {
        votes.inc({ product, says })
        seconds.observe(took)
      },
      failed: (product, whose, code) => failures.inc({ product, whose, code }),
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function gaugeStates(board: Board, registry: Registry): void {
  new Gauge({
    ...{ name: 'samebits_rebuilder_jobs', help: 'Builds that releases name, by state.', registers: [registry] },
    labelNames: ['state'],
    collect() {
      const { jobs } = board.snapshot()
      for (const state of jobStates) this.set({ state }, jobs.filter((job) => job.state === state).length)
    },
  })
  new Gauge({
    ...{
      name: 'samebits_rebuilder_halted',
      help: 'Products whose log has shown two histories.',
      registers: [registry],
    },
    collect() {
      this.set(board.snapshot().products.filter(({ halted }) => halted).length)
    },
  })
}
