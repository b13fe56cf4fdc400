/**
 * {@link WitnessStore} in one SQLite file: `cosigned(origin, size, root, timestamp, checkpoint)`, `state(id)`, write-ahead log with
 * `synchronous=FULL`, so that COMMIT returns after the log is synced.
 */
import type { WitnessRecord } from '@samebits/core'
import Database from 'better-sqlite3'
import { StoreUnavailableError, StoreUnfitError, type WitnessStore, type WitnessTransaction } from './witness-store.ts'

/** SQL scripts; the n-th brings the schema from version n to n + 1 (`PRAGMA user_version`). Only ever appended to. */
const migrations: readonly string[] = [
  `CREATE TABLE cosigned (
     origin TEXT PRIMARY KEY, size INTEGER NOT NULL CHECK (size >= 0), root BLOB NOT NULL CHECK (length(root) = 32),
     timestamp INTEGER NOT NULL CHECK (timestamp > 0), checkpoint TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT;
   INSERT INTO state VALUES (1, lower(hex(randomblob(16))));`,
]

/** 'smbw': marks the file as a witness's state (`PRAGMA application_id`). */
const applicationId = 0x736d6277

/** For a lock that another program holds on the file. The thread waits, so it is short; clients ask again. */
const lockWaitMs = 500

interface Row {
  readonly size: number
  readonly root: Buffer
  readonly timestamp: number
  readonly checkpoint: string
}

export interface SqliteWitnessStoreOptions {
  /** Most pages of the file, 4 KiB each; SQLite's own limit unless told. Past it the disk counts as full. */
  readonly maxPages?: number
}

/** Opens or creates the file. @throws StoreUnfitError, StoreUnavailableError, SqliteError */
export function openSqliteWitnessStore(path: string, options: SqliteWitnessStoreOptions = {}): WitnessStore {
  const database = new Database(path, { timeout: lockWaitMs })
  try {
    return told(() => {
      prepare(database)
      migrate(database)
      if (options.maxPages !== undefined) database.pragma(`max_page_count = ${options.maxPages}`)
      return storeOf(database)
    })
  } catch (error) {
    database.close()
    throw error
  }
}

function prepare(database: Database.Database): void {
  if (Number(database.pragma('application_id', { simple: true })) !== applicationId) {
    const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get()
    if (tables !== 0) throw new StoreUnfitError('STATE_FOREIGN', 'the database is no state of a witness')
    database.pragma(`application_id = ${applicationId}`)
  }
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('fullfsync = ON') // macOS: fsync alone does not reach the platter there
}

function migrate(database: Database.Database): void {
  const version = Number(database.pragma('user_version', { simple: true }))
  if (version > migrations.length)
    throw new StoreUnfitError('STATE_NEWER', `the state has schema ${version}, this version knows ${migrations.length}`)
  for (const [at, script] of migrations.entries()) {
    if (at < version) continue
    database.transaction(() => {
      database.exec(script)
      database.pragma(`user_version = ${at + 1}`)
    })()
  }
}

function storeOf(database: Database.Database): WitnessStore {
  const select = database.prepare<[string], Row>(
    'SELECT size, root, timestamp, checkpoint FROM cosigned WHERE origin = ?',
  )
  const upsert = database.prepare<[string, number, Uint8Array, number, string]>(
    `INSERT INTO cosigned VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE SET
       size = excluded.size, root = excluded.root, timestamp = excluded.timestamp, checkpoint = excluded.checkpoint`,
  )
  const origins = database.prepare<[], string>('SELECT origin FROM cosigned ORDER BY origin').pluck()
  const id = database.prepare<[], string>('SELECT id FROM state').pluck().get()
  if (id === undefined) throw new StoreUnfitError('STATE_FOREIGN', 'the state has no id')
  const read = (origin: string): WitnessRecord | null => {
    const row = select.get(origin)
    return row === undefined ? null : { ...row, root: Uint8Array.from(row.root) }
  }
  const transaction: WitnessTransaction = {
    read,
    write(origin, { size, root, timestamp, checkpoint }) {
      upsert.run(origin, size, root, timestamp, checkpoint)
    },
  }
  return {
    id,
    transact: (work) => told(() => database.transaction(() => work(transaction)).immediate()),
    read: (origin) => told(() => read(origin)),
    origins: () => origins.all(),
    close: () => void database.close(),
  }
}

/** SQLITE_FULL and SQLITE_BUSY roll back whole and leave the committed rows alone (sqlite.org/lang_transaction.html). */
function told<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof Database.SqliteError && /^SQLITE_(?:FULL|BUSY|LOCKED)/.test(cause.code))
      throw new StoreUnavailableError(cause.code === 'SQLITE_FULL' ? 'the disk is full' : 'the state is locked', {
        cause,
      })
    throw cause
  }
}
