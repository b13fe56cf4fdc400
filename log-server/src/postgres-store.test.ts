import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { productExtension } from './admission/product-extension.ts'
import { indexIsWhatTheLogSays } from './admission/testing-recompute.ts'
import { openStore } from './open-store.ts'
import { openPostgresReader, openPostgresStore } from './postgres-store.ts'
import { noExtension } from './sql.ts'
import { StorageError } from './store.ts'
import { noteExtension, type StoreUnderTest, storeContract } from './store-contract.ts'
import { postgresMissing, startPostgres, type TestPostgres } from './testing-postgres-store.ts'

const missing = postgresMissing()
if (missing !== null) console.warn(`skipped: the store's tests on PostgreSQL (${missing})`)

let postgres: TestPostgres
let databases = 0
beforeAll(async () => {
  if (missing === null) postgres = await startPostgres()
})
afterAll(() => postgres?.remove())

const newDatabase = () => postgres.createDatabase(`log${databases++}`)
const timeoutMs = 10_000

async function open(url: string): Promise<StoreUnderTest> {
  const store = await openPostgresStore({ url, timeoutMs, extension: noteExtension, create: true })
  const reopen = async () => {
    await store.close()
    return open(url)
  }
  return { store, notes: store.tables, reopen }
}

describe.skipIf(missing !== null)('PostgreSQL store', () => {
  it.each(storeContract)('$title', async ({ run }) => {
    let under = await open(await newDatabase())
    const reopen = async () => {
      under = await under.reopen()
      return under
    }
    await run({ ...under, reopen })
    await under.store.close()
  })

  it('lets one of two processes win, whoever waits for whom', async () => {
    const url = await newDatabase()
    const [a, b] = [await open(url), await open(url)]
    const empty = await a.store.create(new Uint8Array(32))
    const outcomes = await Promise.allSettled([a.store.takeLease(0), b.store.takeLease(0), a.store.takeLease(0)])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(await b.store.head()).toEqual({ ...empty, epoch: 1 })
    await Promise.all([a.store.close(), b.store.close()])
  })

  it('keeps a product index that is what the log says', { timeout: 120_000 }, () =>
    indexIsWhatTheLogSays(4, async () =>
      openPostgresStore({ url: await newDatabase(), timeoutMs, extension: productExtension, create: true }),
    ),
  )

  it('refuses a database without a log, unless one is to be made', async () => {
    const url = await newDatabase()
    await expect(openPostgresStore({ url, timeoutMs, extension: noExtension })).rejects.toThrow('holds no log')
    await (await open(url)).store.close()
    await (await openPostgresStore({ url, timeoutMs, extension: noExtension })).close()
  })

  it('refuses tables that are newer than the program', async () => {
    const url = await newDatabase()
    await (await open(url)).store.close()
    await postgres.query("UPDATE schema_versions SET version = 99 WHERE part = 'log'", `log${databases - 1}`)
    await expect(open(url)).rejects.toThrow('newer than this program')
  })

  it('says that it cannot reach a server, or a database', async () => {
    const url = await newDatabase()
    for (const wrong of [url.replace('///postgres', '///nothing'), 'postgres://127.0.0.1:9/log'])
      await expect(open(wrong)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' })
  })

  it('goes on over a new connection after the server ended the old ones', async () => {
    const url = await newDatabase()
    const { store } = await open(url)
    await store.create(new Uint8Array(32))
    const cut = async () => {
      await postgres.query(terminateOthers)
    }
    const taken = await store.takeLease(0)
    await expect(store.commit(taken, cut)).rejects.toBeInstanceOf(Error)
    await cut()
    expect(await eventually(() => store.head())).toEqual(taken)
    expect((await eventually(() => store.commit(taken, async () => 'done'))).result).toBe('done')
    await store.close()
  })

  it('is refused where COMMIT is not durable', async () => {
    const url = await newDatabase()
    const set = async (value: string) => {
      await postgres.query(`ALTER SYSTEM SET fsync = ${value}`)
      await postgres.query('SELECT pg_reload_conf()')
      await expect.poll(async () => (await postgres.query<{ fsync: string }>('SHOW fsync'))[0]?.fsync).toBe(value)
    }
    const options = { database: url, path: '', timeoutMs, extension: noExtension, create: true }
    await set('off')
    await expect(openStore(options)).rejects.toMatchObject({ code: 'DATABASE_UNSAFE' })
    await set('on')
    await (await openStore(options)).close()
  })

  it('reads beside a writer, and never writes', async () => {
    const url = await newDatabase()
    const { store } = await open(url)
    const empty = await store.create(new Uint8Array(32))
    const reader = openPostgresReader({ url, timeoutMs })
    expect(await reader.head()).toEqual(empty)
    await reader.close()
    await store.close()
  })
})

const terminateOthers = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`

/** An idle connection that was cut shows only at the next question. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries > 5 || !(error instanceof Error) || !('code' in error)) throw error
      expect(error instanceof StorageError ? error.code : error.code).toMatch(/^(STORAGE_UNREACHABLE|COMMIT_UNKNOWN)$/)
    }
  }
}
