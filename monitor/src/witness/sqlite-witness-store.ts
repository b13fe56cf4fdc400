/**
 * {@link WitnessStore} in one SQLite file: `cosigned(origin, size, root, timestamp, checkpoint)`, write-ahead log with
 * `synchronous=FULL`, so that COMMIT returns after the log is synced.
 */
import type { WitnessRecord } from '@samebits/core'
import Database from 'better-sqlite3'
import type { WitnessStore, WitnessTransaction } from './witness-store.ts'

/** SQL scripts; the n-th brings the schema from version n to n + 1 (`PRAGMA user_version`). Only ever appended to. */
const migrations: readonly string[] = [
  `CREATE TABLE cosigned (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,
     timestamp INTEGER NOT NULL, checkpoint TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
]

interface Row {
  readonly size: number
  readonly root: Buffer
  readonly timestamp: number
  readonly checkpoint: string
}

/** Opens or creates the file. @throws SqliteError */
export function openSqliteWitnessStore(path: string): WitnessStore {
  const database = new Database(path, { timeout: 5000 })
  try {
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    migrate(database)
    return storeOf(database)
  } catch (error) {
    database.close()
    throw error
  }
}

function migrate(database: Database.Database): void {
  const version = Number(database.pragma('user_version', { simple: true }))
  if (version > migrations.length) throw new Error('the witness state was written by a newer version')
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
  const origins = database.prepare<[], { origin: string }>('SELECT origin FROM cosigned ORDER BY origin')
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
    transact: (work) => database.transaction(() => work(transaction)).immediate(),
    read,
    origins: () => origins.all().map(({ origin }) => origin),
    close: () => void database.close(),
  }
}
