/** {@link ProductReader} on SQLite and PostgreSQL: committed rows only. */
import {
  asProductRow,
  bin,
  blobOf,
  filesOf,
  headRow,
  hex,
  productColumns,
  type RawHead,
  type RawProduct,
  StatementReader,
  statementColumns,
  tableSql,
} from '../admission/product-tables-store.ts'
import type { Sql } from '../sql.ts'
import { MAX_ROWS, type ProductReader } from './product-reader.ts'

export function openProductReader(sql: Sql): ProductReader {
  const statements = new StatementReader(sql)
  return {
    async product(name) {
      const [row] = await sql.all<RawProduct>(tableSql.read.product, name)
      return row === undefined ? null : asProductRow(row)
    },
    products: async (after) => (await sql.all<RawProduct>(readerSql.products, after, MAX_ROWS)).map(asProductRow),
    async heads(product) {
      return (await sql.all<RawHead>(tableSql.read.heads, product)).map((row) => headRow(product, row))
    },
    statement: (id) => statements.get(id),
    files: (id) => filesOf(sql, id),
    releasesAt: (product, channel, sequence) => statements.rows(tableSql.read.releasesAt, product, channel, sequence),
    unmet: (product) => statements.rows(readerSql.unmet, product, MAX_ROWS),
    trustSteps: (product) => statements.rows(readerSql.trustSteps, product),
    async trustBefore(product, version) {
      const [row] = await sql.all<{ sha256: Uint8Array }>(readerSql.trustBefore, product, version)
      return row === undefined ? null : hex(row.sha256)
    },
    revocations: (product, limit) => statements.rows(readerSql.revocations, product, limit),
    async naming(digest, limit) {
      const key = bin(digest)
      return statements.rows(readerSql.naming, key, limit, key, limit, key, limit)
    },
    about: (id) => statements.rows(readerSql.about, bin(id)),
    async votes(product, digests) {
      const found = await Promise.all(digests.map((digest) => statements.rows(readerSql.votes, bin(digest), product)))
      return [...new Map(found.flat().map((row) => [row.id, row])).values()]
    },
    blob: (sha256) => blobOf(sql, sha256),
    async blobSize(sha256) {
      const [row] = await sql.all<{ n: number }>(tableSql.read.blobSize, bin(sha256))
      return row?.n ?? null
    },
    isOpen: async (sha256, now) => (await sql.all(readerSql.isOpen, bin(sha256), now)).length > 0,
    async trustBundle(product, version) {
      const [row] = await sql.all<{ bundle: Uint8Array }>(readerSql.bundle, product, version)
      return row?.bundle ?? null
    },
    stepsWithoutBundle: () => statements.rows(readerSql.stepsWithoutBundle),
  }
}

const statement = (where: string): string => `SELECT ${statementColumns} FROM product_statements WHERE ${where}`

type ReaderStatement =
  | 'products'
  | 'trustBefore'
  | 'isOpen'
  | 'bundle'
  | 'unmet'
  | 'trustSteps'
  | 'revocations'
  | 'naming'
  | 'about'
  | 'votes'
  | 'stepsWithoutBundle'

/** Every statement of this file, by name. */
export const readerSql: Readonly<Record<ReaderStatement, string>> = {
  products: `SELECT ${productColumns} FROM product_trust WHERE product > ? ORDER BY product LIMIT ?`,
  trustBefore:
    'SELECT sha256 FROM product_trust_versions WHERE product = ? AND version < ? ORDER BY version DESC LIMIT 1',
  isOpen: 'SELECT 1 AS one FROM product_open_blobs WHERE sha256 = ? AND until > ?',
  bundle: 'SELECT bundle FROM product_bundles WHERE product = ? AND version = ?',
  unmet: statement(`product = ? AND kind IN ('revocation', 'waiver', 'trust') AND met_at IS NULL ORDER BY id LIMIT ?`),
  trustSteps: statement(`product = ? AND kind = 'trust' AND met_at IS NOT NULL ORDER BY sequence`),
  revocations: statement(`product = ? AND kind = 'revocation' AND met_at IS NOT NULL ORDER BY met_at DESC LIMIT ?`),
  naming: statement(
    `id IN (SELECT id FROM product_statements WHERE id = ? LIMIT ?)
       OR id IN (SELECT id FROM product_files WHERE sha256 = ? LIMIT ?)
       OR id IN (SELECT id FROM product_targets WHERE target = ? LIMIT ?) ORDER BY id`,
  ),
  about: statement('id IN (SELECT id FROM product_targets WHERE target = ?) ORDER BY id'),
  votes: statement(
    `id IN (SELECT id FROM product_files WHERE sha256 = ?) AND product = ? AND kind = 'rebuild' ORDER BY id`,
  ),
  stepsWithoutBundle: statement(
    `kind = 'trust' AND met_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM product_bundles b WHERE b.product = product_statements.product AND b.version = sequence)
       ORDER BY product, sequence`,
  ),
}
