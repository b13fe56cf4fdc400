/** The tables about trees: logs, sizes, views, open questions, witnesses. */
import type Database from 'better-sqlite3'
import type {
  CosignedTree,
  LogRecord,
  MonitorReader,
  MonitorWriter,
  OpenTree,
  SignedTree,
  SizePoint,
  ViewRecord,
} from './monitor-store.ts'
import { bytesOf } from './schema-store.ts'

type TreeReader = Pick<
  MonitorReader,
  'logs' | 'log' | 'sizes' | 'sizeAt' | 'sizeAfter' | 'views' | 'openTrees' | 'witness'
>
type TreeWriter = Pick<
  MonitorWriter,
  'putLog' | 'addSize' | 'putView' | 'putOpenTree' | 'deleteOpenTree' | 'putWitness'
>

/** Open questions kept of a log: each costs a few requests a poll. */
const maxOpenTrees = 64

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
  const cosigned = database.prepare<[string, string, string], CosignedTree>(
    'SELECT size, root, checkpoint, timestamp FROM cosigned WHERE origin = ? AND name = ? AND which = ?',
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
    witness(origin, name) {
      const [largest, latest] = [cosigned.get(origin, name, 'largest'), cosigned.get(origin, name, 'latest')]
      if (largest === undefined || latest === undefined) return null
      return { largest: withBytes(largest), latest: withBytes(latest) }
    },
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
     VALUES (@origin, @size, @root, @checkpoint, @view, @at)`,
  )
  const pruneOpen = database.prepare<[string, string, number]>(
    `DELETE FROM openTree WHERE origin = ? AND number NOT IN
       (SELECT number FROM openTree WHERE origin = ? ORDER BY number DESC LIMIT ?)`,
  )
  const deleteOpen = database.prepare<[string, number, Uint8Array]>(
    'DELETE FROM openTree WHERE origin = ? AND size = ? AND root = ?',
  )
  const putCosigned = database.prepare<[object]>(
    `INSERT OR REPLACE INTO cosigned (origin, name, which, size, root, checkpoint, timestamp)
     VALUES (@origin, @name, @which, @size, @root, @checkpoint, @timestamp)`,
  )
  return {
    putLog: ({ head, ...rest }) => void putLog.run({ ...rest, ...columnsOf(head) }),
    addSize: (origin, { size, root, at }) => void addSize.run(origin, size, root, at),
    putView: ({ tree, ...rest }) => void putView.run({ ...rest, ...columnsOf(tree) }),
    putOpenTree(origin, tree) {
      putOpen.run({ origin, ...tree })
      pruneOpen.run(origin, origin, maxOpenTrees)
    },
    deleteOpenTree: (origin, size, root) => void deleteOpen.run(origin, size, root),
    putWitness(origin, name, { largest, latest }) {
      putCosigned.run({ origin, name, which: 'largest', ...largest })
      putCosigned.run({ origin, name, which: 'latest', ...latest })
    },
  }
}
