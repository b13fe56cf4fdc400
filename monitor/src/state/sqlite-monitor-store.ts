/** {@link MonitorStore} in one SQLite file, table by table in the files beside this one. */
import { alertReader, alertWriter } from './alerts-store.ts'
import { cosignedReader, cosignedWriter } from './cosigned-sizes-store.ts'
import type { MonitorReader, MonitorStore, MonitorWriter } from './monitor-store.ts'
import { Names } from './names-store.ts'
import { productReader, productWriter } from './products-store.ts'
import { openMonitorDatabase } from './schema-store.ts'
import { statementTables } from './statements-store.ts'
import { treeReader, treeWriter } from './trees-store.ts'

/** Opens or creates the file. @throws StoreUnfitError, SqliteError */
export function openSqliteMonitorStore(path: string): MonitorStore {
  const database = openMonitorDatabase(path)
  const names = new Names(database)
  const statements = statementTables(database, names)
  const reader: MonitorReader & Pick<MonitorStore, 'wantedBlobs' | 'pendingCases'> = {
    ...treeReader(database),
    ...cosignedReader(database),
    ...productReader(database),
    ...statements.reader,
    ...alertReader(database),
  }
  const writer: MonitorWriter = {
    ...treeWriter(database),
    ...cosignedWriter(database),
    ...productWriter(database),
    ...statements.writer,
    ...alertWriter(database),
  }
  return {
    ...reader,
    transact(work) {
      try {
        return database.transaction(() => work(writer)).immediate()
      } catch (error) {
        names.forget()
        statements.forget()
        throw error
      }
    },
    close: () => void database.close(),
  }
}
