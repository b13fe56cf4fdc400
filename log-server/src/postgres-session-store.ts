/**
 * Connections to PostgreSQL: how they are set up, what their errors mean, and statements on them.
 *
 * Every connection makes its own promises, whatever the server's defaults are: `synchronous_commit` is at least `on`, nothing
 * waits for a lock or an answer without end, and a transaction whose process went to sleep is ended by the server, so that
 * it frees the row that every commit locks.
 */
import type { Socket } from 'node:net'
import pg from 'pg'
import { postgresStatement, type Sql, type SqlValue } from './sql.ts'
import { StorageError } from './store.ts'

export interface PostgresOptions {
  /** `postgres://user@host:port/database?sslmode=verify-full`; a password may come from PGPASSWORD or the password file. */
  readonly url: string
  /** For connecting and for the answer to one statement; a connection that does not answer is given up. */
  readonly timeoutMs: number
}

/** How long a statement waits for a row that another transaction has. */
const lockWaitMs = 3000
/** How long the server keeps a transaction open whose client says nothing. Also frees what a frozen process holds. */
const idleInTransactionMs = 2000
/** Connections that read at the same time. */
const readers = 6

const setUp = `
  SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);
  SET default_transaction_isolation = 'read committed';
  SET client_min_messages = warning;
  SET bytea_output = hex;
  SET lock_timeout = ${lockWaitMs};
  SET idle_in_transaction_session_timeout = ${idleInTransactionMs};`

const readingOnly = (timeoutMs: number) =>
  `${setUp} SET statement_timeout = ${timeoutMs}; SET default_transaction_read_only = on;`

/** Object identifiers of the types that our tables and questions have (pg_type.dat). */
const oid = { bytea: 17, int8: 20, int4: 23 }

const int8 = (value: number): number => {
  if (Number.isSafeInteger(value)) return value
  throw new StorageError('STORAGE_DAMAGED', 'a number in the database is larger than any of this log')
}

/** Results come as text: numbers in decimal, bytes as `\\x` and hex digits. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((id: number) => {
    if (id === oid.int8 || id === oid.int4) return (text: string) => int8(Number(text))
    if (id === oid.bytea) return (text: string) => Buffer.from(text.slice(2), 'hex')
    return (text: string) => text
  }) as pg.CustomTypesConfig['getTypeParser'],
}

function clientConfig({ url, timeoutMs }: PostgresOptions): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'samebits-log',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    keepAlive: true,
    types,
  }
}

/** Prepared statements have names; the same text has the same one on every connection. */
const names = new Map<string, string>()
function nameOf(text: string): string {
  const known = names.get(text)
  if (known !== undefined) return known
  const name = `samebits${names.size}`
  names.set(text, name)
  return name
}

type Queryable = Pick<pg.Pool, 'query'> | Pick<pg.Client, 'query'>

async function query<Row extends object>(
  on: Queryable,
  statement: string,
  values: readonly SqlValue[],
): Promise<pg.QueryResult<Row>> {
  const text = postgresStatement(statement)
  try {
    return await on.query<Row>({ name: nameOf(text), text, values: [...values] })
  } catch (error) {
    throw databaseError(error)
  }
}

function sqlOn(on: Queryable): Sql {
  return {
    all: async <Row extends object>(statement: string, ...values: readonly SqlValue[]) =>
      (await query<Row>(on, statement, values)).rows,
    run: async (statement, ...values) => void (await query(on, statement, values)),
  }
}

/** One connection. Statements that are given together share a round trip, and run in the order in which they were given. */
export class PostgresSession {
  readonly sql: Sql
  readonly #client: pg.Client
  #broken = false
  /** Warnings of the server since the last statement began. */
  #warnings: string[] = []

