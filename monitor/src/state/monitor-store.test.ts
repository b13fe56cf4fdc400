import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Alert, LogRecord, MonitorStore, StatementRecord, ViewRecord } from './monitor-store.ts'
import { openSqliteMonitorStore } from './sqlite-monitor-store.ts'

const origin = 'log.example/a'
const root = (byte: number) => new Uint8Array(32).fill(byte)
const tree = (size: number) => ({ size, root: root(size % 256), checkpoint: `tree of ${size}\n` })
const log = (size: number, readTo = 0): LogRecord => ({
  ...{ origin, url: 'https://log.example/a', head: tree(size), q: 1_800_000_000, headAt: 5, readTo, indexedTo: readTo },
  ...{ polledAt: 6, answeredAt: 7, failure: null },
})
const view: ViewRecord = {
  ...{ origin, name: 'witness w1', kind: 'witness', url: 'https://w1.example/copy', tree: tree(3), q: null },
  ...{ cosignedAt: 9, since: 8, askedAt: 9, standing: 'agrees', failure: null },
}
const alert = (id: string, rule = 'fork'): Alert => ({
  ...{ id, rule, severity: 'critical', origin, product: null, title: 'A fork.', detail: '', remedy: 'Stop.' },
  ...{ evidence: null, at: 10 },
})
const digest = (digits: string) => digits.padEnd(64, '0')
const [r1, r1b, v, key] = ['1a', '1b', 'ee', 'cc'].map(digest) as [string, string, string, string]
const release = (id: string, sequence: number, firstIndex: number): StatementRecord => ({
  ...{ origin, id, product: 'example.com/p', kind: 'release', channel: 'stable', sequence, version: '1.0.0' },
  ...{ previous: null, firstIndex, metAt: null, metSeenAt: null },
})

let folder: string
let store: MonitorStore
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-monitor-'))
  store = openSqliteMonitorStore(join(folder, 'monitor.db'))
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true })
})
function reopen(): MonitorStore {
  store.close()
  store = openSqliteMonitorStore(join(folder, 'monitor.db'))
  return store
}

