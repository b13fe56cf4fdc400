import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { productMigrations } from '../admission/product-schema.ts'
import { tableSql } from '../admission/product-tables-store.ts'
import { readerSql } from './product-reader-store.ts'

/** Every statement of the product index, by its text, with SQLite's plan for it. */
function plans(): ReadonlyMap<string, readonly string[]> {
  const db = new Database(':memory:')
  for (const script of productMigrations) db.exec(script)
  const seen = new Map<string, readonly string[]>()
  for (const sql of [tableSql.statements, tableSql.read, tableSql.write, readerSql].flatMap((by) =>
    Object.values(by),
  )) {
    const unbound = Array.from(sql.matchAll(/\?/g), () => null)
    const steps = db.prepare<null[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...unbound)
    seen.set(
      sql,
      steps.map(({ detail }) => detail),
    )
  }
  db.close()
  return seen
}

test('no question costs more because the log is larger', () => {
  const scanning = [...plans()].filter(([, steps]) => steps.some((step) => step.startsWith('SCAN')))
  expect(scanning.map(([sql]) => sql.replace(/\s+/g, ' '))).toEqual([
    // at most 64 rows a key, and only with an upload
    'DELETE FROM product_open_blobs WHERE until < ?',
    // an index of trust statements alone
    expect.stringMatching(
      /^SELECT .* FROM product_statements WHERE kind = 'trust' AND met_at IS NOT NULL AND NOT EXISTS/,
    ),
  ])
})
