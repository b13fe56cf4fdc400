import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatVkey, makeVkey, TYPE_COSIGNATURE_ED25519 } from '@samebits/core'
import { generateSigningKey, nodeCrypto, signingKeyToPem } from '@samebits/core/node'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../create-log.ts'
import { createMarker } from '../marker.ts'
import { resolveOptions } from '../options.ts'
import type { PostgresFacts } from '../postgres-facts-store.ts'
import { headSigner } from '../signer.ts'
import { testOrigin } from '../testing.ts'
import { noWitnesses } from '../witnessing.ts'
import { checkPostgres } from './database.ts'
import { type DoctorDeps, examineLog } from './doctor.ts'
import type { Finding } from './finding.ts'

const keys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
const signer = headSigner(nodeCrypto, testOrigin, keys)
const now = 2_000_000_000
let folder: string
let data: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-doctor-'))
  data = join(folder, 'data')
  const copies = await noWitnesses.copies()
  await createLog({ dataDir: data, signer, publishedUrl: '', copies, fetch, now: () => now })
  for (const key of keys) writeFileSync(join(folder, `${key.algorithm}.pem`), signingKeyToPem(key), { mode: 0o600 })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function examine(options: object = {}, deps: Partial<DoctorDeps> = {}): Promise<Finding[]> {
  const defaults = resolveOptions({ file: null, environment: {}, flags: {} })
  const given = { ...defaults, dataDir: data, ...options }
  const keyFiles = [folder, ...keys.map(({ algorithm }) => join(folder, `${algorithm}.pem`))]
  return examineLog(given, { keys, keyFiles, fetch, now: () => now, offline: true, openTls: async () => null, ...deps })
}
const levels = (findings: readonly Finding[], level: Finding['level']) =>
  findings.filter((one) => one.level === level).map(({ check }) => check)

describe('doctor', () => {
  it('finds a new log healthy, but for nobody who would notice a restored snapshot', async () => {
    const findings = await examine()
    // Where tests run, the folder may be on a file system that a log should not be on.
    expect(levels(findings, 'fail').filter((check) => check !== 'file-system' && check !== 'disk-room')).toEqual([])
    expect(levels(findings, 'warn')).toContain('witnesses')
    expect(levels(await examine({ publishedUrl: 'https://log.example.com' }), 'warn')).not.toContain('witnesses')
  })

  it.each<[string, string, () => unknown]>([
    ['a folder that everybody may change', 'data-folder', () => chmodSync(data, 0o777)],
    ['a marker that everybody may change', 'data-files', () => chmodSync(join(data, 'marker'), 0o666)],
    ['a key that everybody may change', 'keys', () => chmodSync(join(folder, 'ed25519.pem'), 0o622)],
    ['a missing marker', 'marker', () => rmSync(join(data, 'marker'))],
    ['a database that is gone', 'database', () => rmSync(join(data, 'log.db'))],
    ['a database that holds no log', 'storage', () => sql('DELETE FROM head')],
    ['a storage that is behind', 'storage', () => remark(5, 0)],
    ['a storage of an older lease', 'storage', () => remark(0, 7)],
    ['another tree', 'storage', () => sql("UPDATE published SET checkpoint = ''")],
  ])('fails on %s', async (_what, check, damage) => {
    await damage()
    expect(levels(await examine(), 'fail')).toContain(check)
  })

  it('fails on a clock that is behind what was signed', async () => {
    expect(levels(await examine({}, { now: () => now - 60 }), 'fail')).toContain('clock')
  })

  it('fails on witnesses that do not say what they hold', async () => {
    const witness = makeVkey(nodeCrypto, 'w', TYPE_COSIGNATURE_ED25519, generateSigningKey('ed25519').publicKey)
    const [log] = signer.keys.map(formatVkey)
    const policy = join(folder, 'policy')
    writeFileSync(policy, `log ${log}\nwitness w ${formatVkey(witness)} http://127.0.0.1:9/\nquorum w\n`)
    expect(levels(await examine({ policy }), 'fail')).not.toContain('witness-copies')
    expect(levels(await examine({ policy }, { offline: false }), 'fail')).toContain('witness-copies')
  })
})

function sql(text: string): void {
  const database = new Database(join(data, 'log.db'))
  database.exec(text)
  database.close()
}

/** Replaces the marker by one that says so. */
async function remark(size: number, epoch: number): Promise<void> {
  rmSync(join(data, 'marker'))
  const root = nodeCrypto.sha256(new Uint8Array(size))
  await createMarker(join(data, 'marker'), { checkpoint: (await signer.sign({ size, root }, now)).text, epoch })
}

describe('a PostgreSQL database', () => {
  const good: PostgresFacts = {
    settings: { fsync: 'on', full_page_writes: 'on', synchronous_standby_names: 'b', server_version: '15' },
    time: now,
    encrypted: true,
  }
  const url = 'postgres://samebits@db.example.com/log'
  const judge = (facts: Partial<PostgresFacts>, settings: Record<string, string> = {}) =>
    checkPostgres({ ...good, ...facts, settings: { ...good.settings, ...settings } }, url, now)

  it('is fine when it syncs, is waited for, encrypts, and tells the same time', () => {
    expect(judge({}).every(({ level }) => level === 'ok')).toBe(true)
  })

  it.each<[string, Finding['level'], string, Finding[]]>([
    ['fsync off', 'fail', 'database-durable', judge({}, { fsync: 'off' })],
    ['full_page_writes off', 'fail', 'database-durable', judge({}, { full_page_writes: 'off' })],
    ['no synchronous standby', 'warn', 'database-standby', judge({}, { synchronous_standby_names: '' })],
    ['no encryption', 'warn', 'database-transport', judge({ encrypted: false })],
    ['another time', 'warn', 'database-clock', judge({ time: now + 60 })],
  ])('%s', (_what, level, check, findings) => {
    expect(levels(findings, level)).toEqual([check])
  })
})
