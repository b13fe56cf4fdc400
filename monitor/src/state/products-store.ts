/** The tables about products: what is watched of each, and which bodies are missing. */
import type Database from 'better-sqlite3'
import type { MonitorReader, MonitorStore, MonitorWriter, ProductRecord, WantedBlob } from './monitor-store.ts'
import { bytesOf } from './schema-store.ts'

type ProductReader = Pick<MonitorReader, 'products' | 'product'> & Pick<MonitorStore, 'wantedBlobs'>
type ProductWriter = Pick<MonitorWriter, 'putProduct' | 'wantBlob' | 'foundBlob'>

interface ProductRow {
  readonly origin: string
  readonly product: string
  readonly watched: number
  readonly trustVersion: number | null
  readonly trustSha256: string | null
  readonly trustBody: Buffer | null
  readonly before: Buffer | null
  readonly endsAt: number | null
  readonly entries: number
  readonly lastIndex: number
}

function productOf({ watched, trustVersion, trustSha256, trustBody, before, ...rest }: ProductRow): ProductRecord {
  const trust =
    trustVersion === null || trustSha256 === null || trustBody === null
      ? null
      : { version: trustVersion, sha256: trustSha256, body: bytesOf(trustBody) }
  return { ...rest, watched: watched === 1, trust, before: before === null ? null : bytesOf(before) }
}

export function productReader(database: Database.Database): ProductReader {
  const products = database.prepare<[string], ProductRow>('SELECT * FROM product WHERE origin = ? ORDER BY product')
  const product = database.prepare<[string, string], ProductRow>(
    'SELECT * FROM product WHERE origin = ? AND product = ?',
  )
  const wanted = database.prepare<[string, number], WantedBlob>(
    `SELECT origin, sha256, product, at AS "index", since, attempts, nextAt FROM blob
     WHERE origin = ? AND found = 0 ORDER BY nextAt LIMIT ?`,
  )
  return {
    products: (origin) => products.all(origin).map(productOf),
    product(origin, name) {
      const row = product.get(origin, name)
      return row === undefined ? null : productOf(row)
    },
    wantedBlobs: (origin, limit) => wanted.all(origin, limit),
  }
}

export function productWriter(database: Database.Database): ProductWriter {
  const put = database.prepare<[object]>(
    `INSERT OR REPLACE INTO product (origin, product, watched, trustVersion, trustSha256, trustBody, before, endsAt, entries, lastIndex)
     VALUES (@origin, @product, @watched, @trustVersion, @trustSha256, @trustBody, @before, @endsAt, @entries, @lastIndex)`,
  )
  const want = database.prepare<[object]>(
    `INSERT INTO blob (origin, sha256, product, at, since, attempts, nextAt, found)
     VALUES (@origin, @sha256, @product, @index, @since, @attempts, @nextAt, 0)
     ON CONFLICT (origin, sha256) DO UPDATE SET attempts = excluded.attempts, nextAt = excluded.nextAt`,
  )
  const found = database.prepare<[string, string]>('UPDATE blob SET found = 1 WHERE origin = ? AND sha256 = ?')
  return {
    putProduct({ watched, trust, ...rest }) {
      const columns = {
        trustVersion: trust?.version ?? null,
        trustSha256: trust?.sha256 ?? null,
        trustBody: trust?.body ?? null,
      }
      put.run({ ...rest, ...columns, watched: watched ? 1 : 0 })
    },
    wantBlob: (blob) => void want.run(blob),
    foundBlob: (origin, sha256) => void found.run(origin, sha256),
  }
}
