/** The tables about trees: logs, sizes, views, open questions. */

import { HASH_SIZE } from '@samebits/core'
import type Database from 'better-sqlite3'
import {
  type HandedEntry,
  type LogRecord,
  type MonitorReader,
  type MonitorWriter,
  maxQuestions,
  type OpenTree,
  type SignedTree,
  type SizePoint,
  type ViewRecord,
} from './monitor-store.ts'
import { bytesOf } from './schema-store.ts'

type TreeReader = Pick<
  MonitorReader,
  'logs' | 'log' | 'sizes' | 'sizeAt' | 'sizeAfter' | 'views' | 'openTrees' | 'handedEntries'
>
type TreeWriter = Pick<
  MonitorWriter,
  'putLog' | 'addSize' | 'putView' | 'putOpenTree' | 'deleteOpenTree' | 'putHandedEntry' | 'deleteHandedEntry'
>

interface TreeColumns {
  readonly size: number | null
  readonly root: Buffer | null
  readonly checkpoint: string | null
}

function treeOf({ size, root, checkpoint }: TreeColumns): SignedTree | null {
  return size === null || root === null || checkpoint === null ? null : { size, root: bytesOf(root), checkpoint }
}

function columnsOf(tree: SignedTree | null) {
  return { size: tree?.size ?? null, root: tree?.root ?? null, checkpoint: tree?.checkpoint ?? null }
}

type LogRow = Omit<LogRecord, 'head'> & TreeColumns
type ViewRow = Omit<ViewRecord, 'tree'> & TreeColumns

function logOf({ size, root, checkpoint, ...rest }: LogRow): LogRecord {
  return { ...rest, head: treeOf({ size, root, checkpoint }) }
}

function viewOf({ size, root, checkpoint, ...rest }: ViewRow): ViewRecord {
  return { ...rest, tree: treeOf({ size, root, checkpoint }) }
}

interface HandedRow {
  readonly size: number
  readonly root: Buffer
  readonly checkpoint: string
  readonly entryIndex: number
  readonly inclusion: Buffer
  readonly leaf: Buffer
  readonly at: number
}

function handedOf({ size, root, checkpoint, entryIndex, inclusion, leaf, at }: HandedRow): HandedEntry {
  const hashes = Array.from({ length: inclusion.length / HASH_SIZE }, (_, place) =>
    bytesOf(inclusion.subarray(place * HASH_SIZE, (place + 1) * HASH_SIZE)),
  )
  const entry = { index: entryIndex, inclusion: hashes, leaf: bytesOf(leaf) }
  return { tree: { size, root: bytesOf(root), checkpoint }, entry, at }
}

function withBytes<T extends { readonly root: Uint8Array }>(row: T): T {
  return { ...row, root: bytesOf(row.root) }
}

export function treeReader(database: Database.Database): TreeReader {
  const logs = database.prepare<[], LogRow>('SELECT * FROM log ORDER BY origin')
  const log = database.prepare<[string], LogRow>('SELECT * FROM log WHERE origin = ?')
  const sizes = database.prepare<[string, number], SizePoint>(
    'SELECT size, root, at FROM sized WHERE origin = ? ORDER BY size DESC LIMIT ?',
  )
  const sizeAt = database.prepare<[string, number], SizePoint>(
    'SELECT size, root, at FROM sized WHERE origin = ? AND size = ?',
  )
  const sizeAfter = database.prepare<[string, number], SizePoint>(
    'SELECT size, root, at FROM sized WHERE origin = ? AND size > ? ORDER BY size LIMIT 1',
  )
  const views = database.prepare<[string], ViewRow>('SELECT * FROM view WHERE origin = ? ORDER BY name')
  const open = database.prepare<[string], OpenTree>(
    'SELECT size, root, checkpoint, view, at FROM openTree WHERE origin = ? ORDER BY number',
  )
  const handed = database.prepare<[string], HandedRow>(
    `SELECT size, root, checkpoint, entryIndex, inclusion, leaf, at FROM handedEntry WHERE origin = ? ORDER BY number`,
  )
  return {
    logs: () => logs.all().map(logOf),
    log(origin) {
      const row = log.get(origin)
      return row === undefined ? null : logOf(row)
    },
    sizes: (origin, limit) => sizes.all(origin, limit).map(withBytes).reverse(),
    sizeAt(origin, size) {
      const row = sizeAt.get(origin, size)
      return row === undefined ? null : withBytes(row)
    },
    sizeAfter(origin, size) {
      const row = sizeAfter.get(origin, size)
      return row === undefined ? null : withBytes(row)
    },
    views: (origin) => views.all(origin).map(viewOf),
    openTrees: (origin) => open.all(origin).map(withBytes),
    handedEntries: (origin) => handed.all(origin).map(handedOf),
  }
}

