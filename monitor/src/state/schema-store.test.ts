import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { migrations } from './schema-store.ts'
import { openSqliteMonitorStore } from './sqlite-monitor-store.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-schema-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const [a, b, vote, key] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [string, string, string, string]

it('brings a state of version 1 along, whole: statements, what they name, their entries', () => {
  const path = join(folder, 'monitor.db')
  const old = new Database(path)
  old.pragma(`application_id = ${0x736d626d}`)
  old.exec(migrations[0] ?? '')
  old.pragma('user_version = 1')
  const statement = old.prepare('INSERT INTO statement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const entry = old.prepare('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)')
  for (const origin of ['log.example/1', 'log.example/2']) {
    statement.run(origin, b, 'example.com/p', 'release', 'stable', 2, '1.1.0', a, 7, null, null)
    statement.run(origin, a, 'example.com/p', 'release', 'stable', 1, '1.0.0', null, 4, 4, 99)
    statement.run(origin, vote, 'example.com/p', 'rebuild', null, null, null, null, 5, null, null)
    old.prepare('INSERT INTO naming VALUES (?, ?, ?)').run(origin, a, vote)
    entry.run(origin, 5, vote, '', null, null)
    entry.run(origin, 4, a, key, 1, Buffer.of(1, 2))
    entry.run(origin, 7, b, key, 0, Buffer.of(3))
  }
  old.close()

  const store = openSqliteMonitorStore(path)
  try {
    for (const origin of ['log.example/1', 'log.example/2']) {
      const release = { origin, product: 'example.com/p', kind: 'release', channel: 'stable' }
      const first = {
        ...release,
        id: a,
        sequence: 1,
        version: '1.0.0',
        previous: null,
        firstIndex: 4,
        metAt: 4,
        metSeenAt: 99,
      }
      const second = {
        ...release,
        id: b,
        sequence: 2,
        version: '1.1.0',
        previous: a,
        firstIndex: 7,
        metAt: null,
        metSeenAt: null,
      }
      expect(store.statements(origin, 'example.com/p', 'release', 10)).toEqual([second, first])
      expect(store.releasesAt(origin, 'example.com/p', 'stable', 2, 9)).toEqual([second])
      expect(store.statement(origin, a)).toEqual(first)
      expect(store.naming(origin, a).map(({ id, kind }) => [id, kind])).toEqual([[vote, 'rebuild']])
      expect(store.entries(origin, a)).toEqual([{ index: 4, id: a, signer: key, valid: true }])
      expect(store.entries(origin, vote)).toEqual([{ index: 5, id: vote, signer: '', valid: null }])
      expect([store.leaf(origin, 4), store.leaf(origin, 5)]).toEqual([Uint8Array.of(1, 2), null])
    }
  } finally {
    store.close()
  }
})
