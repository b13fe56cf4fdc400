/** Databases of earlier schemas, as they were written then, under the programs of today. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { type LogFolder, runFsck, startLog } from '../support/log-process.ts'

interface Fixture {
  readonly origin: string
  readonly vkeys: readonly string[]
  /** By file name. */
  readonly keys: Readonly<Record<string, string>>
  /** The two slots of the marker, base64, without the zeros at their ends. */
  readonly marker: readonly string[]
  readonly sql: readonly string[]
}

const slotBytes = 16_384

/** Writes a log as it lay on the disk. */
function unpack(name: string): LogFolder {
  const fixture = JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as Fixture
  const path = mkdtempSync(join(tmpdir(), 'samebits-upgrade-'))
  for (const folder of ['keys', 'data']) mkdirSync(join(path, folder), { mode: 0o700 })
  for (const [file, pem] of Object.entries(fixture.keys)) writeFileSync(join(path, 'keys', file), pem, { mode: 0o600 })
  const marker = Buffer.alloc(2 * slotBytes)
  for (const [at, slot] of fixture.marker.entries()) Buffer.from(slot, 'base64').copy(marker, at * slotBytes)
  writeFileSync(join(path, 'data/marker'), marker, { mode: 0o600 })
  const database = new Database(join(path, 'data/log.db'))
  for (const statement of fixture.sql) database.exec(statement)
  database.pragma('journal_mode = WAL')
  database.close()
  return { ...fixture, path, remove: async () => rmSync(path, { recursive: true, force: true }) }
}

function versions(folder: LogFolder): unknown {
  const database = new Database(join(folder.path, 'data/log.db'), { readonly: true })
  try {
    return Object.fromEntries(
      database.prepare('SELECT part, version FROM schema_versions').raw().all() as [string, number][],
    )
  } finally {
    database.close()
  }
}

it('a log of the first schema is whole, is upgraded by serve, goes on, and keeps its product tables', async () => {
  const folder = unpack('schema-1.json')
  expect((await runFsck(folder)).entries).toBe(259)
  expect(versions(folder)).toEqual({ log: 1, product: 1, none: 0 })
  const log = await startLog(folder, ['--mode', 'open', '--log-level', 'error'])
  const bundle = await fetch(`${log.url}/v1/trust/${encodeURIComponent('example.com/notes')}/2`)
  expect(await bundle.text()).toBe('a bundle')
  await log.kill('SIGTERM')
  const raw = await startLog(folder, ['--mode', 'raw', '--log-level', 'error'])
  for (const [leaf, index] of [
    ['entry 7', '7'],
    ['new', '259'],
  ])
    expect(await (await fetch(`${raw.url}/add`, { method: 'POST', body: leaf as string })).text()).toBe(index)
  await raw.kill('SIGTERM')
  expect(versions(folder)).toEqual({ log: 3, product: 1, none: 0 })
  expect((await runFsck(folder)).entries).toBe(260)
  await folder.remove()
})
