/**
 * {@link LogStore} in PostgreSQL: for several server processes on several machines, one of which sequences at a time.
 *
 * The tables are those of `sqlite-store.ts`, in PostgreSQL's spelling. Every transaction begins by locking the one row of
 * `head`, so that writers follow one another whatever process they are in; a commit goes on only if that row is the expected
 * one, epoch included (docs/log.md rule 1). No session lock, no clock. One connection writes, a few others read.
 */
import { HASH_SIZE, TILE_WIDTH } from '@samebits/core'
import { concatParts, entryInPart, type Part, rangeInParts, splitIntoParts } from './parts.ts'
import { type PostgresOptions, PostgresReaders, PostgresSession } from './postgres-session-store.ts'
import { postgresScript, type Sql, type StoreExtension } from './sql.ts'
import {
  type Append,
  CommitUnknownError,
  type EntryRange,
  FrozenError,
  type Head,
  HeadMovedError,
  type LogReader,
  type LogTransaction,
  type OpenStore,
  type Publication,
  StorageError,
  sameHead,
} from './store.ts'

export interface PostgresStoreOptions<Tables> extends PostgresOptions {
  readonly extension: StoreExtension<Tables>
  /** Make the tables where there are none: only `init` says so. */
  readonly create?: boolean
}

/** As in `sqlite-store.ts`; the leader's row is explained in `postgres-election-store.ts`. */
const migrations: readonly string[] = [
  `CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, root BLOB NOT NULL, epoch INTEGER NOT NULL) STRICT;
   CREATE TABLE parts (first INTEGER PRIMARY KEY, hashes BLOB NOT NULL, entries BLOB NOT NULL) STRICT;
   CREATE TABLE tiles (level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT;
   CREATE TABLE published (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, checkpoint TEXT NOT NULL, epoch INTEGER NOT NULL) STRICT;
   CREATE TABLE sizes (size INTEGER PRIMARY KEY) STRICT;
   CREATE TABLE leader (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, node TEXT NOT NULL, url TEXT NOT NULL,
     beat INTEGER NOT NULL, time INTEGER NOT NULL) STRICT;`,
  'ALTER TABLE head ADD COLUMN frozen TEXT',
]

/** Connects, and brings the schema up to date. @throws StorageError */
export async function openPostgresStore<Tables>(options: PostgresStoreOptions<Tables>): Promise<OpenStore<Tables>> {
  const session = await PostgresSession.connect(options)
  try {
    await migrate(session, options)
  } finally {
    await session.close()
  }
  return new PostgresLogStore(options)
}

/** For reading only, beside running servers. The schema is taken as it is. */
export function openPostgresReader(options: PostgresOptions): LogReader {
  return new PostgresLogReader(new PostgresReaders(options))
}

async function migrate<Tables>(session: PostgresSession, { extension, create = false }: PostgresStoreOptions<Tables>) {
  const { sql } = session
  const there = await sql.all(
    'SELECT 1 AS one FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = ?',
    'schema_versions',
  )
  if (there.length === 0 && !create) throw new StorageError('STORAGE_DAMAGED', 'the database holds no log')
  if (there.length === 0)
    await session.script(
      postgresScript(
        'CREATE TABLE IF NOT EXISTS schema_versions (part TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT',
      ),
    )
  await session.script('BEGIN; LOCK TABLE schema_versions IN EXCLUSIVE MODE')
  await bring(session, 'log', migrations)
  await bring(session, extension.name, extension.migrations)
  await session.commit()
}

async function bring(session: PostgresSession, part: string, scripts: readonly string[]): Promise<void> {
  const [row] = await session.sql.all<{ version: number }>('SELECT version FROM schema_versions WHERE part = ?', part)
  const version = row?.version ?? 0
  if (version > scripts.length)
    throw new StorageError('STORAGE_DAMAGED', `the ${part} tables are of version ${version}, newer than this program`)
  for (const script of scripts.slice(version)) await session.script(postgresScript(script))
  const set = 'INSERT INTO schema_versions VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET version = excluded.version'
  if (version < scripts.length) await session.sql.run(set, part, scripts.length)
}

class PostgresLogReader implements LogReader {
  readonly #readers: PostgresReaders

  constructor(readers: PostgresReaders) {
    this.#readers = readers
  }

  async head(): Promise<Head | null> {
    const [row] = await this.#readers.sql.all<Head>(sql.head)
    return asHead(row)
  }

