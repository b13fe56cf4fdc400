/**
 * The fault table: what happens, how often it was done, and that nothing acknowledged was lost and nothing forked. Each row is
 * judged by what clients saw and by every signature that was ever made, against the log as it is served in the end.
 *
 * `npm run test:faults` does all of it and prints the table; `npm test` does a few rows once (the others have short forms
 * elsewhere: `crash/`, `failover/`, the log server's own tests).
 */
import { afterAll, describe, expect, it } from 'vitest'
import { backupRows } from './backup-rows.ts'
import { databaseRows } from './database-rows.ts'
import { processRows } from './process-rows.ts'
import type { Row } from './row.ts'
import { witnessRows } from './witness-rows.ts'

const long = process.env['MODE'] === 'faults'
const rows = [...processRows, ...backupRows, ...witnessRows, ...databaseRows].filter(
  ({ short }) => long || short !== undefined,
)
const table: string[] = []

describe('nothing acknowledged is lost, and nothing forks', () => {
  it.each(rows)('$name', { timeout: 600_000 }, async (row: Row) => {
    const missing = row.missing?.() ?? null
    if (missing !== null) {
      console.warn(`skipped: ${row.name} (${missing})`)
      return
    }
    const { strikes, acknowledged, signatures, trees } = await row.run(long ? row.strikes : (row.short ?? 0))
    expect(acknowledged).toBeGreaterThan(0)
    expect(signatures).toBeGreaterThan(strikes)
    // The row's own judge has thrown otherwise.
    table.push(`| ${row.name} | ${strikes} | ${acknowledged} | ${signatures} | ${trees} | 0 | 0 |`)
  })
})

afterAll(() => {
  if (!long) return
  const head =
    '| fault | times | acknowledged | signatures | trees | acknowledged and lost | forks |\n|---|---|---|---|---|---|---|'
  console.log([head, ...table].join('\n'))
})
