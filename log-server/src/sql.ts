/**
 * SQL that is written once and runs on SQLite and on PostgreSQL: the tables of a mode of admission.
 *
 * What both understand is enough for them: `?` stands for a value, upserts are `ON CONFLICT`, names of result columns that
 * have capitals are quoted. Scripts of a schema are written as SQLite has them; {@link postgresScript} gives the other spelling.
 */

export type SqlValue = null | number | string | Uint8Array

/** One connection, or something that acts as one. Statements run in the order in which they were given. */
export interface Sql {
  all<Row extends object>(statement: string, ...values: readonly SqlValue[]): Promise<Row[]>
  run(statement: string, ...values: readonly SqlValue[]): Promise<void>
}

/** What an extension is given to open its tables. */
export interface SqlConnections {
  /** Writes, and reads of uncommitted rows: only inside `commit` or `update` of the store. */
  readonly writer: Sql
  /** Sees committed rows, at any time. For product pages and the like. */
  readonly reader: Sql
}

/** Tables that another part keeps in the log's database. Table names start with `name` and `_`. */
export interface StoreExtension<Tables> {
  /** `[a-z]+`; under this name the version of its schema is kept. */
  readonly name: string
  /** SQL scripts; the n-th brings version n to n + 1. Only ever appended to. */
  readonly migrations: readonly string[]
  /** Called once the schema is current. */
  open(connections: SqlConnections): Tables
}

/** The extension of a mode without tables. */
export const noExtension: StoreExtension<Readonly<Record<never, never>>> = {
  name: 'none',
  migrations: [],
  open: () => ({}),
}

/**
 * A schema script in PostgreSQL's spelling. SQLite's integers have 64 bits, and its text is compared byte by byte, whatever
 * the language of the machine.
 */
export function postgresScript(script: string): string {
  return script
    .replaceAll(/\bINTEGER\b/g, 'BIGINT')
    .replaceAll(/\bBLOB\b/g, 'BYTEA')
    .replaceAll(/\bTEXT\b/g, 'TEXT COLLATE "C"')
    .replaceAll(/\) STRICT(?:, WITHOUT ROWID)?/g, ')')
}

/** `?, ?` as `$1, $2`. No statement of this project has a question mark in a literal. */
export function postgresStatement(statement: string): string {
  let at = 0
  return statement.replaceAll('?', () => `$${++at}`)
}
