/** The product index as an extension of the log's database. */
import { openProductReader } from '../products/product-reader-store.ts'
import type { StoreExtension } from '../sql.ts'
import { productMigrations } from './product-schema.ts'
import { openProductTables } from './product-tables-store.ts'
import type { ProductTables } from './tables.ts'

export const productExtension: StoreExtension<ProductTables> = {
  name: 'product',
  migrations: productMigrations,
  open: ({ writer, reader }) => ({ ...openProductTables(writer), committed: openProductReader(reader) }),
}