describe('the state of a monitor', () => {
  it('is empty at first', () => {
    expect(store.logs()).toEqual([])
    expect(store.log(origin)).toBeNull()
    expect(store.alerts({ limit: 10 })).toEqual([])
    expect(store.evidence('x')).toBeNull()
  })

  it('gives back logs, sizes and views as they were written, also after a restart', () => {
    store.transact((writer) => {
      writer.putLog(log(3, 2))
      writer.addSize(origin, { size: 3, root: root(3), at: 5 })
      writer.putView(view)
    })
    const after = reopen()
    expect(after.log(origin)).toEqual(log(3, 2))
    expect(after.sizes(origin, 10)).toEqual([{ size: 3, root: root(3), at: 5 }])
    expect(after.sizeAt(origin, 3)?.root).toEqual(root(3))
    expect(after.views(origin)).toEqual([view])
  })

  it('refuses to have read past the head', () => {
    expect(() => store.transact((writer) => writer.putLog(log(3, 4)))).toThrow('CHECK')
    expect(store.log(origin)).toBeNull()
  })

  it('writes nothing of a transaction that throws', () => {
    const failing = () =>
      store.transact((writer) => {
        writer.putLog(log(3))
        writer.raise(alert('a'), ['sink'])
        throw new RangeError('on purpose')
      })
    expect(failing).toThrow('on purpose')
    expect(store.logs()).toEqual([])
    expect(store.alerts({ limit: 10 })).toEqual([])
    expect(store.deliveries('waiting', 10)).toEqual([])
  })

  it('raises an alert once, with one delivery to each sink', () => {
    const raise = () => store.transact((writer) => writer.raise(alert('a'), ['mail', 'hook']))
    expect([raise(), raise()]).toEqual([true, false])
    expect(store.alerts({ limit: 10 }).map(({ id, number }) => [id, number])).toEqual([['a', 1]])
    expect(store.deliveries('waiting', 10).map(({ sink }) => sink)).toEqual(['hook', 'mail'])
    const [first] = store.deliveries('waiting', 10, 'mail')
    store.transact((writer) => first && writer.putDelivery({ ...first, state: 'delivered', attempts: 1 }))
    expect(store.deliveryCounts()).toEqual([
      { sink: 'hook', state: 'waiting', count: 1 },
      { sink: 'mail', state: 'delivered', count: 1 },
    ])
  })

  it('counts alerts of a rule, up to a limit', () => {
    store.transact((writer) => {
      for (const at of [1, 5, 6]) writer.raise({ ...alert(`a${at}`), at }, [])
      writer.raise({ ...alert('p', 'fork'), product: 'p', at: 6 }, [])
    })
    const of = { origin, product: null, rule: 'fork', after: 1, limit: 9 }
    expect(store.alertCount(of)).toBe(2)
    expect(store.alertCount({ ...of, limit: 1 })).toBe(1)
    expect(store.alertCount({ ...of, product: 'p' })).toBe(1)
    expect(store.alertCount({ ...of, rule: 'rollback' })).toBe(0)
  })

  it('ends conditions that do not last, and no others', () => {
    store.transact((writer) => {
      writer.raise(alert('a', 'log-silent'), [])
      writer.raise(alert('b', 'log-silent'), [])
      writer.raise(alert('c', 'fork'), [])
      writer.settle(origin, ['log-silent'], new Set(['b']), 20)
    })
    expect(store.alerts({ limit: 10, open: true }).map(({ id }) => id)).toEqual(['c', 'b'])
    expect(store.alert('a')?.endedAt).toBe(20)
    expect(store.alerts({ limit: 10, after: 1 }).map(({ id }) => id)).toEqual(['b', 'c'])
  })

  it('finds releases by place, and what names them', () => {
    store.transact((writer) => {
      writer.addStatement(release(r1, 1, 4), [])
      writer.addStatement(release(r1b, 1, 6), [])
      writer.addStatement({ ...release(v, 1, 7), kind: 'revocation', channel: null, sequence: null }, [r1])
      writer.addEntry(origin, { index: 4, id: r1, signer: key, valid: true }, Uint8Array.of(1, 2))
      writer.setMet(origin, r1, 4, 99)
    })
    const ids = (records: readonly StatementRecord[]) => records.map(({ id }) => id)
    expect(ids(store.releasesAt(origin, 'example.com/p', 'stable', 1, 9))).toEqual([r1, r1b])
    expect(ids(store.releasesAt(origin, 'example.com/p', 'stable', 1, 1))).toEqual([r1])
    expect(ids(store.metReleasesAt(origin, 'example.com/p', 'stable', 1))).toEqual([r1])
    expect(ids(store.metReleases(origin, 'example.com/p', 'stable', 9))).toEqual([r1])
    expect(ids(store.metReleases(origin, 'example.com/p', 'beta', 9))).toEqual([])
    expect(store.naming(origin, r1).map(({ id }) => id)).toEqual([v])
    expect(store.entries(origin, r1)).toEqual([{ index: 4, id: r1, signer: key, valid: true }])
    expect(store.leaf(origin, 4)).toEqual(Uint8Array.of(1, 2))
    expect(store.statement(origin, r1)).toMatchObject({ metAt: 4, metSeenAt: 99 })
    expect(store.statements(origin, 'example.com/p', 'release', 10).map(({ id }) => id)).toEqual([r1b, r1])
  })

  it('keeps open questions, at most 64 of a log: none is pushed out', () => {
    const handed = (index: number) => ({
      ...{ tree: tree(200), at: index },
      entry: { index, inclusion: [root(1), root(2)], leaf: Uint8Array.of(index) },
    })
    store.transact((writer) => {
      for (let size = 1; size <= 70; size++) {
        writer.putOpenTree(origin, { ...tree(size), view: 'client', at: size })
        writer.putHandedEntry(origin, handed(size))
      }
      writer.putOpenTree('log.example/b', { ...tree(1), view: 'client', at: 1 })
      writer.deleteOpenTree(origin, 2, root(2))
      writer.deleteHandedEntry(origin, handed(2))
    })
    const kept = Array.from({ length: 64 }, (_, at) => at + 1).filter((at) => at !== 2)
    expect(store.openTrees(origin).map(({ size }) => size)).toEqual(kept)
    expect(store.openTrees('log.example/b')).toHaveLength(1)
    expect(store.handedEntries(origin)).toEqual(kept.map(handed))
  })

  it('keeps evidence, bodies that are wanted, and cases that wait', () => {
    const record = {
      id: 'e',
      kind: 'split',
      origin,
      convicted: origin,
      findings: ['Two.'],
      at: 1,
      from: 'monitor',
    } as const
    const blob = { origin, sha256: 'b', product: 'p', index: 1, since: 1, attempts: 0, nextAt: 1 }
    const pending = { origin, product: 'p', kind: 'mismatch', a: [1, 2], b: [3], alert: 'a', attempts: 0 } as const
    store.transact((writer) => {
      writer.addEvidence(record, 'what it is about', Uint8Array.of(7))
      writer.addEvidence({ ...record, id: 'other bytes' }, 'what it is about', Uint8Array.of(8))
      writer.wantBlob(blob)
      writer.putCase(pending)
    })
    expect(store.evidenceList(null, 10)).toEqual([record])
    expect(store.evidenceAbout('what it is about')).toBe('e')
    expect(store.evidenceAbout('something else')).toBeNull()
    expect(store.evidence('e')).toEqual(Uint8Array.of(7))
    expect(store.wantedBlobs(origin, 10)).toEqual([blob])
    expect(store.pendingCases(origin)).toEqual([pending])
    store.transact((writer) => {
      writer.foundBlob(origin, 'b')
      writer.deleteCase('a')
    })
    expect([...store.wantedBlobs(origin, 10), ...store.pendingCases(origin)]).toEqual([])
  })
})
