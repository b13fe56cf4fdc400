/** {@link WitnessStore} in one SQLite file: `cosigned(origin, size, root, timestamp, checkpoint)`, `state(id)`. */
import { cosignedRows, cosignedTable } from '../sqlite/cosigned-store.ts'
import { openStateFile, stateTable, told } from '../sqlite/state-file-store.ts'
import type { WitnessStore } from './witness-store.ts'

export interface SqliteWitnessStoreOptions {
  /** As in `StateFile`. */
  readonly maxPages?: number
}

/** Opens or creates the file. @throws StoreUnfitError, StoreUnavailableError, SqliteError */
export function openSqliteWitnessStore(path: string, options: SqliteWitnessStoreOptions = {}): WitnessStore {
  const smbw = 0x736d6277
  const migrations = [`${cosignedTable} ${stateTable}`]
  const file = { path, applicationId: smbw, owner: 'a witness', migrations, maxPages: options.maxPages }
  return openStateFile(file, (database, id) => {
    const rows = cosignedRows(database)
    return {
      id,
      transact: (work) => told(() => database.transaction(() => work(rows)).immediate()),
      read: (origin) => told(() => rows.read(origin)),
      origins: () => rows.origins(),
      close: () => void database.close(),
    }
  })
}
