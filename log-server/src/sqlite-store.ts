/**
 * {@link LogStore} in one SQLite file: the embedded default, for one sequencing process.
 *
 * Layout. Entries are kept in the *parts* in which they were committed, never across a bundle boundary, already in wire form:
 *
 *     parts(first, hashes, entries)   entries: uint16 length || bytes, again and again; hashes: 32 bytes an entry
 *     tiles(level, idx, hashes)       level >= 1, 1 to 256 hashes of 32 bytes
 *     head(size, root, epoch, frozen) published(size, checkpoint, epoch)  sizes(size)
 *
 * So the parts of a bundle, one after the other, are the bundle, and their hashes are its level 0 tile; nothing is ever
 * rewritten but the right edge of the upper levels, once in 256 entries; and a batch of 500 entries costs two or three rows.
 *
 * Durability: write-ahead log with `synchronous=FULL`: COMMIT returns after the log is synced. One connection writes, a second
 * one, read-only, serves every read, so that reads see committed rows only.
 */
import { HASH_SIZE, TILE_WIDTH } from '@samebits/core'
import Database from 'better-sqlite3'
import { concatParts, entryInPart, type Part, rangeInParts, splitIntoParts } from './parts.ts'
import type { Sql, SqlValue, StoreExtension } from './sql.ts'
import { DatabaseFiles } from './sqlite-files-store.ts'
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

export interface SqliteStoreOptions<Tables> {
  /** Path of the database file, or `:memory:` never: both connections must see it. */
  readonly path: string
  readonly extension: StoreExtension<Tables>
  /** Refuse to make a new database: everything but `init` says so. */
  readonly mustExist?: boolean
}

const migrations: readonly string[] = [
  `CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, root BLOB NOT NULL, epoch INTEGER NOT NULL) STRICT;
   CREATE TABLE parts (first INTEGER PRIMARY KEY, hashes BLOB NOT NULL, entries BLOB NOT NULL) STRICT;
   CREATE TABLE tiles (level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT;
   CREATE TABLE published (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, checkpoint TEXT NOT NULL) STRICT;
   CREATE TABLE sizes (size INTEGER PRIMARY KEY) STRICT;`,
  // under which lease it was signed: of the same size, the newer lease's stays
  'ALTER TABLE published ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0',
  // the statement with which the log was frozen
  'ALTER TABLE head ADD COLUMN frozen TEXT',
]

/** For a lock that another program holds on the file. The thread waits, so it is short; the log tries again by itself. */
const lockWaitMs = 500

/** 'smbt': marks the file as a log of this project (`PRAGMA application_id`). */
const applicationId = 0x736d6274

/** Opens the database and brings its schema up to date. @throws StorageError */
export function openSqliteStore<Tables>(options: SqliteStoreOptions<Tables>): OpenStore<Tables> {
  return guarded(() => {
    const writer = new Database(options.path, { fileMustExist: options.mustExist ?? false, timeout: lockWaitMs })
    try {
      prepareWriter(writer)
      migrate(writer, 'log', migrations)
      migrate(writer, options.extension.name, options.extension.migrations)
      const reader = openReader(options.path)
      const tables = options.extension.open({ writer: sqliteSql(writer), reader: sqliteSql(reader) })
      return new SqliteLogStore(writer, reader, tables, new DatabaseFiles(options.path, writer))
    } catch (error) {
      writer.close()
      throw error
    }
  })
}

/** Pages of one step of a backup: short enough that a server beside it goes on. */
const backupPages = 500

/**
 * Copies a database, as it is at one moment, to a new file, beside a running server or without one.
 * @throws StorageError
 */
export async function backupSqlite(
  path: string,
  to: string,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const reader = guarded(() => openReader(path))
  try {
    await reader.backup(to, {
      progress({ totalPages, remainingPages }) {
        onProgress(totalPages - remainingPages, totalPages)
        return backupPages
      },
    })
  } catch (error) {
    throw storageError(error)
  } finally {
    reader.close()
  }
}

/** Opens the database for reading only, beside a running server or without one. @throws StorageError */
export function openSqliteReader(path: string): LogReader {
  return guarded(() => new SqliteLogReader(openReader(path)))
}

