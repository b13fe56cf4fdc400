/** Backups, and coming back from them: in one process, on real files, from a real server. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runIn } from './testing.ts'

let cwd: string
let vkeys: string
const run = (args: string, started?: (url: string) => Promise<void>) => runIn(cwd, args, {}, started)
const serve = 'serve --mode raw --port 0 --json --log-level silent'

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'samebits-restore-'))
  const { stdout } = await run('keygen --origin example.com/log --json')
  vkeys = (JSON.parse(stdout) as { vkeys: string[] }).vkeys.map((vkey) => ` --key ${vkey}`).join('')
  await run('init --origin example.com/log')
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

/** Adds entries `from` to `to - 1`. */
async function add(url: string, from: number, to: number): Promise<void> {
  const post = async (at: number) => (await fetch(`${url}/add`, { method: 'POST', body: `entry ${at}` })).status
  await post(from)
  const rest = await Promise.all(Array.from({ length: to - from - 1 }, (_, at) => post(from + 1 + at)))
  expect(new Set(rest)).toEqual(new Set([200]))
}

const grow = (from: number, to: number) => run(serve, (url) => add(url, from, to))
const sizeOf = async (source = 'data') => JSON.parse((await run(`fsck ${source}${vkeys} --json`)).stdout).size as number
const drop = (folder = 'data') => {
  for (const name of ['log.db', 'log.db-wal', 'log.db-shm']) rmSync(join(cwd, folder, name), { force: true })
}

describe('backup', () => {
  it('copies a log beside the server that writes it, and the copy is whole', async () => {
    await run(serve, async (url) => {
      await add(url, 0, 20)
      const adding = add(url, 20, 80)
      expect((await run('backup --to copy')).status).toBe(0)
      await adding
    })
    const manifest = JSON.parse(readFileSync(join(cwd, 'copy/backup.json'), 'utf8'))
    expect(manifest).toMatchObject({ format: 1, origin: 'example.com/log' })
    expect(manifest.size).toBeGreaterThanOrEqual(20)
    expect(readdirSync(join(cwd, 'copy')).sort()).toEqual(['backup.json', 'log.db'])
  })

  it('leaves nothing behind when the database is damaged, and replaces nothing', async () => {
    await grow(0, 5)
    mkdirSync(join(cwd, 'full'))
    writeFileSync(join(cwd, 'full/x'), '')
    expect((await run('backup --to full')).stderr).toContain('BACKUP_PLACE')
    const database = new Database(join(cwd, 'data/log.db'))
    database.exec('UPDATE parts SET hashes = zeroblob(32) WHERE first = 0')
    database.close()
    const ran = await run('backup --to copy')
    expect([ran.status, ran.stderr]).toEqual([1, expect.stringContaining('LOG_DAMAGED')])
    expect(readdirSync(join(cwd, 'copy'))).toEqual([])
  })
})

describe('restore', () => {
  it('brings an old backup up to what was signed since, from a mirror of the log', async () => {
    await grow(0, 20)
    expect((await run('backup --to copy')).status).toBe(0)
    await grow(20, 300)
    cpSync(join(cwd, 'data'), join(cwd, 'mirror'), { recursive: true })
    drop()
    expect((await run('restore --backup copy --origin example.com/log')).status).toBe(0)
    await run(serve, async (url) => {
      expect(await (await fetch(`${url}/readyz`)).text()).toContain('STORAGE_BEHIND')
    })
    await run(`${serve} --data-dir mirror`, async (url) => {
      const ran = await run(`restore --mode raw --from ${url} --json`)
      expect([ran.status, ran.stderr]).toEqual([0, ''])
      expect(JSON.parse(ran.stdout)).toMatchObject({ from: 20, to: 300 })
      expect(JSON.parse((await run(`restore --mode raw --from ${url} --json`)).stdout)).toMatchObject({ from: 300 })
    })
    expect(await sizeOf()).toBe(300)
    await grow(300, 305)
    expect(await sizeOf()).toBe(305)
  })

  it('builds a lost log again from nothing but its tiles, if it is told that the marker is lost', async () => {
    await grow(0, 40)
    await run(serve, async (url) => {
      const lost = `restore --mode raw --data-dir new --from ${url}`
      expect((await run(lost)).stderr).toContain('MARKER_MISSING')
      expect((await run(`${lost} --without-marker`)).status).toBe(0)
    })
    expect(await sizeOf('new')).toBe(40)
    await run(`${serve} --data-dir new`, (url) => add(url, 40, 45))
    expect(await sizeOf('new')).toBe(45)
  })

  it('says that a place lacks what was signed, restores what it has, and stays read-only', async () => {
    await grow(0, 10)
    cpSync(join(cwd, 'data'), join(cwd, 'mirror'), { recursive: true })
    await grow(10, 20)
    drop()
    await run(`${serve} --data-dir mirror`, async (url) => {
      const ran = await run(`restore --mode raw --from ${url}`)
      expect([ran.status, ran.stderr]).toEqual([
        1,
        expect.stringMatching(/^STILL_BEHIND: 10 entries .* 20 were signed/),
      ])
    })
    await run(serve, async (url) => {
      expect(await (await fetch(`${url}/readyz`)).text()).toContain('STORAGE_BEHIND')
      expect((await fetch(`${url}/add`, { method: 'POST', body: 'x' })).status).toBe(503)
    })
  })

  it('refuses a storage that went another way, a place of another log, and an incomplete backup', async () => {
    await grow(0, 10)
    cpSync(join(cwd, 'data'), join(cwd, 'mirror'), { recursive: true })
    const database = new Database(join(cwd, 'data/log.db'))
    database.exec('DELETE FROM parts WHERE first > 0; UPDATE head SET size = 1, root = zeroblob(32)')
    database.exec('UPDATE parts SET hashes = zeroblob(32)')
    database.close()
    await run(`${serve} --data-dir mirror`, async (url) => {
      expect((await run(`restore --mode raw --from ${url}`)).stderr).toContain('TREE_MISMATCH')
      await run('keygen --origin example.com/log --keys-dir others')
      expect((await run(`restore --mode raw --keys-dir others --from ${url}`)).stderr).toContain('NOT_OURS')
    })
    mkdirSync(join(cwd, 'half'))
    drop()
    expect((await run('restore --backup half --origin example.com/log')).stderr).toContain('BACKUP_PLACE')
    expect(existsSync(join(cwd, 'data/log.db'))).toBe(false)
  })
})
