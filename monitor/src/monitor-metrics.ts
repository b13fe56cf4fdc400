/** What `/metrics` says of a monitor: read from its state when it is asked for. */
import { Gauge, Registry } from 'prom-client'
import type { MonitorReader } from './state/monitor-store.ts'

export interface MonitorMetrics {
  text(): Promise<string>
  readonly contentType: string
}

export function createMonitorMetrics(store: MonitorReader): MonitorMetrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  new Gauge({
    ...{ name: 'samebits_monitor_log_size', help: 'Entries of the largest tree of the one history.' },
    ...{ labelNames: ['origin'], registers },
    collect() {
      for (const { origin, head } of store.logs()) this.set({ origin }, head?.size ?? 0)
    },
  })
  new Gauge({
    ...{ name: 'samebits_monitor_log_read', help: 'Entries that were hashed, compared and indexed.' },
    ...{ labelNames: ['origin'], registers },
    collect() {
      for (const { origin, readTo } of store.logs()) this.set({ origin }, readTo)
    },
  })
  new Gauge({
    ...{ name: 'samebits_monitor_deliveries', help: 'Alerts on their way to a sink, by state.' },
    ...{ labelNames: ['sink', 'state'], registers },
    collect() {
      this.reset()
      for (const { sink, state, count } of store.deliveryCounts()) this.set({ sink, state }, count)
    },
  })
  return { text: () => registry.metrics(), contentType: registry.contentType }
}
