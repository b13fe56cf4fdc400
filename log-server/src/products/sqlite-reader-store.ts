/** {@link ProductReader} over a read-only SQLite connection. */
import type Database from 'better-sqlite3'
import {
  asProductRow,
  bin,
  headRow,
  hex,
  namedFile,
  type RawHead,
  type RawProduct,
  type RawStatement,
  StatementReader,
  statementColumns,
} from '../admission/sqlite-tables-store.ts'
import { MAX_ROWS, type ProductReader } from './product-reader.ts'

export function openSqliteReader(db: Database.Database): ProductReader {
  const sql = prepare(db)
  const statements = new StatementReader(db)
  const rows = (raws: readonly RawStatement[]) => raws.map((raw) => statements.row(raw))
  return {
    async product(name) {
      const row = sql.product.get(name)
      return row === undefined ? null : asProductRow(row)
    },
    products: async (after) => sql.products.all(after, MAX_ROWS).map(asProductRow),
    heads: async (product) => sql.heads.all(product).map((row) => headRow(product, row)),
    statement: async (id) => statements.get(id),
    files: async (id) => sql.files.all(bin(id)).map(namedFile),
    releasesAt: async (product, channel, sequence) => rows(sql.releasesAt.all(product, channel, sequence)),
    unmet: async (product) => rows(sql.unmet.all(product, MAX_ROWS)),
    trustSteps: async (product) => rows(sql.trustSteps.all(product)),
    async trustBefore(product, version) {
      const sha256 = sql.trustBefore.get(product, version)
      return sha256 === undefined ? null : hex(sha256)
    },
    revocations: async (product, limit) => rows(sql.revocations.all(product, limit)),
    async naming(digest, limit) {
      const key = bin(digest)
      return rows(sql.naming.all(key, limit, key, limit, key, limit))
    },
    about: async (id) => rows(sql.about.all(bin(id))),
    async votes(product, digests) {
      const found = digests.flatMap((digest) => sql.votes.all(bin(digest), product))
      return [...new Map(rows(found).map((row) => [row.id, row])).values()]
    },
    blob: async (sha256) => sql.blob.get(bin(sha256)) ?? null,
    blobSize: async (sha256) => sql.blobSize.get(bin(sha256)) ?? null,
    isOpen: async (sha256, now) => sql.isOpen.get(bin(sha256), now) !== undefined,
    trustBundle: async (product, version) => sql.bundle.get(product, version) ?? null,
    stepsWithoutBundle: async () => rows(sql.stepsWithoutBundle.all()),
  }
}

const prepare = (db: Database.Database) => ({ ...prepareStatements(db), ...prepareRows(db) })

/** Each gives whole rows of `product_statements`. */
function prepareStatements(db: Database.Database) {
  const statement = <P extends unknown[]>(where: string): Database.Statement<P, RawStatement> =>
    db.prepare(`SELECT ${statementColumns} FROM product_statements WHERE ${where}`)
  return {
    releasesAt: statement<[string, string, number]>(
      `product = ? AND kind = 'release' AND channel = ? AND sequence = ? ORDER BY id`,
    ),
    unmet: statement<[string, number]>(
      `product = ? AND kind IN ('revocation', 'waiver', 'trust') AND met_at IS NULL ORDER BY id LIMIT ?`,
    ),
    trustSteps: statement<[string]>(`product = ? AND kind = 'trust' AND met_at IS NOT NULL ORDER BY sequence`),
    revocations: statement<[string, number]>(
      `product = ? AND kind = 'revocation' AND met_at IS NOT NULL ORDER BY met_at DESC LIMIT ?`,
    ),
    naming: statement<[Uint8Array, number, Uint8Array, number, Uint8Array, number]>(
      `id IN (SELECT id FROM product_statements WHERE id = ? LIMIT ?)
       OR id IN (SELECT id FROM product_files WHERE sha256 = ? LIMIT ?)
       OR id IN (SELECT id FROM product_targets WHERE target = ? LIMIT ?) ORDER BY id`,
    ),
    about: statement<[Uint8Array]>('id IN (SELECT id FROM product_targets WHERE target = ?) ORDER BY id'),
    votes: statement<[Uint8Array, string]>(
      `id IN (SELECT id FROM product_files WHERE sha256 = ?) AND product = ? AND kind = 'rebuild' ORDER BY id`,
    ),
    stepsWithoutBundle: statement<[]>(
      `kind = 'trust' AND met_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM product_bundles b WHERE b.product = product_statements.product AND b.version = sequence)
       ORDER BY product, sequence`,
    ),
  }
}

function prepareRows(db: Database.Database) {
  const product = 'SELECT product, version, sha256, ends_at AS endsAt FROM product_trust WHERE'
  return {
    product: db.prepare<[string], RawProduct>(`${product} product = ?`),
    products: db.prepare<[string, number], RawProduct>(`${product} product > ? ORDER BY product LIMIT ?`),
    heads: db.prepare<[string], RawHead>('SELECT channel, sequence, id FROM product_heads WHERE product = ?'),
    files: db.prepare<[Uint8Array], { name: string; sha256: Uint8Array }>(
      'SELECT name, sha256 FROM product_files WHERE id = ? ORDER BY n',
    ),
    trustBefore: db
      .prepare<[string, number], Uint8Array>(
        'SELECT sha256 FROM product_trust_versions WHERE product = ? AND version < ? ORDER BY version DESC LIMIT 1',
      )
      .pluck(),
    blob: db.prepare<[Uint8Array], Uint8Array>('SELECT body FROM product_blobs WHERE sha256 = ?').pluck(),
    blobSize: db.prepare<[Uint8Array], number>('SELECT length(body) FROM product_blobs WHERE sha256 = ?').pluck(),
    isOpen: db.prepare<[Uint8Array, number], { one: 1 }>(
      'SELECT 1 AS one FROM product_open_blobs WHERE sha256 = ? AND until > ?',
    ),
    bundle: db
      .prepare<[string, number], Uint8Array>('SELECT bundle FROM product_bundles WHERE product = ? AND version = ?')
      .pluck(),
  }
}
