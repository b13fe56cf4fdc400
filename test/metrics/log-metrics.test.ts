/** The table of metrics in docs/operating.md is what a log's registry holds: names, labels, types and meanings. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { tlsMetrics } from '../../log-server/src/http/tls-http.ts'
import { createMetrics } from '../../log-server/src/metrics.ts'
import { readerMetrics } from '../../log-server/src/readers/pool.ts'
import type { TlsFiles } from '../../log-server/src/tls-files.ts'
import { witnessMetrics } from '../../log-server/src/witnesses/witness-events.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const row = /^\| `(samebits_log_\w+)(?:\{(\w+(?:,\w+)*)\})?` \| (\w+) \| (.+) \|$/gm

interface Row {
  readonly name: string
  readonly labels: string
  readonly type: string
  readonly help: string
}

function documented(): Row[] {
  const text = readFileSync(join(root, 'docs/operating.md'), 'utf8')
  return [...text.matchAll(row)].map(([, name = '', labels = '', type = '', help = '']) => ({
    name,
    labels,
    type,
    help,
  }))
}

/** All that a log registers: of its own, of its witnesses, of its certificate, of its readers. */
async function registered(): Promise<Row[]> {
  const { registry } = createMetrics({ pendingEntries: () => 0, cachedBytes: () => 0, frozen: () => false })
  witnessMetrics(registry, ['w'], false)
  readerMetrics(registry)
  tlsMetrics({ registry, files: { notAfter: 0 } as TlsFiles })
  const labelsOf = (name: string) =>
    (registry.getSingleMetric(name) as unknown as { labelNames: readonly string[] }).labelNames.join(',')
  const metrics = await registry.getMetricsAsJSON()
  return metrics
    .filter(({ name }) => name.startsWith('samebits_'))
    .map(({ name, help, type }) => ({ name, labels: labelsOf(name), type: String(type), help }))
}

const byName = (rows: readonly Row[]) => rows.toSorted((a, b) => (a.name < b.name ? -1 : 1))

describe('the documented metrics of a log', () => {
  it('are those of its registry, and mean the same', async () => {
    const rows = documented()
    expect(rows.length).toBeGreaterThan(15)
    expect(byName(rows)).toEqual(byName(await registered()))
  })

  it('are all that its source names', () => {
    const folder = join(root, 'log-server/src')
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /(?<!\.test)\.ts$/.test(path),
    )
    const named = sources.flatMap((path) => [
      ...readFileSync(join(folder, path), 'utf8').matchAll(/'(samebits_log_\w+)'/g),
    ])
    expect(new Set(named.map(([, name]) => name))).toEqual(new Set(documented().map(({ name }) => name)))
  })
})