  async entries(index: number, width: number): Promise<Uint8Array | null> {
    const first = index * TILE_WIDTH
    return concatParts(await this.#readers.sql.all<Part>(sql.parts, first, first + width), first, width, 'entries')
  }

  async tile(level: number, index: number, width: number): Promise<Uint8Array | null> {
    if (level === 0) return this.#leafHashes(index * TILE_WIDTH, width)
    const [row] = await this.#readers.sql.all<{ hashes: Uint8Array }>(sql.tile, level, index)
    if (row === undefined || row.hashes.length < width * HASH_SIZE) return null
    return row.hashes.subarray(0, width * HASH_SIZE)
  }

  async #leafHashes(first: number, width: number): Promise<Uint8Array | null> {
    const parts = await this.#readers.sql.all<Omit<Part, 'entries'>>(sql.hashes, first, first + width)
    return concatParts(parts, first, width, 'hashes')
  }

  async entry(index: number): Promise<Uint8Array | null> {
    const [part] = await this.#readers.sql.all<Part>(sql.partOf, index)
    return part === undefined ? null : entryInPart(part, index)
  }

  async range(from: number, to: number): Promise<EntryRange | null> {
    return rangeInParts(await this.#readers.sql.all<Part>(sql.partsFrom, from, to), from, to)
  }

  async published(): Promise<Publication | null> {
    const [row] = await this.#readers.sql.all<Publication>(sql.published)
    return row ?? null
  }

  async frozen(): Promise<string | null> {
    const [row] = await this.#readers.sql.all<{ frozen: string | null }>(sql.frozen)
    return row?.frozen ?? null
  }

  async sizes(since: number, limit: number): Promise<readonly number[]> {
    return (await this.#readers.sql.all<{ size: number }>(sql.sizes, since, limit)).map(({ size }) => size)
  }

  close(): Promise<void> {
    return this.#readers.close()
  }
}

interface HeadRow extends Head {
  readonly frozen: string | null
}

/** In a transaction that has locked the head's row. */
type Work<R> = (writer: Sql, present: Head | null, frozen: boolean) => Promise<R>

class PostgresLogStore<Tables> extends PostgresLogReader implements OpenStore<Tables> {
  readonly tables: Tables
  readonly #options: PostgresOptions
  #session: PostgresSession | null = null
  /** The transaction under way. */
  #current: Sql | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: PostgresStoreOptions<Tables>) {
    const readers = new PostgresReaders(options)
    super(readers)
    this.#options = options
    this.tables = options.extension.open({ writer: this.#inTransaction(), reader: readers.sql })
  }

  /** Whatever connection the transaction has. */
  #inTransaction(): Sql {
    const current = () => {
      if (this.#current === null) throw new RangeError('tables are written inside a transaction')
      return this.#current
    }
    return {
      all: async (statement, ...values) => current().all(statement, ...values),
      run: async (statement, ...values) => current().run(statement, ...values),
    }
  }

  create(emptyRoot: Uint8Array): Promise<Head> {
    return this.#transaction(async (writer, present) => {
      if (present !== null) throw new HeadMovedError(present)
      await writer.run('INSERT INTO head VALUES (1, 0, ?, 0, NULL)', emptyRoot)
      return { size: 0, root: emptyRoot, epoch: 0 }
    })
  }

  takeLease(epoch: number, next = epoch + 1): Promise<Head> {
    return this.#transaction(async (writer, present) => {
      if (present === null || present.epoch !== epoch) throw new HeadMovedError(present)
      if (next <= epoch) throw new RangeError('an epoch is raised')
      await writer.run('UPDATE head SET epoch = ?', next)
      return { ...present, epoch: next }
    })
  }

  commit<R>(expected: Head, work: (tx: LogTransaction<Tables>) => Promise<R>): Promise<{ head: Head; result: R }> {
    return this.#transaction(async (writer, present, frozen) => {
      if (present === null || !sameHead(present, expected)) throw new HeadMovedError(present)
      let head = expected
      const append = async (change: Append): Promise<void> => {
        if (head !== expected) throw new RangeError('one append a transaction')
        if (frozen) throw new FrozenError()
        head = { size: expected.size + change.entries.length, root: change.root, epoch: expected.epoch }
        await appendRows(writer, expected, change, head)
      }
      const result = await work({ tables: this.tables, append })
      return { head, result }
    })
  }

  update<R>(work: (tables: Tables) => Promise<R>): Promise<R> {
    return this.#transaction(() => work(this.tables))
  }

  publish(publication: Publication, epoch: number): Promise<boolean> {
    return this.#transaction(async (writer) => {
      const [present] = await writer.all<{ size: number; epoch: number }>('SELECT size, epoch FROM published')
      if (present !== undefined && (present.size > publication.size || present.epoch > epoch)) return false
      await Promise.all([
        writer.run(sql.setPublished, publication.size, publication.checkpoint, epoch),
        writer.run('INSERT INTO sizes VALUES (?) ON CONFLICT DO NOTHING', publication.size),
      ])
      return true
    })
  }

  freeze(expected: Head, statement: string): Promise<Head> {
    return this.#transaction(async (writer, present, frozen) => {
      if (present === null || !sameHead(present, expected)) throw new HeadMovedError(present)
      if (frozen) return present
      await writer.run('UPDATE head SET epoch = ?, frozen = ?', present.epoch + 1, statement)
      return { ...present, epoch: present.epoch + 1 }
    })
  }

  override async close(): Promise<void> {
    await this.#turn
    await super.close()
    await this.#session?.close()
  }

  /** Transactions share one connection: one after the other. */
  #transaction<R>(work: Work<R>): Promise<R> {
    const result = this.#turn.then(() => this.#run(work))
    this.#turn = result.then(nothing, nothing)
    return result
  }

  async #run<R>(work: Work<R>): Promise<R> {
    const session = await this.#connected()
    let result: R
    try {
      const { sql: writer } = session
      const [, [row]] = await Promise.all([writer.run('BEGIN'), writer.all<HeadRow>(sql.lockHead)])
      this.#current = writer
      result = await work(writer, asHead(row), row !== undefined && row.frozen !== null)
    } catch (error) {
      await this.#rollback(session)
      throw error
    } finally {
      this.#current = null
    }
    try {
      await session.commit()
    } catch (error) {
      session.discard()
      throw new CommitUnknownError('the answer to COMMIT was lost', { cause: error })
    }
    return result
  }

  async #connected(): Promise<PostgresSession> {
    if (this.#session === null || this.#session.broken) this.#session = await PostgresSession.connect(this.#options)
    return this.#session
  }

  /** A connection that cannot roll back is ended: that rolls back, too. */
  async #rollback(session: PostgresSession): Promise<void> {
    if (session.broken) return
    await session.sql.run('ROLLBACK').catch(() => session.discard())
  }
}

