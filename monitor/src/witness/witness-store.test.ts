import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WitnessRecord } from '@samebits/core'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMemoryWitnessStore } from './memory-witness-store.ts'
import { openSqliteWitnessStore } from './sqlite-witness-store.ts'
import { StoreUnavailableError } from './witness-store.ts'
import { witnessStoreContract } from './witness-store-contract.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-store-'))
  path = join(folder, 'witness.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const record = (size: number): WitnessRecord => ({
  ...{ size, root: new Uint8Array(32), timestamp: 1_800_000_000, checkpoint: 'x'.repeat(2000) },
})

describe('in SQLite', () => {
  it.each(witnessStoreContract)('$title', ({ run }) => {
    let store = openSqliteWitnessStore(path)
    run({
      store,
      reopen() {
        store.close()
        store = openSqliteWitnessStore(path)
        return store
      },
    })
    store.close()
  })

  it('refuses a state of a newer version, a database of something else, and what is no database', () => {
    openSqliteWitnessStore(path).close()
    const database = new Database(path)
    database.pragma('user_version = 99')
    database.close()
    expect(() => openSqliteWitnessStore(path)).toThrow(expect.objectContaining({ code: 'STATE_NEWER' }))
    const other = new Database(join(folder, 'other.db'))
    other.exec('CREATE TABLE cosigned (origin TEXT)')
    other.close()
    expect(() => openSqliteWitnessStore(join(folder, 'other.db'))).toThrow(
      expect.objectContaining({ code: 'STATE_FOREIGN' }),
    )
    writeFileSync(join(folder, 'text.db'), 'not a database '.repeat(100))
    expect(() => openSqliteWitnessStore(join(folder, 'text.db'))).toThrow('not a database')
  })

  it('tells a full disk, rolls back, and goes on when there is room', () => {
    let store = openSqliteWitnessStore(path, { maxPages: 8 })
    store.transact((transaction) => transaction.write('a', record(1)))
    const fill = () =>
      store.transact((transaction) => {
        for (let at = 0; at < 100; at++) transaction.write(`log ${at}`, record(2))
      })
    expect(fill).toThrow(StoreUnavailableError)
    expect([store.read('a')?.size, store.read('log 0'), store.origins()]).toEqual([1, null, ['a']])
    store.transact((transaction) => transaction.write('a', record(3)))
    store.close()
    store = openSqliteWitnessStore(path)
    expect(store.read('a')?.size).toBe(3)
    fill()
    expect(store.origins()).toHaveLength(101)
    store.close()
  })

  it('tells a lock that somebody else holds', () => {
    const store = openSqliteWitnessStore(path)
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    expect(() => store.transact((transaction) => transaction.write('a', record(1)))).toThrow(StoreUnavailableError)
    other.exec('ROLLBACK')
    store.transact((transaction) => transaction.write('a', record(1)))
    expect(store.read('a')?.size).toBe(1)
    other.close()
    store.close()
  })
})

describe('in memory', () => {
  it.each(witnessStoreContract)('$title', ({ run }) => {
    const committed = new Map<string, WitnessRecord>()
    run({ store: openMemoryWitnessStore(committed), reopen: () => openMemoryWitnessStore(committed) })
  })
})
