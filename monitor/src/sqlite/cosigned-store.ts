/** The rows in which a witness or a mirror keeps the checkpoint that it accepted last of each log. */
import type { WitnessRecord } from '@samebits/core'
import type Database from 'better-sqlite3'
import type { WitnessTransaction } from '../witness/witness-store.ts'

export const cosignedTable = `CREATE TABLE cosigned (
     origin TEXT PRIMARY KEY, size INTEGER NOT NULL CHECK (size >= 0), root BLOB NOT NULL CHECK (length(root) = 32),
     timestamp INTEGER NOT NULL CHECK (timestamp > 0), checkpoint TEXT NOT NULL) STRICT, WITHOUT ROWID;`

interface Row {
  readonly size: number
  readonly root: Buffer
  readonly timestamp: number
  readonly checkpoint: string
}

/** Statements over `cosignedTable`; `origins` are sorted by code point. */
export function cosignedRows(database: Database.Database): WitnessTransaction & { origins(): readonly string[] } {
  const select = database.prepare<[string], Row>(
    'SELECT size, root, timestamp, checkpoint FROM cosigned WHERE origin = ?',
  )
  const upsert = database.prepare<[string, number, Uint8Array, number, string]>(
    `INSERT INTO cosigned VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE SET
       size = excluded.size, root = excluded.root, timestamp = excluded.timestamp, checkpoint = excluded.checkpoint`,
  )
  const origins = database.prepare<[], string>('SELECT origin FROM cosigned ORDER BY origin').pluck()
  return {
    read(origin) {
      const row = select.get(origin)
      return row === undefined ? null : { ...row, root: Uint8Array.from(row.root) }
    },
    write(origin, { size, root, timestamp, checkpoint }: WitnessRecord) {
      upsert.run(origin, size, root, timestamp, checkpoint)
    },
    origins: () => origins.all(),
  }
}
