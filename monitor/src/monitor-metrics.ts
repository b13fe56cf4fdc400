/** What `/metrics` says of a monitor: read from its state when it is asked for. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { LogRecord, MonitorReader, Severity } from './state/monitor-store.ts'

export interface MonitorMetrics {
  text(): Promise<string>
  readonly contentType: string
}

/** A value under its labels; null: there is none to tell. */
type Sample = readonly [labels: Record<string, string>, value: number | null]

/** Alerts that are counted one by one. */
const mostAlerts = 1000
const severities: readonly Severity[] = ['critical', 'warning', 'notice']

export function createMonitorMetrics(store: MonitorReader): MonitorMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, labelNames: string[], samples: () => Iterable<Sample>) =>
    new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      collect() {
        this.reset()
        for (const [labels, value] of samples()) if (value !== null) this.set(labels, value)
      },
    })
  const ofLogs = (name: string, help: string, value: (log: LogRecord) => number | null) =>
    gauge(name, help, ['origin'], () => store.logs().map((log) => [{ origin: log.origin }, value(log)]))

  ofLogs('samebits_monitor_log_size', 'Entries of the largest tree of the one history.', ({ head }) => head?.size ?? 0)
  ofLogs('samebits_monitor_log_read', 'Entries that were hashed, compared and indexed.', ({ readTo }) => readTo)
  ofLogs(
    'samebits_monitor_log_answered_timestamp_seconds',
    'When an answer of the log was last verified.',
    ({ answeredAt }) => answeredAt,
  )
  ofLogs(
    'samebits_monitor_log_quorum_timestamp_seconds',
    'Time that a quorum of witnesses states under the newest tree; 0: too few of them.',
    ({ q }) => q,
  )
  ofLogs('samebits_monitor_log_failing', '1 when the last poll did not come to its end.', ({ failure }) =>
    failure === null ? 0 : 1,
  )
  gauge('samebits_monitor_view_behind', 'Entries that a view lacks of the newest tree.', ['origin', 'view'], () =>
    store.logs().flatMap(({ origin, head }) => behind(store, origin, head?.size ?? 0)),
  )
  gauge('samebits_monitor_open_alerts', 'Alerts that last, by severity and rule.', ['severity', 'rule'], () =>
    openAlerts(store),
  )
  gauge('samebits_monitor_deliveries', 'Alerts on their way to a sink, by state.', ['sink', 'state'], () =>
    store.deliveryCounts().map(({ sink, state, count }) => [{ sink, state }, count]),
  )
  return { text: () => registry.metrics(), contentType: registry.contentType }
}

function behind(store: MonitorReader, origin: string, size: number): Sample[] {
  return store
    .views(origin)
    .map(({ name, tree }) => [{ origin, view: name }, tree === null ? null : Math.max(0, size - tree.size)])
}

/** Each severity has a sample from the start, so that a rule about it never misses its first alert. */
function openAlerts(store: MonitorReader): Sample[] {
  const counts = new Map<string, [Record<string, string>, number]>()
  for (const severity of severities) counts.set(severity, [{ severity, rule: '' }, 0])
  for (const { severity, rule } of store.alerts({ open: true, limit: mostAlerts })) {
    const sample = counts.get(`${severity} ${rule}`) ?? [{ severity, rule }, 0]
    sample[1]++
    counts.set(`${severity} ${rule}`, sample)
  }
  return [...counts.values()]
}
