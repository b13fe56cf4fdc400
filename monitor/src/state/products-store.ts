/** The tables about products: what was logged, who signed it, what it names, which bodies are missing. */
import type Database from 'better-sqlite3'
import type {
  EntryRecord,
  MonitorReader,
  MonitorStore,
  MonitorWriter,
  ProductRecord,
  StatementRecord,
  WantedBlob,
} from './monitor-store.ts'
import { bytesOf } from './schema-store.ts'

type ProductReader = Pick<
  MonitorReader,
  'products' | 'product' | 'statement' | 'statements' | 'releasesAt' | 'naming' | 'entries' | 'leaf'
> &
  Pick<MonitorStore, 'wantedBlobs'>
type ProductWriter = Pick<
  MonitorWriter,
  'putProduct' | 'addStatement' | 'setMet' | 'addEntry' | 'setValid' | 'wantBlob' | 'foundBlob'
>

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

interface EntryRow {
  readonly at: number
  readonly id: string
  readonly signer: string
  readonly valid: number | null
}

function entryOf({ at, valid, ...rest }: EntryRow): EntryRecord {
  return { ...rest, index: at, valid: valid === null ? null : valid === 1 }
}

const statementColumns = 'origin, id, product, kind, channel, sequence, version, previous, firstIndex, metAt, metSeenAt'

export function productReader(database: Database.Database): ProductReader {
  const products = database.prepare<[string], ProductRow>('SELECT * FROM product WHERE origin = ? ORDER BY product')
  const product = database.prepare<[string, string], ProductRow>(
    'SELECT * FROM product WHERE origin = ? AND product = ?',
  )
  // An index is named where the planner, which has no statistics, would read all statements of a log or product.
  const select = (where: string, index = '') => `SELECT ${statementColumns} FROM statement ${index} WHERE ${where}`
  const statement = database.prepare<[string, string], StatementRecord>(select('origin = ? AND id = ?'))
  const ofProduct = database.prepare<[string, string, number], StatementRecord>(
    select('origin = ? AND product = ? ORDER BY firstIndex DESC LIMIT ?', 'INDEXED BY statementOf'),
  )
  const ofKind = database.prepare<[string, string, string, number], StatementRecord>(
    select('origin = ? AND product = ? AND kind = ? ORDER BY firstIndex DESC LIMIT ?'),
  )
  const releasesAt = database.prepare<[string, string, string, number], StatementRecord>(
    select(`origin = ? AND product = ? AND kind = 'release' AND channel = ? AND sequence = ?`, 'INDEXED BY releaseAt'),
  )
  const naming = database.prepare<[string, string, string], StatementRecord>(
    select('origin = ? AND id IN (SELECT id FROM naming WHERE naming.origin = ? AND target = ?) ORDER BY firstIndex'),
  )
  const entries = database.prepare<[string, string], EntryRow>(
    'SELECT at, id, signer, valid FROM entry WHERE origin = ? AND id = ? ORDER BY at',
  )
  const leaf = database
    .prepare<[string, number], Buffer | null>('SELECT leaf FROM entry WHERE origin = ? AND at = ?')
    .pluck()
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
    statement: (origin, id) => statement.get(origin, id) ?? null,
    statements: (origin, name, kind, limit) =>
      kind === null ? ofProduct.all(origin, name, limit) : ofKind.all(origin, name, kind, limit),
    releasesAt: (origin, name, channel, sequence) =>
      releasesAt.all(origin, name, channel, sequence).sort((a, b) => a.firstIndex - b.firstIndex),
    naming: (origin, release) => naming.all(origin, origin, release),
    entries: (origin, id) => entries.all(origin, id).map(entryOf),
    leaf(origin, index) {
      const bytes = leaf.get(origin, index)
      return bytes === undefined || bytes === null ? null : bytesOf(bytes)
    },
    wantedBlobs: (origin, limit) => wanted.all(origin, limit),
  }
}

export function productWriter(database: Database.Database): ProductWriter {
  const put = database.prepare<[object]>(
    `INSERT OR REPLACE INTO product (origin, product, watched, trustVersion, trustSha256, trustBody, before, endsAt, entries, lastIndex)
     VALUES (@origin, @product, @watched, @trustVersion, @trustSha256, @trustBody, @before, @endsAt, @entries, @lastIndex)`,
  )
  const addStatement = database.prepare<[object]>(
    `INSERT OR IGNORE INTO statement (${statementColumns})
     VALUES (@origin, @id, @product, @kind, @channel, @sequence, @version, @previous, @firstIndex, @metAt, @metSeenAt)`,
  )
  const addNaming = database.prepare<[string, string, string]>('INSERT OR IGNORE INTO naming VALUES (?, ?, ?)')
  const setMet = database.prepare<[number | null, number | null, string, string]>(
    'UPDATE statement SET metAt = ?, metSeenAt = ? WHERE origin = ? AND id = ?',
  )
  const addEntry = database.prepare<[string, number, string, string, number | null, Uint8Array | null]>(
    'INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)',
  )
  const setValid = database.prepare<[number, string, number]>('UPDATE entry SET valid = ? WHERE origin = ? AND at = ?')
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
    addStatement(record, names) {
      if (addStatement.run(record).changes === 0) return
      for (const name of names) addNaming.run(record.origin, name, record.id)
    },
    setMet: (origin, id, metAt, metSeenAt) => void setMet.run(metAt, metSeenAt, origin, id),
    addEntry(origin, { index, id, signer, valid }, leaf) {
      addEntry.run(origin, index, id, signer, valid === null ? null : Number(valid), leaf)
    },
    setValid: (origin, index, valid) => void setValid.run(Number(valid), origin, index),
    wantBlob: (blob) => void want.run(blob),
    foundBlob: (origin, sha256) => void found.run(origin, sha256),
  }
}
