/** Prometheus metrics of a witness. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface WitnessMetrics {
  answered(status: number, seconds: number): void
  text(): Promise<string>
  readonly contentType: string
}

export function createWitnessMetrics(observed: { logs: () => number; halted: () => boolean }): WitnessMetrics {
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
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('samebits_witness_logs', 'Logs on the list in force.', observed.logs)
  gauge('samebits_witness_halted', '1 when the state could not be written and nothing is cosigned.', () =>
    observed.halted() ? 1 : 0,
  )
  return {
    answered(status, took) {
      answers.inc({ status })
      seconds.observe(took)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
