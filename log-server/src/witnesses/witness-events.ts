/** What happens with the witnesses, for metrics and the operator's log. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { FailureKind } from './failure.ts'

export interface WitnessEvents {
  cosigned(witness: string, size: number): void
  failed(witness: string, kind: FailureKind, detail: string): void
  /** @param open the head is published all the same */
  quorumFailed(size: number, detail: string, open: boolean): void
}

/** Metrics of the witnesses of one policy, from zero on so that an alert can be written on their rate. */
export function witnessMetrics(registry: Registry, names: readonly string[], failOpen: boolean): WitnessEvents {
  const registers = [registry]
  const success = new Gauge({
    name: 'samebits_log_witness_last_success_timestamp_seconds',
    help: 'When the witness last cosigned a head.',
    labelNames: ['witness'],
    registers,
  })
  const size = new Gauge({
    name: 'samebits_log_witness_cosigned_size',
    help: 'Size of the head that the witness last cosigned.',
    labelNames: ['witness'],
    registers,
  })
  const failures = new Counter({
    name: 'samebits_log_witness_failures_total',
    help: 'Heads that the witness did not cosign, by what came instead.',
    labelNames: ['witness', 'kind'],
    registers,
  })
  const quorum = new Counter({
    name: 'samebits_log_witness_quorum_failures_total',
    help: 'Heads for which too few witnesses cosigned.',
    registers,
  })
  const open = new Counter({
    name: 'samebits_log_witness_fail_open_published_total',
    help: 'Heads that were published without their quorum.',
    registers,
  })
  new Gauge({
    name: 'samebits_log_witness_fail_open',
    help: '1 where heads are published even without their quorum (--witness-fail-open).',
    registers,
  }).set(failOpen ? 1 : 0)
  for (const witness of names) success.set({ witness }, 0)
  return {
    cosigned(witness, cosignedSize) {
      success.setToCurrentTime({ witness })
      size.set({ witness }, cosignedSize)
    },
    failed: (witness, kind) => failures.inc({ witness, kind }),
    quorumFailed(_size, _detail, isOpen) {
      quorum.inc()
      if (isOpen) open.inc()
    },
  }
}

interface Operator {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Lines for the operator: when a witness begins to fail in a way, and when it is back; every quorum that was not met. */
export function witnessLines(operator: Operator): WitnessEvents {
  const failing = new Map<string, FailureKind>()
  return {
    cosigned(witness, size) {
      if (failing.delete(witness)) operator.info({ witness, size }, 'a witness cosigns again')
    },
    failed(witness, kind, detail) {
      if (failing.get(witness) === kind) return
      failing.set(witness, kind)
      operator.warn({ witness, kind, detail }, 'a witness does not cosign')
    },
    quorumFailed(size, detail, open) {
      const message = open
        ? 'PUBLISHED WITHOUT A QUORUM OF WITNESSES, as --witness-fail-open says'
        : 'too few witnesses cosigned: the head is not published'
      operator.error({ size, detail }, message)
    },
  }
}

export function toBoth(a: WitnessEvents, b: WitnessEvents): WitnessEvents {
  return {
    cosigned(witness, size) {
      a.cosigned(witness, size)
      b.cosigned(witness, size)
    },
    failed(witness, kind, detail) {
      a.failed(witness, kind, detail)
      b.failed(witness, kind, detail)
    },
    quorumFailed(size, detail, open) {
      a.quorumFailed(size, detail, open)
      b.quorumFailed(size, detail, open)
    },
  }
}
