/** A log that is frozen, served by real servers on its real database: what goes on, what ends, and what cannot bring it back. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatVkey } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkFrozen } from '../doctor/frozen.ts'
import { rawMode } from '../http/modes-http.ts'
import { resolveOptions } from '../options.ts'
import { restoreFrom } from '../restore-from.ts'
import { headSigner } from '../signer.ts'
import { openSqliteReader } from '../sqlite-store.ts'
import { makeTestLog, realTiming, type TestLog, type TestServer } from '../testing.ts'
import { freezeLog } from './freeze-log.ts'
import type { Successor } from './frozen.ts'
import { publishLast } from './last-checkpoint.ts'

const next = headSigner(nodeCrypto, 'example.org/log', [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')])
const successor: Successor = {
  origin: next.origin,
  url: 'https://log.example.org/',
  vkeys: next.keys.map(formatVkey),
}

let log: TestLog
let running: TestServer | null
beforeEach(async () => {
  log = await makeTestLog()
  running = await log.start()
  for (const entry of ['a', 'b', 'c']) await running.add(entry)
  await stop()
})
afterEach(async () => {
  await stop()
  log.remove()
})

async function stop(): Promise<void> {
  await running?.stop()
  running = null
}
async function serve(options: Parameters<TestLog['start']>[0] = {}): Promise<TestServer> {
  running = await log.start(options)
  return running
}
const options = () => ({
  ...resolveOptions({ file: null, environment: {}, flags: {} }),
  ...{ dataDir: log.dataDir, mode: 'raw' as const },
})
const freeze = (to = successor) =>
  freezeLog(options(), rawMode, { signer: log.signer, successor: to, leaveBehind: [], now: realTiming.now })
const at = (name: string) => join(log.dataDir, name)
const answerTo = async (server: TestServer, entry: string) => {
  const response = await server.add(entry)
  return [response.status, response.status === 200 ? await response.text() : ((await response.json()) as object)]
}
const gone = [410, expect.objectContaining({ code: 'log-frozen', size: 3, successor })]

describe('a frozen log', () => {
  it('is read on, gives what is logged its index again, and sends everything else to the successor', async () => {
    await freeze()
    const server = await serve()
    expect(server.gate()).toMatchObject({ state: 'frozen' })
    expect(await answerTo(server, 'd')).toEqual(gone)
    expect(await answerTo(server, 'x'.repeat(65_535))).toEqual(gone)
    expect(await answerTo(server, 'b')).toEqual([200, '1'])
    const proof = await server.add('c', { accept: 'text/x.tlog.proof' })
    expect([proof.status, proof.headers.get('content-type')]).toEqual([200, 'text/x.tlog.proof'])
    for (const path of ['checkpoint', 'tile/0/000.p/3', 'tile/entries/000.p/3', 'v1/entries/2'])
      expect([path, (await fetch(`${server.url}/${path}`)).status]).toEqual([path, 200])
    const put = await fetch(`${server.url}/v1/blob/${'0'.repeat(64)}`, { method: 'PUT', body: 'x' })
    expect([put.status, await put.json()]).toEqual(gone)
    expect(log.signer.open(await (await fetch(`${server.url}/checkpoint`)).text()).checkpoint.size).toBe(3)
  })

  it('says so to those who ask how it is', async () => {
    await freeze()
    const { url } = await serve()
    expect(await (await fetch(`${url}/readyz`)).text()).toBe('frozen\n')
    expect(await (await fetch(`${url}/v1/status`)).json()).toEqual({
      ...{ origin: log.signer.origin, vkeys: log.signer.keys.map(formatVkey), state: 'frozen', size: 3 },
      frozen: { at: expect.any(Number), size: 3, successor },
    })
    const metrics = await (await fetch(`${url}/metrics`)).text()
    for (const line of ['frozen 1', 'writing 0', 'leads 1']) expect(metrics).toContain(`samebits_log_${line}\n`)
  })

  it('goes on signing its last tree, so that it never looks stale', async () => {
    await freeze()
    const { url } = await serve({ resignSeconds: 1 })
    const first = await (await fetch(`${url}/checkpoint`)).text()
    await expect
      .poll(async () => (await fetch(`${url}/checkpoint`)).text(), { timeout: 30_000, interval: 100 })
      .not.toBe(first)
  })

  it('publishes a last checkpoint by itself, and stops again', async () => {
    const frozen = await freeze()
    const operator = { debug: noLine, info: noLine, warn: noLine, error: noLine }
    const deps = { keys: log.keys, timing: realTiming, fetch, operator }
    const given = { ...deps, signal: new AbortController().signal, timeoutMs: 30_000 }
    const text = await publishLast(options(), rawMode, given, frozen)
    expect(log.signer.open(text).checkpoint.size).toBe(3)
    expect((await serve()).published().checkpoint.length).toBeGreaterThan(0)
  })

  it('is frozen once: again is nothing new, and another successor is refused', async () => {
    const first = await freeze()
    expect(await freeze()).toEqual(first)
    await expect(freeze({ ...successor, origin: 'example.net/log' })).rejects.toMatchObject({ code: 'ALREADY_FROZEN' })
  })

  it('is not frozen beside a server that runs, nor by other keys', async () => {
    await serve()
    await expect(freeze()).rejects.toMatchObject({ code: 'LOG_BUSY' })
    await stop()
    const stranger = headSigner(nodeCrypto, log.signer.origin, [generateSigningKey('ed25519')])
    const wrong = { signer: stranger, successor, leaveBehind: [], now: realTiming.now }
    await expect(freezeLog(options(), rawMode, wrong)).rejects.toMatchObject({ code: 'WRONG_KEYS' })
    expect(existsSync(at('frozen'))).toBe(false)
  })

  it('is not frozen where the storage lacks what was signed', async () => {
    cpSync(log.dataDir, at('../before'), { recursive: true })
    await (await serve()).add('d')
    await stop()
    for (const name of ['log.db', 'log.db-wal', 'log.db-shm']) rmSync(at(name), { force: true })
    cpSync(at('../before/log.db'), at('log.db'))
    await expect(freeze()).rejects.toMatchObject({ code: 'STORAGE_BEHIND' })
  })
})

const noLine = () => undefined

describe('what cannot bring a frozen log back', () => {
  /** The database as it was before the freeze; with the marker, as in a snapshot of both. */
  async function restoreBefore(...names: readonly string[]): Promise<void> {
    const before = at('../before')
    cpSync(log.dataDir, before, { recursive: true })
    await freeze()
    await serve()
    await stop()
    for (const name of ['log.db-wal', 'log.db-shm']) rmSync(at(name), { force: true })
    for (const name of names) cpSync(join(before, name), at(name))
  }

  it('a backup of the database from before: the marker knows a newer lease, and after a restore it is frozen again', async () => {
    await restoreBefore('log.db')
    const behind = await serve()
    expect(behind.gate()).toMatchObject({ state: 'read-only', code: 'STORAGE_BEHIND' })
    expect((await behind.add('d')).status).toBe(503)
    await stop()
    await restoreEntries()
    const server = await serve()
    expect(await answerTo(server, 'd')).toEqual(gone)
  })

  /** What samebits-log restore does: entries from a place of the log. */
  async function restoreEntries(): Promise<void> {
    const site = at('../site')
    const mirror = await makeMirror(site)
    await restoreFrom(options(), rawMode, {
      ...{ from: mirror, withoutMarker: false, keys: log.keys, fetch, now: realTiming.now },
      ...{ signal: new AbortController().signal, onProgress: () => undefined },
    })
  }
  async function makeMirror(site: string): Promise<string> {
    const server = await log.start()
    for (const path of ['checkpoint', 'tile/0/000.p/3', 'tile/entries/000.p/3']) {
      const bytes = new Uint8Array(await (await fetch(`${server.url}/${path}`)).arrayBuffer())
      mkdirSync(dirname(join(site, path)), { recursive: true })
      writeFileSync(join(site, path), bytes)
    }
    await server.stop()
    return site
  }

  it('a snapshot of database and marker, as long as the file beside them stands', async () => {
    await restoreBefore('log.db', 'marker')
    expect(findingsOf(await doctor())).toEqual(['warn frozen'])
    const server = await serve()
    expect(await answerTo(server, 'd')).toEqual(gone)
    await stop()
    expect(findingsOf(await doctor())).toEqual(['ok frozen'])
    rmSync(at('frozen'))
    expect(await answerTo(await serve(), 'd')).toEqual(gone)
  })

  it('a folder without the file: the database has it written again', async () => {
    await freeze()
    const text = readFileSync(at('frozen'), 'utf8')
    rmSync(at('frozen'))
    expect(findingsOf(await doctor())).toEqual(['warn frozen'])
    expect(await answerTo(await serve(), 'd')).toEqual(gone)
    expect(readFileSync(at('frozen'), 'utf8')).toBe(text)
  })

  it.each([
    ['is damaged', () => '{'],
    ['is of another log', () => readFileSync(at('frozen'), 'utf8').replace('"example.com/log"', '"example.com/other"')],
  ])('a file that %s: nothing is taken, and a person must look', async (_what, content) => {
    await restoreBefore('log.db', 'marker')
    writeFileSync(at('frozen'), content())
    expect(findingsOf(await doctor())).toEqual(['fail frozen'])
    const server = await serve()
    expect(server.gate()).toMatchObject({ state: 'read-only', code: 'FROZEN_DAMAGED', retrySeconds: null })
    expect((await server.add('d')).status).toBe(503)
  })

  it('a program from before: it refuses the tables', () => {
    const database = new Database(at('log.db'), { readonly: true })
    expect(database.prepare("SELECT version FROM schema_versions WHERE part = 'log'").pluck().get()).toBe(3)
    database.close()
  })
})

async function doctor() {
  const reader = openSqliteReader(at('log.db'))
  try {
    return await checkFrozen(reader, at('frozen'), log.signer.origin)
  } finally {
    await reader.close()
  }
}
const findingsOf = (findings: Awaited<ReturnType<typeof doctor>>) =>
  findings.map(({ level, check }) => `${level} ${check}`)
