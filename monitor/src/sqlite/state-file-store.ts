/**
 * A state in one SQLite file: write-ahead log with `synchronous=FULL`, so that COMMIT returns after the log is synced; a mark that
 * says whose state it is, a schema that grows by migrations, and an id of its own.
 */
import Database from 'better-sqlite3'
import { StoreUnavailableError, StoreUnfitError } from '../witness/witness-store.ts'

export interface StateFile {
  readonly path: string
  /** Four ASCII letters as a big-endian number: marks whose state the file is (`PRAGMA application_id`). */
  readonly applicationId: number
  /** As in "no state of a witness". */
  readonly owner: string
  /** SQL scripts; the n-th brings the schema from version n to n + 1 (`PRAGMA user_version`). Only ever appended to. */
  readonly migrations: readonly string[]
  /** Most pages of the file, 4 KiB each; SQLite's own limit unless told. Past it the disk counts as full. */
  readonly maxPages?: number | undefined
  /** How long another program's lock on the file is waited for. The thread waits: short where clients ask again. */
  readonly lockWaitMs?: number
}

/** The table that every state has: an id, made at random with the file. */
export const stateTable = `CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT;
   INSERT INTO state VALUES (1, lower(hex(randomblob(16))));`

/** Default of `lockWaitMs`. */
const shortLockWaitMs = 500

/** Opens or creates the file, with the newest schema. @throws StoreUnfitError, SqliteError */
export function openStateDatabase(file: StateFile): Database.Database {
  const database = new Database(file.path, { timeout: file.lockWaitMs ?? shortLockWaitMs })
  try {
    prepare(database, file)
    migrate(database, file)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Opens or creates the file and hands it to `use`; closes it again where that fails.
 * @throws StoreUnfitError, StoreUnavailableError, SqliteError
 */
export function openStateFile<T>(file: StateFile, use: (database: Database.Database, id: string) => T): T {
  const database = told(() => openStateDatabase(file))
  try {
    return told(() => {
      if (file.maxPages !== undefined) database.pragma(`max_page_count = ${file.maxPages}`)
      const id = database.prepare<[], string>('SELECT id FROM state').pluck().get()
      if (id === undefined) throw new StoreUnfitError('STATE_FOREIGN', 'the state has no id')
      return use(database, id)
    })
  } catch (error) {
    database.close()
    throw error
  }
}

function prepare(database: Database.Database, { applicationId, owner }: StateFile): void {
  if (Number(database.pragma('application_id', { simple: true })) !== applicationId) {
    const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get()
    if (tables !== 0) throw new StoreUnfitError('STATE_FOREIGN', `the database is no state of ${owner}`)
    database.pragma(`application_id = ${applicationId}`)
  }
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('fullfsync = ON') // macOS: fsync alone does not reach the platter there
}

function migrate(database: Database.Database, { migrations }: StateFile): void {
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

/** SQLITE_FULL and SQLITE_BUSY roll back whole and leave the committed rows alone (sqlite.org/lang_transaction.html). */
export function told<T>(work: () => T): T {
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