async function appendRows(writer: Sql, expected: Head, change: Append, head: Head): Promise<void> {
  const parts = splitIntoParts(expected.size, change.entries, change.leafHashes)
  await Promise.all([
    ...parts.map((part) => writer.run('INSERT INTO parts VALUES (?, ?, ?)', part.first, part.hashes, part.entries)),
    ...change.tiles.map((tile) => writer.run(sql.setTile, tile.level, tile.index, tile.hashes)),
    writer.run('UPDATE head SET size = ?, root = ?', head.size, head.root),
  ])
}

const nothing = () => undefined
const partsWhere = 'FROM parts WHERE first >= ? AND first < ? ORDER BY first'

const sql = {
  head: 'SELECT size, root, epoch FROM head',
  // as JSON, because the schema may be older than this program
  frozen: `SELECT to_jsonb(head) ->> 'frozen' AS frozen FROM head`,
  lockHead: 'SELECT size, root, epoch, frozen FROM head FOR UPDATE',
  parts: `SELECT first, hashes, entries ${partsWhere}`,
  hashes: `SELECT first, hashes ${partsWhere}`,
  partsFrom: `SELECT first, hashes, entries FROM parts
     WHERE first >= (SELECT max(first) FROM parts WHERE first <= ?) AND first < ? ORDER BY first`,
  partOf: 'SELECT first, hashes, entries FROM parts WHERE first <= ? ORDER BY first DESC LIMIT 1',
  tile: 'SELECT hashes FROM tiles WHERE level = ? AND idx = ?',
  setTile: 'INSERT INTO tiles VALUES (?, ?, ?) ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes',
  published: 'SELECT size, checkpoint FROM published',
  setPublished: `INSERT INTO published VALUES (1, ?, ?, ?) ON CONFLICT (one)
     DO UPDATE SET size = excluded.size, checkpoint = excluded.checkpoint, epoch = excluded.epoch`,
  sizes: 'SELECT size FROM sizes WHERE size > ? ORDER BY size LIMIT ?',
}

function asHead(row: Head | undefined): Head | null {
  if (row === undefined) return null
  if (row.root.length !== HASH_SIZE) throw new StorageError('STORAGE_DAMAGED', 'the head row holds no root hash')
  return { size: row.size, root: new Uint8Array(row.root), epoch: row.epoch }
}