export function treeWriter(database: Database.Database): TreeWriter {
  const putLog = database.prepare<[object]>(
    `INSERT INTO log (origin, url, size, root, checkpoint, q, headAt, readTo, indexedTo, polledAt, answeredAt, failure)
     VALUES (@origin, @url, @size, @root, @checkpoint, @q, @headAt, @readTo, @indexedTo, @polledAt, @answeredAt, @failure)
     ON CONFLICT (origin) DO UPDATE SET url = excluded.url, size = excluded.size, root = excluded.root,
       checkpoint = excluded.checkpoint, q = excluded.q, headAt = excluded.headAt, readTo = excluded.readTo, indexedTo = excluded.indexedTo,
       polledAt = excluded.polledAt, answeredAt = excluded.answeredAt, failure = excluded.failure`,
  )
  const addSize = database.prepare<[string, number, Uint8Array, number]>(
    'INSERT OR IGNORE INTO sized VALUES (?, ?, ?, ?)',
  )
  const putView = database.prepare<[object]>(
    `INSERT OR REPLACE INTO view
       (origin, name, kind, url, size, root, checkpoint, q, cosignedAt, since, askedAt, standing, failure)
     VALUES (@origin, @name, @kind, @url, @size, @root, @checkpoint, @q, @cosignedAt, @since, @askedAt, @standing, @failure)`,
  )
  const putOpen = database.prepare<[object]>(
    `INSERT OR IGNORE INTO openTree (origin, size, root, checkpoint, view, at)
     SELECT @origin, @size, @root, @checkpoint, @view, @at
     WHERE (SELECT count(*) FROM openTree WHERE origin = @origin) < @most`,
  )
  const deleteOpen = database.prepare<[string, number, Uint8Array]>(
    'DELETE FROM openTree WHERE origin = ? AND size = ? AND root = ?',
  )
  const putHanded = database.prepare<[object]>(
    `INSERT OR IGNORE INTO handedEntry (origin, size, root, checkpoint, entryIndex, inclusion, leaf, at)
     SELECT @origin, @size, @root, @checkpoint, @entryIndex, @inclusion, @leaf, @at
     WHERE (SELECT count(*) FROM handedEntry WHERE origin = @origin) < @most`,
  )
  const deleteHanded = database.prepare<[string, number, Uint8Array, number]>(
    'DELETE FROM handedEntry WHERE origin = ? AND size = ? AND root = ? AND entryIndex = ?',
  )
  return {
    putLog: ({ head, ...rest }) => void putLog.run({ ...rest, ...columnsOf(head) }),
    addSize: (origin, { size, root, at }) => void addSize.run(origin, size, root, at),
    putView: ({ tree, ...rest }) => void putView.run({ ...rest, ...columnsOf(tree) }),
    putOpenTree: (origin, tree) => void putOpen.run({ origin, ...tree, most: maxQuestions }),
    deleteOpenTree: (origin, size, root) => void deleteOpen.run(origin, size, root),
    putHandedEntry(origin, { tree, entry: { index, inclusion, leaf }, at }) {
      const hashes = Buffer.concat(inclusion)
      putHanded.run({ origin, ...tree, entryIndex: index, inclusion: hashes, leaf, at, most: maxQuestions })
    },
    deleteHandedEntry: (origin, { tree: { size, root }, entry }) =>
      void deleteHanded.run(origin, size, root, entry.index),
  }
}
