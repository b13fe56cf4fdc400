/** The alerting rules speak of metrics that the programs have, and mean what they say (promtool, where Prometheus is installed). */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMetrics } from '../../log-server/src/metrics.ts'
import { witnessMetrics } from '../../log-server/src/witnesses/witness-events.ts'
import { createMirrorMetrics } from '../../monitor/src/mirror/mirror-metrics.ts'
import { createMonitorMetrics } from '../../monitor/src/monitor-metrics.ts'
import type { MonitorStore } from '../../monitor/src/state/monitor-store.ts'
import { openSqliteMonitorStore } from '../../monitor/src/state/sqlite-monitor-store.ts'
import { createWitnessMetrics } from '../../monitor/src/witness/witness-metrics.ts'
import { alarm, attack, calm, hostile, now } from '../dashboard/scene.ts'

/** Of Debian's package prometheus. */
const checker = 'promtool'
const folder = fileURLToPath(new URL('../../monitor/prometheus/', import.meta.url))
const rules = readFileSync(join(folder, 'samebits.rules.yml'), 'utf8')

let scratch: string
let store: MonitorStore
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'samebits-metrics-'))
  store = openSqliteMonitorStore(join(scratch, 'monitor.db'))
  for (const scene of [calm, alarm, attack]) scene(store)
})
afterAll(() => {
  store.close()
  rmSync(scratch, { recursive: true, force: true })
})

/** What all programs expose together. */
async function exposed(): Promise<string> {
  const [witness, mirror] = [createWitnessMetrics(), createMirrorMetrics()]
  witness.watch({ logs: () => 1, cosigned: () => 1, halted: () => false })
  mirror.watch({ copies: () => [], halted: () => false })
  const log = createMetrics({ pendingEntries: () => 0, cachedBytes: () => 0, frozen: () => false })
  witnessMetrics(log.registry, ['w1.example'], false)
  const texts = await Promise.all([witness, mirror, log, createMonitorMetrics(store)].map((one) => one.text()))
  return texts.join('')
}

describe('the alerting rules', () => {
  it('name no metric that no program has', async () => {
    const known = new Set([...(await exposed()).matchAll(/^# TYPE (samebits_\w+) /gm)].map(([, name]) => name))
    const named = [...rules.matchAll(/\bsamebits_\w+/g)].map(([name]) => name)
    expect(named.length).toBeGreaterThan(15)
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([])
  })

  it('say for each alert whom it wakes, what happened, and what to do', () => {
    const alerts = rules.split(/^ {6}- alert: /m).slice(1)
    expect(alerts.length).toBeGreaterThan(15)
    for (const alert of alerts) {
      expect(alert).toMatch(/labels: \{severity: (?:page|ticket)\}/)
      expect(alert).toMatch(/summary: .+\n +description: .+/)
    }
  })

  it('are what Prometheus takes, and fire when they should', ({ skip }) => {
    const version = spawnSync(checker, ['--version'])
    if (version.error !== undefined) return skip('promtool is not installed (Debian: prometheus)')
    for (const args of [
      ['check', 'rules', 'samebits.rules.yml'],
      ['test', 'rules', 'samebits.rules.test.yml'],
    ]) {
      const { status, stdout, stderr } = spawnSync(checker, args, { cwd: folder, encoding: 'utf8' })
      expect(`${status} ${stdout}${stderr}`).toMatch(/^0 /)
    }
  })
})

describe('the metrics of a monitor', () => {
  it('tell what is in its state', async () => {
    const text = await createMonitorMetrics(store).text()
    const main = 'origin="log.example.com/main"'
    for (const line of [
      `samebits_monitor_log_size{${main}} 18432`,
      `samebits_monitor_log_read{${main}} 18432`,
      `samebits_monitor_log_quorum_timestamp_seconds{${main}} ${now - 45}`,
      `samebits_monitor_log_failing{${main}} 0`,
      `samebits_monitor_view_behind{${main},view="mirror https://mirror.example/m1/"} 12`,
      'samebits_monitor_open_alerts{severity="critical",rule="fork"} 1',
      'samebits_monitor_open_alerts{severity="critical",rule=""} 0',
    ])
      expect(text.split('\n')).toContain(line)
  })

  it('stay one line each, whatever the labels hold', async ({ skip }) => {
    const text = await createMonitorMetrics(store).text()
    expect(text).toContain(JSON.stringify(hostile.attribute).slice(1, -1))
    for (const line of text.split('\n')) expect(line).toMatch(/^(?:#.*|[a-z\d_]+(?:\{.*\})? (?:[-+\d.e]+|Na[nN])|)$/s)
    const checked = spawnSync(checker, ['check', 'metrics'], { input: text, encoding: 'utf8' })
    if (checked.error !== undefined) return skip('promtool is not installed (Debian: prometheus)')
    expect(checked.stderr).not.toContain('error')
  })
})