/** Statements of an extension, each prepared once. */
function sqliteSql(db: Database.Database): Sql {
  const prepared = new Map<string, Database.Statement<SqlValue[]>>()
  const prepare = (statement: string) => {
    const known = prepared.get(statement) ?? db.prepare<SqlValue[]>(statement)
    prepared.set(statement, known)
    return known
  }
  return {
    all: async <Row extends object>(statement: string, ...values: readonly SqlValue[]) =>
      prepare(statement).all(...values) as Row[],
    run: async (statement, ...values) => void prepare(statement).run(...values),
  }
}

function openReader(path: string): Database.Database {
  const reader = new Database(path, { readonly: true, timeout: lockWaitMs })
  reader.pragma('cache_size = -16000')
  if (reader.pragma('application_id', { simple: true }) !== applicationId) {
    reader.close()
    throw new StorageError('STORAGE_DAMAGED', 'the database file is not one of this program')
  }
  return reader
}

function prepareWriter(writer: Database.Database): void {
  const id = writer.pragma('application_id', { simple: true })
  if (id !== applicationId) {
    const tables = writer.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get()
    if (tables !== 0) throw new StorageError('STORAGE_DAMAGED', 'the database file is not one of this program')
    writer.pragma('page_size = 8192')
    writer.pragma(`application_id = ${applicationId}`)
  }
  writer.pragma('journal_mode = WAL')
  writer.pragma('synchronous = FULL')
  writer.pragma('fullfsync = ON') // macOS: fsync alone does not reach the platter there
  writer.pragma('cache_size = -16000')
  writer.pragma('wal_autocheckpoint = 0') // see DatabaseFiles
}

function migrate(writer: Database.Database, part: string, scripts: readonly string[]): void {
  writer.exec('CREATE TABLE IF NOT EXISTS schema_versions (part TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT')
  writer
    .transaction(() => {
      const version =
        writer.prepare<[string], number>('SELECT version FROM schema_versions WHERE part = ?').pluck().get(part) ?? 0
      if (version > scripts.length)
        throw new StorageError(
          'STORAGE_DAMAGED',
          `the ${part} tables are of version ${version}, newer than this program`,
        )
      for (const script of scripts.slice(version)) writer.exec(script)
      writer.prepare('INSERT OR REPLACE INTO schema_versions VALUES (?, ?)').run(part, scripts.length)
    })
    .immediate()
}

interface HeadRow {
  size: number
  root: Uint8Array
  epoch: number
}

interface FrozenRow {
  frozen: string | null
}

/** The reading half, over one read-only connection. */
class SqliteLogReader implements LogReader {
  readonly #reader: Database.Database
  readonly #sql: ReadStatements

  constructor(reader: Database.Database) {
    this.#reader = reader
    this.#sql = readStatements(reader)
  }

