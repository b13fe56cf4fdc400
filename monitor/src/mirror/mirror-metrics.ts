/** Prometheus metrics of a mirror. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export interface MirrorMetrics {
  answered(path: 'add-checkpoint' | 'add-entries', status: number): void
  /** Entries that were stored. */
  saved(entries: number): void
  suspected(kind: string, kept: boolean): void
  /** One round of following a log. */
  followed(succeeded: boolean): void
  watch(observed: MirrorGauges): void
  text(): Promise<string>
  readonly contentType: string
}

/** What is read when the metrics are asked for. */
export interface MirrorGauges {
  /** For each log of the list: next entry and size of the mirror checkpoint. */
  readonly copies: () => readonly { readonly origin: string; readonly next: number; readonly size: number }[]
  readonly halted: () => boolean
}

export function createMirrorMetrics(): MirrorMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const answers = counter('samebits_mirror_answers_total', 'Answers by path and HTTP status.', ['path', 'status'])
  const entries = counter('samebits_mirror_entries_total', 'Entries that were checked and stored.')
  const rounds = counter('samebits_mirror_rounds_total', 'Rounds of following a log.', ['result'])
  const suspicions = counter(
    'samebits_mirror_suspicions_total',
    'Signed checkpoints that do not fit what was accepted, by kind of evidence.',
    ['kind', 'kept'],
  )
  return {
    answered: (path, status) => answers.inc({ path, status }),
    saved: (count) => entries.inc(count),
    suspected: (kind, kept) => suspicions.inc({ kind, kept: String(kept) }),
    followed: (succeeded) => rounds.inc({ result: succeeded ? 'done' : 'failed' }),
    watch: (observed) => watch(registry, observed),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function watch(registry: Registry, { copies, halted }: MirrorGauges): void {
  const registers = [registry]
  const ofEach = (name: string, help: string, value: 'next' | 'size') =>
    new Gauge({
      ...{ name, help, registers, labelNames: ['origin'] },
      collect() {
        this.reset()
        for (const copy of copies()) this.set({ origin: copy.origin }, copy[value])
      },
    })
  ofEach('samebits_mirror_next_entry', 'Index of the first entry that is missing.', 'next')
  ofEach('samebits_mirror_size', 'Size of the checkpoint that is served.', 'size')
  new Gauge({
    ...{ name: 'samebits_mirror_halted', help: '1 when the state could not be written.', registers },
    collect() {
      this.set(halted() ? 1 : 0)
    },
  })
}
