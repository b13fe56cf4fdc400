/**
 * {@link ProductTables} on SQLite and PostgreSQL. What belongs together is asked for together: on PostgreSQL the statements of
 * one `Promise.all` share a round trip, on SQLite each takes a few microseconds.
 */
import type { Sql, SqlValue } from '../sql.ts'
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
export const productColumns = 'product, version, sha256, ends_at AS "endsAt"'

/** Reads statements with their signatures; the transaction and the pages share it. */
export class StatementReader {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async get(id: string): Promise<StatementRow | null> {
    const [row] = await this.rows(statementSql.one, bin(id))
    return row ?? null
  }

  /** Runs a statement that gives whole rows of `product_statements`. */
  async rows(statement: string, ...values: readonly SqlValue[]): Promise<StatementRow[]> {
    const raws = await this.#sql.all<RawStatement>(statement, ...values)
    return Promise.all(raws.map((raw) => this.#row(raw)))
  }

  async #row(raw: RawStatement): Promise<StatementRow> {
    const id = hex(raw.id)
    const signed = await this.#sql.all<RawSigned>(statementSql.signed, raw.id)
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
      signed: signed.map(
        (row): SignedRow => ({ id, signer: hex(row.signer), index: row.idx, leafHash: row.leaf_hash }),
      ),
    }
  }
}

/** The half that works inside transactions. */
export function openProductTables(sql: Sql): Omit<ProductTables, 'committed'> {
  const statements = new StatementReader(sql)
  const { read, write } = tableSql
  return {
    async products(names) {
      const rows = await each(names, (name) => sql.all<RawProduct>(read.product, name))
      return rows.flat().map(asProductRow)
    },
    async heads(products) {
      const heads = (product: string) => sql.all<RawHead>(read.heads, product)
      const rows = await each(products, async (product) => (await heads(product)).map((row) => headRow(product, row)))
      return rows.flat()
    },
    async statements(ids) {
      return (await each(ids, (id) => statements.get(id))).filter((row) => row !== null)
    },
    async files(ids) {
      return new Map(await each(ids, async (id) => [id, await filesOf(sql, id)] as const))
    },
    async artifacts(product, digests) {
      const known = (digest: string) => sql.all(read.artifact, bin(digest), product)
      const rows = await each(digests, async (digest) => ((await known(digest)).length > 0 ? [digest] : []))
      return new Set(rows.flat())
    },
    async unmetCounts(signers) {
      const count = (signer: string) => sql.all<{ n: number }>(read.unmetCount, bin(signer))
      return new Map(await each(signers, async (signer) => [signer, (await count(signer))[0]?.n ?? 0] as const))
    },
    async blobSizes(digests) {
      const sizes = await each(digests, async (digest) =>
        (await sql.all<{ n: number }>(read.blobSize, bin(digest))).map(({ n }) => [digest, n] as const),
      )
      return new Map(sizes.flat())
    },
    blob: (sha256) => blobOf(sql, sha256),
    releasesAt: (product, channel, sequence) => statements.rows(read.releasesAt, product, channel, sequence),
    judged: (product) => statements.rows(read.judged, product),
    write: (changes) => writeChanges(sql, changes),
    async openBlobs(signer, now) {
      const rows = await sql.all<{ sha256: Uint8Array }>(read.openBlobs, bin(signer), now)
      return rows.map(({ sha256 }) => hex(sha256))
    },
    putBlob: (sha256, body, now) => sql.run(write.putBlob, bin(sha256), now, body),
    async sweepBlobs(before) {
      await Promise.all([sql.run(write.sweepBlobs, before), sql.run(write.sweepOpen, before)])
    },
    putTrustBundle: (product, version, bundle) => sql.run(write.putBundle, product, version, bundle),
  }
}

/** One answer for each different key. */
function each<T>(keys: Iterable<string>, ask: (key: string) => Promise<T>): Promise<T[]> {
  return Promise.all([...new Set(keys)].map(ask))
}

export async function filesOf(sql: Sql, id: string): Promise<NamedFile[]> {
  const rows = await sql.all<{ name: string; sha256: Uint8Array }>(tableSql.read.files, bin(id))
  return rows.map((row) => ({ name: row.name, sha256: hex(row.sha256) }))
}