  async head(): Promise<Head | null> {
    return guarded(() => asHead(this.#sql.head.get()))
  }

  async entries(index: number, width: number): Promise<Uint8Array | null> {
    const first = index * TILE_WIDTH
    return guarded(() => concatParts(this.#sql.parts.all(first, first + width), first, width, 'entries'))
  }

  async tile(level: number, index: number, width: number): Promise<Uint8Array | null> {
    return guarded(() => {
      const first = index * TILE_WIDTH
      if (level === 0) return concatParts(this.#sql.hashes.all(first, first + width), first, width, 'hashes')
      const hashes = this.#sql.tile.get(level, index)
      if (hashes === undefined || hashes.length < width * HASH_SIZE) return null
      return hashes.subarray(0, width * HASH_SIZE)
    })
  }

  async entry(index: number): Promise<Uint8Array | null> {
    return guarded(() => {
      const part = this.#sql.partOf.get(index)
      return part === undefined ? null : entryInPart(part, index)
    })
  }

  async range(from: number, to: number): Promise<EntryRange | null> {
    return guarded(() => rangeInParts(this.#sql.partsFrom.all(from, to), from, to))
  }

  async published(): Promise<Publication | null> {
    return guarded(() => this.#sql.published.get() ?? null)
  }

  async frozen(): Promise<string | null> {
    return guarded(() => this.#sql.frozen?.get() ?? null)
  }

  async sizes(since: number, limit: number): Promise<readonly number[]> {
    return guarded(() => this.#sql.sizes.all(since, limit))
  }

  async close(): Promise<void> {
    guarded(() => this.#reader.close())
  }
}

class SqliteLogStore<Tables> extends SqliteLogReader implements OpenStore<Tables> {
  readonly tables: Tables
  readonly #writer: Database.Database
  readonly #sql: WriteStatements
  readonly #files: DatabaseFiles
  #turn: Promise<unknown> = Promise.resolve()

  constructor(writer: Database.Database, reader: Database.Database, tables: Tables, files: DatabaseFiles) {
    super(reader)
    this.#files = files
    this.#writer = writer
    this.tables = tables
    this.#sql = writeStatements(writer)
  }

  create(emptyRoot: Uint8Array): Promise<Head> {
    return this.#transaction(async () => {
      const present = asHead(this.#sql.head.get())
      if (present !== null) throw new HeadMovedError(present)
      this.#sql.begun.run(emptyRoot)
      return { size: 0, root: emptyRoot, epoch: 0 }
    })
  }

  takeLease(epoch: number, next = epoch + 1): Promise<Head> {
    return this.#transaction(async () => {
      const present = asHead(this.#sql.head.get())
      if (present === null || present.epoch !== epoch) throw new HeadMovedError(present)
      if (next <= epoch) throw new RangeError('an epoch is raised')
      const head = { ...present, epoch: next }
      this.#sql.setHead.run(head.size, head.root, head.epoch)
      return head
    })
  }

  commit<R>(expected: Head, work: (tx: LogTransaction<Tables>) => Promise<R>): Promise<{ head: Head; result: R }> {
    return this.#transaction(async () => {
      const row = this.#sql.head.get()
      const present = asHead(row)
      if (present === null || !sameHead(present, expected)) throw new HeadMovedError(present)
      let head = expected
      const append = async (change: Append): Promise<void> => {
        if (head !== expected) throw new RangeError('one append a transaction')
        if (row?.frozen) throw new FrozenError()
        head = this.#append(expected, change)
      }
      const result = await work({ tables: this.tables, append })
      return { head, result }
    })
  }

  update<R>(work: (tables: Tables) => Promise<R>): Promise<R> {
    return this.#transaction(() => work(this.tables))
  }

  #append(expected: Head, change: Append): Head {
    for (const part of splitIntoParts(expected.size, change.entries, change.leafHashes))
      this.#sql.addPart.run(part.first, part.hashes, part.entries)
    for (const tile of change.tiles) this.#sql.setTile.run(tile.level, tile.index, tile.hashes)
    const head = { size: expected.size + change.entries.length, root: change.root, epoch: expected.epoch }
    this.#sql.setHead.run(head.size, head.root, head.epoch)
    return head
  }

  publish(publication: Publication, epoch: number): Promise<boolean> {
    return this.#transaction(async () => {
      const present = this.#sql.publishedAt.get()
      if (present !== undefined && (present.size > publication.size || present.epoch > epoch)) return false
      this.#sql.setPublished.run(publication.size, publication.checkpoint, epoch)
      this.#sql.addSize.run(publication.size)
      return true
    })
  }

  freeze(expected: Head, statement: string): Promise<Head> {
    return this.#transaction(async () => {
      const row = this.#sql.head.get()
      const present = asHead(row)
      if (present === null || !sameHead(present, expected)) throw new HeadMovedError(present)
      if (row?.frozen) return present
      this.#sql.freeze.run(present.epoch + 1, statement)
      return { ...present, epoch: present.epoch + 1 }
    })
  }

  override async close(): Promise<void> {
    await this.#turn
    await super.close()
    guarded(() => this.#writer.close())
  }

  /** Transactions share one connection: one after the other. */
  #transaction<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#turn.then(() => this.#run(work))
    this.#turn = result.then(nothing, nothing)
    return result
  }

  async #run<R>(work: () => Promise<R>): Promise<R> {
    this.#files.demandUntouched()
    guarded(() => this.#sql.begin.run())
    let result: R
    try {
      result = await work()
    } catch (error) {
      this.#rollback()
      this.#files.settle()
      throw storageError(error)
    }
    try {
      this.#sql.commit.run()
      this.#files.afterCommit()
      this.#files.checkpoint()
    } catch (error) {
      this.#rollback()
      this.#files.settle()
      throw new CommitUnknownError('COMMIT failed', { cause: storageError(error) })
    }
    return result
  }

  /** SQLite has rolled back by itself after a full disk and the like. */
  #rollback(): void {
    if (this.#writer.inTransaction) guarded(() => this.#sql.rollback.run())
  }
}

const nothing = () => undefined
const selectHead = 'SELECT size, root, epoch FROM head'
const selectPublished = 'SELECT size, checkpoint FROM published'

type WriteStatements = ReturnType<typeof writeStatements>
function writeStatements(db: Database.Database) {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    head: db.prepare<[], HeadRow & FrozenRow>('SELECT size, root, epoch, frozen FROM head'),
    begun: db.prepare<[Uint8Array]>('INSERT INTO head VALUES (1, 0, ?, 0, NULL)'),
    setHead: db.prepare<[number, Uint8Array, number]>('UPDATE head SET size = ?, root = ?, epoch = ?'),
    freeze: db.prepare<[number, string]>('UPDATE head SET epoch = ?, frozen = ?'),
    addPart: db.prepare<[number, Uint8Array, Uint8Array]>('INSERT INTO parts VALUES (?, ?, ?)'),
    setTile: db.prepare<[number, number, Uint8Array]>(
      'INSERT INTO tiles VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hashes = excluded.hashes',
    ),
    publishedAt: db.prepare<[], { size: number; epoch: number }>('SELECT size, epoch FROM published'),
    setPublished: db.prepare<[number, string, number]>('INSERT OR REPLACE INTO published VALUES (1, ?, ?, ?)'),
    addSize: db.prepare<[number]>('INSERT OR IGNORE INTO sizes VALUES (?)'),
  }
}

type ReadStatements = ReturnType<typeof readStatements>
function readStatements(db: Database.Database) {
  const range = 'FROM parts WHERE first >= ? AND first < ? ORDER BY first'
  return {
    // a database may be read before its schema is brought up to date
    frozen: hasColumn(db, 'frozen') ? db.prepare<[], string | null>('SELECT frozen FROM head').pluck() : null,
    head: db.prepare<[], HeadRow>(selectHead),
    parts: db.prepare<[number, number], Part>(`SELECT first, hashes, entries ${range}`),
    partsFrom: db.prepare<[number, number], Part>(
      `SELECT first, hashes, entries FROM parts
       WHERE first >= (SELECT max(first) FROM parts WHERE first <= ?) AND first < ? ORDER BY first`,
    ),
    hashes: db.prepare<[number, number], Omit<Part, 'entries'>>(`SELECT first, hashes ${range}`),
    partOf: db.prepare<[number], Part>(
      'SELECT first, hashes, entries FROM parts WHERE first <= ? ORDER BY first DESC LIMIT 1',
    ),
    tile: db.prepare<[number, number], Uint8Array>('SELECT hashes FROM tiles WHERE level = ? AND idx = ?').pluck(),
    published: db.prepare<[], Publication>(selectPublished),
    sizes: db.prepare<[number, number], number>('SELECT size FROM sizes WHERE size > ? ORDER BY size LIMIT ?').pluck(),
  }
}

function hasColumn(db: Database.Database, name: string): boolean {
  return db.prepare<[string]>("SELECT 1 FROM pragma_table_info('head') WHERE name = ?").get(name) !== undefined
}

function asHead(row: HeadRow | undefined): Head | null {
  if (row === undefined) return null
  if (row.root.length !== HASH_SIZE) throw new StorageError('STORAGE_DAMAGED', 'the head row holds no root hash')
  return { size: row.size, root: new Uint8Array(row.root), epoch: row.epoch }
}

function guarded<R>(work: () => R): R {
  try {
    return work()
  } catch (error) {
    throw storageError(error)
  }
}

/** SQLite's result codes as ours (sqlite.org/rescode.html); everything else as it is. */
function storageError(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  const message = `SQLite: ${error.message} (${error.code})`
  const primary = error.code.split('_')[1]
  if (primary === 'FULL') return new StorageError('STORAGE_FULL', message, { cause: error })
  if (primary === 'BUSY' || primary === 'LOCKED') return new StorageError('STORAGE_BUSY', message, { cause: error })
  if (primary === 'CORRUPT' || primary === 'NOTADB')
    return new StorageError('STORAGE_DAMAGED', message, { cause: error })
  return new StorageError('STORAGE_FAILED', message, { cause: error })
}
