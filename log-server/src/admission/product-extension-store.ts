/** The product index as an extension of the log's SQLite database. */
import { openSqliteReader } from '../products/sqlite-reader-store.ts'
import type { SqliteExtension } from '../sqlite-store.ts'
import { productMigrations } from './product-schema.ts'
import { openSqliteTables } from './sqlite-tables-store.ts'
import type { ProductTables } from './tables.ts'

export const productExtension: SqliteExtension<ProductTables> = {
  name: 'product',
  migrations: productMigrations,
  open: ({ writer, reader }) => ({ ...openSqliteTables(writer), committed: openSqliteReader(reader) }),
}
