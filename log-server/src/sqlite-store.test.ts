import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noExtension, type Sql, type StoreExtension } from './sql.ts'
import { openSqliteReader, openSqliteStore } from './sqlite-store.ts'
import { StorageError } from './store.ts'
import { noteExtension, type StoreUnderTest, storeContract } from './store-contract.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-store-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function open(): StoreUnderTest {
  const store = openSqliteStore({ path: join(folder, 'log.db'), extension: noteExtension })
  const reopen = async () => {
    await store.close()
    return open()
  }
  return { store, notes: store.tables, reopen }
}

describe('SQLite store', () => {
  it.each(storeContract)('$title', async ({ run }) => {
    let under = open()
    const reopen = async () => {
      under = await under.reopen()
      return under
    }
    await run({ ...under, reopen })
    await under.store.close()
  })

  it('syncs every commit: write-ahead log, synchronous=FULL (2)', async () => {
    const extension: StoreExtension<Sql> = { name: 'modes', migrations: [], open: ({ writer }) => writer }
    const store = openSqliteStore({ path: join(folder, 'log.db'), extension })
    expect(await store.tables.all('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }])
    expect(await store.tables.all('PRAGMA synchronous')).toEqual([{ synchronous: 2 }])
    await store.close()
  })

  it.each([
    ['a file that is no database', (path: string) => writeFileSync(path, 'x'.repeat(4096))],
    ['a database of another program', (path: string) => new Database(path).exec('CREATE TABLE t (a)').close()],
    [
      'a log with newer tables',
      async (path: string) => {
        await openSqliteStore({ path, extension: noExtension }).close()
        new Database(path).exec("UPDATE schema_versions SET version = 99 WHERE part = 'log'").close()
      },
    ],
  ])('refuses %s', async (_title, make) => {
    const path = join(folder, 'other.db')
    await make(path)
    expect(() => openSqliteStore({ path, extension: noExtension })).toThrow(StorageError)
  })

  it.each([
    ['a missing file', () => undefined],
    ['a file that is no database', (path: string) => writeFileSync(path, 'x'.repeat(4096))],
    ['a database of another program', (path: string) => new Database(path).exec('CREATE TABLE t (a)').close()],
  ])('refuses to read %s', (_title, make) => {
    const path = join(folder, 'other.db')
    make(path)
    expect(() => openSqliteReader(path)).toThrow(StorageError)
  })

  it.each([
    ['truncated entries', 'UPDATE parts SET entries = substr(entries, 1, 300) WHERE first = 2'],
    ['a hash that is cut short', 'UPDATE parts SET hashes = substr(hashes, 1, 40) WHERE first = 2'],
    ['a part that is gone', 'DELETE FROM parts WHERE first = 1'],
  ])('notices %s', async (_title, damage) => {
    const { store, notes } = open()
    const grow = storeContract.find(({ title }) => title.startsWith('gives entries'))
    await grow?.run({ store, notes, reopen: () => Promise.reject(new Error('not used')) })
    const database = new Database(join(folder, 'log.db'))
    database.exec(damage)
    database.close()
    await expect(Promise.all([store.range(0, 250), store.entries(0, 250), store.tile(0, 0, 250)])).rejects.toThrow(
      StorageError,
    )
    await store.close()
  })
})