export async function blobOf(sql: Sql, sha256: string): Promise<Uint8Array | null> {
  const [row] = await sql.all<{ body: Uint8Array }>(tableSql.read.blob, bin(sha256))
  return row?.body ?? null
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

const statementSql = {
  one: `SELECT ${statementColumns} FROM product_statements WHERE id = ?`,
  signed: 'SELECT signer, idx, leaf_hash FROM product_signed WHERE id = ? ORDER BY idx',
}

/** Every statement of this file that a transaction runs, by name. */
export const tableSql = {
  statements: statementSql as Readonly<Record<'one' | 'signed', string>>,
  read: {
    product: `SELECT ${productColumns} FROM product_trust WHERE product = ?` as string,
    heads: 'SELECT channel, sequence, id FROM product_heads WHERE product = ?',
    files: 'SELECT name, sha256 FROM product_files WHERE id = ? ORDER BY n',
    artifact: `SELECT 1 AS one FROM product_files JOIN product_statements USING (id)
       WHERE product_files.sha256 = ? AND product = ? AND kind = 'release' LIMIT 1`,
    unmetCount: 'SELECT count(*) AS n FROM product_unmet WHERE signer = ?',
    blobSize: 'SELECT length(body) AS n FROM product_blobs WHERE sha256 = ?',
    blob: 'SELECT body FROM product_blobs WHERE sha256 = ?',
    releasesAt: `SELECT ${statementColumns} FROM product_statements
       WHERE product = ? AND kind = 'release' AND channel = ? AND sequence = ? ORDER BY id` as string,
    judged: `SELECT ${statementColumns} FROM product_statements WHERE product = ? AND kind <> 'rebuild'` as string,
    openBlobs: 'SELECT sha256 FROM product_open_blobs WHERE signer = ? AND until > ?',
  },
  write: {
    setProduct: `INSERT INTO product_trust VALUES (?, ?, ?, ?) ON CONFLICT (product)
       DO UPDATE SET version = excluded.version, sha256 = excluded.sha256, ends_at = excluded.ends_at`,
    addTrustVersion: 'INSERT INTO product_trust_versions VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    setHead: `INSERT INTO product_heads VALUES (?, ?, ?, ?) ON CONFLICT (product, channel)
       DO UPDATE SET sequence = excluded.sequence, id = excluded.id`,
    addStatement: 'INSERT INTO product_statements VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0)',
    addFile: 'INSERT INTO product_files VALUES (?, ?, ?, ?)',
    addTarget: 'INSERT INTO product_targets VALUES (?, ?) ON CONFLICT DO NOTHING',
    addSigned: 'INSERT INTO product_signed VALUES (?, ?, ?, ?)',
    setMet: 'UPDATE product_statements SET met_at = ?, ever_met = ? WHERE id = ?',
    addUnmet: 'INSERT INTO product_unmet VALUES (?, ?) ON CONFLICT DO NOTHING',
    removeUnmet: 'DELETE FROM product_unmet WHERE signer = ? AND id = ?',
    keepBlob: 'UPDATE product_blobs SET kept = 1 WHERE sha256 = ?',
    openBlob: `INSERT INTO product_open_blobs VALUES (?, ?, ?) ON CONFLICT (sha256)
       DO UPDATE SET signer = excluded.signer, until = excluded.until`,
    closeBlob: 'DELETE FROM product_open_blobs WHERE sha256 = ?',
    putBlob: 'INSERT INTO product_blobs VALUES (?, ?, 0, ?) ON CONFLICT DO NOTHING',
    sweepBlobs: 'DELETE FROM product_blobs WHERE kept = 0 AND stored_at < ?',
    sweepOpen: 'DELETE FROM product_open_blobs WHERE until < ?',
    putBundle: 'INSERT INTO product_bundles VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  },
} as const

async function writeChanges(sql: Sql, changes: TableChanges): Promise<void> {
  const { write } = tableSql
  const work: Promise<void>[] = []
  const run: Sql['run'] = (...statement) => {
    const done = sql.run(...statement)
    work.push(done)
    return done
  }
  for (const { product, version, sha256, endsAt } of changes.products) {
    run(write.setProduct, product, version, bin(sha256), endsAt)
    run(write.addTrustVersion, product, version, bin(sha256))
  }
  for (const { product, channel, head } of changes.heads)
    run(write.setHead, product, channel, head?.sequence ?? null, head && bin(head.id))
  for (const statement of changes.statements) addStatement(run, statement)
  for (const row of changes.signed) run(write.addSigned, bin(row.id), bin(row.signer), row.index, row.leafHash)
  for (const { id, metAt, everMet } of changes.met) run(write.setMet, metAt, everMet ? 1 : 0, bin(id))
  for (const { signer, id, counts } of changes.unmet)
    run(counts ? write.addUnmet : write.removeUnmet, bin(signer), bin(id))
  for (const { sha256, signer, until } of changes.openBlobs) run(write.openBlob, bin(sha256), bin(signer), until)
  for (const sha256 of changes.keptBlobs) {
    run(write.keepBlob, bin(sha256))
    run(write.closeBlob, bin(sha256))
  }
  await Promise.all(work)
}

function addStatement(run: Sql['run'], { id, previous, files, targets, ...row }: NewStatement): void {
  const { write } = tableSql
  const key = bin(id)
  run(write.addStatement, key, row.product, row.kind, row.channel, row.sequence, previous && bin(previous), row.version)
  for (const [n, file] of files.entries()) run(write.addFile, key, n, file.name, bin(file.sha256))
  for (const target of targets) run(write.addTarget, bin(target), key)
}
