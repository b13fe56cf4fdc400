/** Prometheus metrics of a witness. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface WitnessMetrics {
  answered(status: number, seconds: number): void
  /** A signed checkpoint that does not fit, kept or dropped by a limit. */
  suspected(kind: string, kept: boolean): void
  watch(observed: WitnessGauges): void
  text(): Promise<string>
  readonly contentType: string
}

/** What is read when the metrics are asked for. */
export interface WitnessGauges {
  readonly logs: () => number
  readonly cosigned: () => number
  readonly halted: () => boolean
}

export function createWitnessMetrics(): WitnessMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const answers = new Counter({
    name: 'samebits_witness_answers_total',
    help: 'Answers to add-checkpoint by HTTP status.',
    labelNames: ['status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'samebits_witness_answer_seconds',
    help: 'From the headers of add-checkpoint to its answer.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1],
    registers,
  })
  const suspicions = new Counter({
    name: 'samebits_witness_suspicions_total',
    help: 'Signed checkpoints that do not fit what was cosigned, by kind of evidence.',
    labelNames: ['kind', 'kept'],
    registers,
  })
  return {
    answered(status, took) {
      answers.inc({ status })
      seconds.observe(took)
    },
    suspected(kind, kept) {
      suspicions.inc({ kind, kept: String(kept) })
    },
    watch: (observed) => watch(registry, observed),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function watch(registry: Registry, { logs, cosigned, halted }: WitnessGauges): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      collect() {
        this.set(value())
      },
    })
  gauge('samebits_witness_logs', 'Logs on the list in force.', logs)
  gauge('samebits_witness_cosigned_logs', 'Logs that were ever cosigned.', cosigned)
  gauge('samebits_witness_halted', '1 when the state could not be written and nothing is cosigned.', () =>
    halted() ? 1 : 0,
  )
}
