/** {@link MonitorStore} in one SQLite file, table by table in the files beside this one. */
import { alertReader, alertWriter } from './alerts-store.ts'
import { cosignedReader, cosignedWriter } from './cosigned-sizes-store.ts'
import type { MonitorReader, MonitorStore, MonitorWriter } from './monitor-store.ts'
import { productReader, productWriter } from './products-store.ts'
import { openMonitorDatabase } from './schema-store.ts'
import { treeReader, treeWriter } from './trees-store.ts'

/** Opens or creates the file. @throws StoreUnfitError, SqliteError */
export function openSqliteMonitorStore(path: string): MonitorStore {
  const database = openMonitorDatabase(path)
  const reader: MonitorReader & Pick<MonitorStore, 'wantedBlobs' | 'pendingCases'> = {
    ...treeReader(database),
    ...cosignedReader(database),
    ...productReader(database),
    ...alertReader(database),
  }
  const writer: MonitorWriter = {
    ...treeWriter(database),
    ...cosignedWriter(database),
    ...productWriter(database),
    ...alertWriter(database),
  }
  return {
    ...reader,
    transact: (work) => database.transaction(() => work(writer)).immediate(),
    close: () => void database.close(),
  }
}
