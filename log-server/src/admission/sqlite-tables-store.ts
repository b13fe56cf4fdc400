/** {@link ProductTables} in SQLite. Point reads and writes through prepared statements: a few microseconds each. */
import type Database from 'better-sqlite3'
import type {
  HeadRow,
  NamedFile,
  NewStatement,
  ProductRow,
  ProductTables,
  SignedRow,
  StatementKind,
  StatementRow,
  TableChanges,
} from './tables.ts'

type Db = Database.Database

/** 64 lower-case hex digits as 32 bytes. */
export const bin = (hex: string): Uint8Array => Buffer.from(hex, 'hex')
export const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')

/** A row of `product_statements`. */
export interface RawStatement {
  id: Uint8Array
  product: string
  kind: StatementKind
  channel: string | null
  sequence: number | null
  previous: Uint8Array | null
  version: string | null
  met_at: number | null
  ever_met: number
}
interface RawSigned {
  signer: Uint8Array
  idx: number
  leaf_hash: Uint8Array
}

export const statementColumns = 'id, product, kind, channel, sequence, previous, version, met_at, ever_met'

/** Reads statements with their signatures through one connection; the transaction and the pages share it. */
export class StatementReader {
  readonly #one: Database.Statement<[Uint8Array], RawStatement>
  readonly #signed: Database.Statement<[Uint8Array], RawSigned>

  constructor(db: Db) {
    this.#one = db.prepare(`SELECT ${statementColumns} FROM product_statements WHERE id = ?`)
    this.#signed = db.prepare('SELECT signer, idx, leaf_hash FROM product_signed WHERE id = ? ORDER BY idx')
  }

  get(id: string): StatementRow | null {
    const raw = this.#one.get(bin(id))
    return raw === undefined ? null : this.row(raw)
  }

  row(raw: RawStatement): StatementRow {
    const id = hex(raw.id)
    const signed = this.#signed
      .all(raw.id)
      .map((row): SignedRow => ({ id, signer: hex(row.signer), index: row.idx, leafHash: row.leaf_hash }))
    return {
      id,
      product: raw.product,
      kind: raw.kind,
      channel: raw.channel,
      sequence: raw.sequence,
      previous: raw.previous && hex(raw.previous),
      version: raw.version,
      metAt: raw.met_at,
      everMet: raw.ever_met === 1,
      signed,
    }
  }
}

/** The half that works inside transactions. */
export function openSqliteTables(db: Db): Omit<ProductTables, 'committed'> {
  const sql = prepare(db)
  const statements = new StatementReader(db)
  return {
    async products(names) {
      return found(names, (name) => sql.product.get(name)).map(asProductRow)
    },
    async heads(products) {
      return [...new Set(products)].flatMap((product) => sql.heads.all(product).map((row) => headRow(product, row)))
    },
    async statements(ids) {
      return found(ids, (id) => statements.get(id) ?? undefined)
    },
    async files(ids) {
      return new Map([...new Set(ids)].map((id) => [id, sql.files.all(bin(id)).map(namedFile)]))
    },
    async artifacts(product, digests) {
      return new Set([...new Set(digests)].filter((digest) => sql.artifact.get(bin(digest), product) !== undefined))
    },
    async unmetCounts(signers) {
      return new Map([...new Set(signers)].map((signer) => [signer, sql.unmetCount.get(bin(signer)) ?? 0]))
    },
    async blobSizes(digests) {
      const sizes = new Map<string, number>()
      for (const digest of digests) {
        const size = sql.blobSize.get(bin(digest))
        if (size !== undefined) sizes.set(digest, size)
      }
      return sizes
    },
    blob: async (sha256) => sql.blob.get(bin(sha256)) ?? null,
    releasesAt: async (product, channel, sequence) =>
      sql.releasesAt.all(product, channel, sequence).map((raw) => statements.row(raw)),
    judged: async (product) => sql.judged.all(product).map((raw) => statements.row(raw)),
    write: async (changes) => write(sql, changes),
    openBlobs: async (signer, now) => sql.openBlobs.all(bin(signer), now).map(hex),
    putBlob: async (sha256, body, now) => void sql.putBlob.run(bin(sha256), now, body),
    async sweepBlobs(before) {
      sql.sweepBlobs.run(before)
      sql.sweepOpen.run(before)
    },
    putTrustBundle: async (product, version, bundle) => void sql.putBundle.run(product, version, bundle),
  }
}

export interface RawProduct extends Omit<ProductRow, 'sha256'> {
  readonly sha256: Uint8Array
}

export function asProductRow(row: RawProduct): ProductRow {
  return { ...row, sha256: hex(row.sha256) }
}

export interface RawHead {
  channel: string
  sequence: number | null
  id: Uint8Array | null
}

export function headRow(product: string, row: RawHead): HeadRow {
  const head = row.sequence === null || row.id === null ? null : { sequence: row.sequence, id: hex(row.id) }
  return { product, channel: row.channel, head }
}

export function namedFile(row: { name: string; sha256: Uint8Array }): NamedFile {
  return { name: row.name, sha256: hex(row.sha256) }
}

function found<T>(keys: Iterable<string>, get: (key: string) => T | undefined): T[] {
  const rows: T[] = []
  for (const key of new Set(keys)) {
    const row = get(key)
    if (row !== undefined) rows.push(row)
  }
  return rows
}