  /** @throws StorageError STORAGE_UNREACHABLE */
  static async connect(options: PostgresOptions): Promise<PostgresSession> {
    const client = new pg.Client({ ...clientConfig(options), pipeline: true } as pg.ClientConfig)
    const session = new PostgresSession(client)
    try {
      await client.connect()
      await client.query(setUp)
      return session
    } catch (error) {
      session.discard()
      throw databaseError(error)
    }
  }

  private constructor(client: pg.Client) {
    this.#client = client
    this.sql = sqlOn(client)
    client.on('error', () => {
      this.#broken = true
    })
    client.on('end', () => {
      this.#broken = true
    })
    client.on('notice', ({ severity, message }) => {
      if (severity === 'WARNING') this.#warnings.push(message ?? '')
    })
  }

  /** Nothing more can be asked here. */
  get broken(): boolean {
    return this.#broken
  }

  get encrypted(): boolean {
    return 'encrypted' in socketOf(this.#client)
  }

  /** Several statements without values, or a schema script. */
  async script(text: string): Promise<void> {
    try {
      await this.#client.query(text)
    } catch (error) {
      throw databaseError(error)
    }
  }

  /**
   * COMMIT, done only if the server says so and without a warning: where it stops waiting for its standby it warns, and the
   * transaction is not yet as durable as it was asked to be.
   */
  async commit(): Promise<void> {
    this.#warnings = []
    const { command } = await this.#client.query('COMMIT').catch((error: unknown) => {
      throw databaseError(error)
    })
    if (command !== 'COMMIT') throw new StorageError('STORAGE_BUSY', `PostgreSQL answered COMMIT with ${command}`)
    if (this.#warnings.length > 0)
      throw new StorageError('STORAGE_BUSY', `PostgreSQL warned at COMMIT: ${this.#warnings.join('; ')}`)
  }

  /** Ends the connection without waiting for anything. */
  discard(): void {
    this.#broken = true
    // `end` alone would wait for an answer that may never come.
    socketOf(this.#client).destroy()
  }

  async close(): Promise<void> {
    if (this.#broken) return
    this.#broken = true
    await this.#client.end().catch(() => this.discard())
  }
}

/** The library's types do not name it. */
function socketOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}

/** Connections for reading committed rows, as many as are asked for at once, up to a few. */
export class PostgresReaders {
  readonly sql: Sql
  readonly #pool: pg.Pool

  constructor(options: PostgresOptions) {
    const { timeoutMs } = options
    const onConnect = async (client: pg.ClientBase) => void (await client.query(readingOnly(timeoutMs)))
    const limits = { max: readers, idleTimeoutMillis: 30_000, allowExitOnIdle: true }
    this.#pool = new pg.Pool({ ...clientConfig(options), ...limits, onConnect })
    this.#pool.on('error', () => undefined) // an idle connection ended: the next question opens another
    this.sql = sqlOn(this.#pool)
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}

/** SQLSTATE (PostgreSQL, appendix A) as ours. What a value caused is the value's fault, not the storage's: it stays as it is. */
function databaseError(error: unknown): unknown {
  if (error instanceof StorageError) return error
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : ''
  const reason = error instanceof Error ? error.message : String(error)
  const message = `PostgreSQL: ${reason}${code === '' ? '' : ` (${code})`}`
  const kind = kindOf(code)
  return kind === null ? error : new StorageError(kind, message, { cause: error })
}

function kindOf(code: string): StorageError['code'] | null {
  if (code === '53100') return 'STORAGE_FULL'
  if (code === 'XX001' || code === 'XX002') return 'STORAGE_DAMAGED'
  if (code === '25006' || code === '55P03' || code === '57014') return 'STORAGE_BUSY'
  switch (code.slice(0, 2)) {
    case '22':
    case '23':
      return null
    case '40':
    case '53':
      return 'STORAGE_BUSY'
    case '':
    case '08':
    case '28':
    case '3D':
    case '57':
    case '25':
      return 'STORAGE_UNREACHABLE'
    default:
      return 'STORAGE_FAILED'
  }
}
