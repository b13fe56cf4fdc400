/** Coming back from an old copy of a PostgreSQL, as its own tools make one, and from an empty one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresMissing, startPostgres, type TestPostgres } from '../testing-postgres-store.ts'
import { runIn } from './testing.ts'

const missing = postgresMissing()
if (missing !== null) console.warn(`skipped: restoring a log in PostgreSQL (${missing})`)

describe.skipIf(missing !== null)('restore of a log in PostgreSQL', () => {
  const schema = 'restored'
  let cwd: string
  let postgres: TestPostgres
  let database: string
  beforeAll(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'samebits-restore-'))
    postgres = await startPostgres()
    database = await postgres.createDatabase(schema)
  })
  afterAll(async () => {
    await postgres?.remove()
    rmSync(cwd, { recursive: true, force: true })
  })

  /** `www` has everything that was acknowledged. */
  const serve = (started: (url: string) => Promise<void>) =>
    runIn(
      cwd,
      `serve --mode raw --port 0 --json --log-level silent --database ${database} --export-to www`,
      {},
      started,
    )
  const add = async (url: string, from: number, to: number) => {
    for (let at = from; at < to; at++) {
      const answer = await fetch(`${url}/add`, { method: 'POST', body: `entry ${at}` })
      expect([answer.status, await answer.text()]).toEqual([200, String(at)])
    }
  }
  /** Runs something against a server; what it throws is thrown. */
  const during = async (work: (url: string) => Promise<void>) => {
    const failures: unknown[] = []
    let served = false
    const caught = async (url: string) => {
      served = true
      await work(url).catch((error: unknown) => failures.push(error))
    }
    expect((await serve(caught)).stderr).toBe('')
    expect([served, failures]).toEqual([true, []])
  }
  const behind = async (url: string) => {
    expect(await (await fetch(`${url}/readyz`)).text()).toContain('STORAGE_BEHIND')
    expect((await fetch(`${url}/add`, { method: 'POST', body: 'not now' })).status).toBe(503)
  }
  const restore = async () => {
    const ran = await runIn(cwd, `restore --mode raw --database ${database} --from www --json`)
    expect([ran.status, ran.stderr]).toEqual([0, ''])
    return JSON.parse(ran.stdout) as { from: number; to: number; signed: number }
  }

  it('is noticed before anything is signed, brings back what was acknowledged, and the log goes on', async () => {
    const { stdout } = await runIn(cwd, 'keygen --origin example.com/log --json')
    const keys = (JSON.parse(stdout) as { vkeys: string[] }).vkeys.map((vkey) => `--key ${vkey}`).join(' ')
    await runIn(cwd, `init --origin example.com/log --database ${database} --export-to www`)
    await during((url) => add(url, 0, 5))
    const old = await postgres.dump(schema)
    await during((url) => add(url, 5, 12))

    await postgres.load(schema, old)
    await during(behind)
    expect(await restore()).toMatchObject({ from: 5, to: 12, signed: 12 })
    await during((url) => add(url, 12, 14))

    await postgres.load(schema, '') // the database is gone altogether
    expect(await restore()).toMatchObject({ from: 0, to: 14, signed: 14 })
    await during(async (url) => {
      await add(url, 14, 16)
      await add(url, 3, 4) // is there already
      const checked = await runIn(cwd, `fsck ${url} ${keys} --json`)
      expect(JSON.parse(checked.stdout)).toMatchObject({ entries: 16 })
    })
  })
})