type Statements = ReturnType<typeof prepare>
function prepare(db: Db) {
  return {
    product: db.prepare<[string], RawProduct>(
      'SELECT product, version, sha256, ends_at AS endsAt FROM product_trust WHERE product = ?',
    ),
    heads: db.prepare<[string], RawHead>('SELECT channel, sequence, id FROM product_heads WHERE product = ?'),
    files: db.prepare<[Uint8Array], { name: string; sha256: Uint8Array }>(
      'SELECT name, sha256 FROM product_files WHERE id = ? ORDER BY n',
    ),
    artifact: db.prepare<[Uint8Array, string], number>(
      `SELECT 1 FROM product_files JOIN product_statements USING (id)
       WHERE product_files.sha256 = ? AND product = ? AND kind = 'release' LIMIT 1`,
    ),
    unmetCount: db.prepare<[Uint8Array], number>('SELECT count(*) FROM product_unmet WHERE signer = ?').pluck(),
    blobSize: db.prepare<[Uint8Array], number>('SELECT length(body) FROM product_blobs WHERE sha256 = ?').pluck(),
    blob: db.prepare<[Uint8Array], Uint8Array>('SELECT body FROM product_blobs WHERE sha256 = ?').pluck(),
    releasesAt: db.prepare<[string, string, number], RawStatement>(
      `SELECT ${statementColumns} FROM product_statements WHERE product = ? AND kind = 'release' AND channel = ? AND sequence = ?`,
    ),
    judged: db.prepare<[string], RawStatement>(
      `SELECT ${statementColumns} FROM product_statements WHERE product = ? AND kind <> 'rebuild'`,
    ),
    setProduct: db.prepare('INSERT OR REPLACE INTO product_trust VALUES (?, ?, ?, ?)'),
    addTrustVersion: db.prepare('INSERT OR IGNORE INTO product_trust_versions VALUES (?, ?, ?)'),
    setHead: db.prepare('INSERT OR REPLACE INTO product_heads VALUES (?, ?, ?, ?)'),
    addStatement: db.prepare('INSERT INTO product_statements VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0)'),
    addFile: db.prepare('INSERT INTO product_files VALUES (?, ?, ?, ?)'),
    addTarget: db.prepare('INSERT OR IGNORE INTO product_targets VALUES (?, ?)'),
    addSigned: db.prepare('INSERT INTO product_signed VALUES (?, ?, ?, ?)'),
    setMet: db.prepare('UPDATE product_statements SET met_at = ?, ever_met = ? WHERE id = ?'),
    addUnmet: db.prepare('INSERT OR IGNORE INTO product_unmet VALUES (?, ?)'),
    removeUnmet: db.prepare('DELETE FROM product_unmet WHERE signer = ? AND id = ?'),
    keepBlob: db.prepare('UPDATE product_blobs SET kept = 1 WHERE sha256 = ?'),
    openBlobs: db
      .prepare<[Uint8Array, number], Uint8Array>('SELECT sha256 FROM product_open_blobs WHERE signer = ? AND until > ?')
      .pluck(),
    openBlob: db.prepare('INSERT OR REPLACE INTO product_open_blobs VALUES (?, ?, ?)'),
    closeBlob: db.prepare('DELETE FROM product_open_blobs WHERE sha256 = ?'),
    putBlob: db.prepare('INSERT OR IGNORE INTO product_blobs VALUES (?, ?, 0, ?)'),
    sweepBlobs: db.prepare('DELETE FROM product_blobs WHERE kept = 0 AND stored_at < ?'),
    sweepOpen: db.prepare('DELETE FROM product_open_blobs WHERE until < ?'),
    putBundle: db.prepare('INSERT OR IGNORE INTO product_bundles VALUES (?, ?, ?)'),
  }
}

function write(sql: Statements, changes: TableChanges): void {
  for (const { product, version, sha256, endsAt } of changes.products) {
    sql.setProduct.run(product, version, bin(sha256), endsAt)
    sql.addTrustVersion.run(product, version, bin(sha256))
  }
  for (const { product, channel, head } of changes.heads)
    sql.setHead.run(product, channel, head?.sequence ?? null, head && bin(head.id))
  for (const statement of changes.statements) addStatement(sql, statement)
  for (const row of changes.signed) sql.addSigned.run(bin(row.id), bin(row.signer), row.index, row.leafHash)
  for (const { id, metAt, everMet } of changes.met) sql.setMet.run(metAt, everMet ? 1 : 0, bin(id))
  for (const { signer, id, counts } of changes.unmet)
    (counts ? sql.addUnmet : sql.removeUnmet).run(bin(signer), bin(id))
  for (const { sha256, signer, until } of changes.openBlobs) sql.openBlob.run(bin(sha256), bin(signer), until)
  for (const sha256 of changes.keptBlobs) {
    sql.keepBlob.run(bin(sha256))
    sql.closeBlob.run(bin(sha256))
  }
}

function addStatement(sql: Statements, { id, previous, files, targets, ...row }: NewStatement): void {
  const key = bin(id)
  sql.addStatement.run(key, row.product, row.kind, row.channel, row.sequence, previous && bin(previous), row.version)
  for (const [n, file] of files.entries()) sql.addFile.run(key, n, file.name, bin(file.sha256))
  for (const target of targets) sql.addTarget.run(bin(target), key)
}
