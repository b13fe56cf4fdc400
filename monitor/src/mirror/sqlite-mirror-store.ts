/**
 * {@link MirrorStore} in one SQLite file, which is all of a mirror's state: what it accepted and what it stored cannot come apart.
 *
 *     cosigned   the newest pending checkpoint of each log        pending   the last ones
 *     copy       next entry and mirror checkpoint                 bundle, tile   as C2SP tlog-tiles has them, grown in place
 */
import {
  concat,
  formatEntryBundle,
  HASH_SIZE,
  type Hasher,
  TILE_WIDTH,
  tileHash,
  truncateEntryBundle,
} from '@samebits/core'
import type Database from 'better-sqlite3'
import { cosignedRows, cosignedTable } from '../sqlite/cosigned-store.ts'
import { openStateFile, stateTable, told } from '../sqlite/state-file-store.ts'
import type { WitnessTransaction } from '../witness/witness-store.ts'
import { keptPending, type MirrorCheckpoint, type MirrorStore } from './mirror-store.ts'

const migrations: readonly string[] = [
  `${cosignedTable}
   CREATE TABLE pending (
     origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint TEXT NOT NULL,
     PRIMARY KEY (origin, size)) STRICT, WITHOUT ROWID;
   CREATE TABLE copy (
     id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, next INTEGER NOT NULL DEFAULT 0,
     size INTEGER, timestamp INTEGER, checkpoint TEXT) STRICT;
   CREATE TABLE bundle (
     copy INTEGER NOT NULL, number INTEGER NOT NULL, width INTEGER NOT NULL, entries BLOB NOT NULL,
     PRIMARY KEY (copy, number)) STRICT;
   CREATE TABLE tile (
     copy INTEGER NOT NULL, level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL,
     PRIMARY KEY (copy, level, number)) STRICT;
   ${stateTable}`,
]

interface CopyRow {
  readonly id: number
  readonly next: number
  readonly size: number | null
  readonly timestamp: number | null
  readonly checkpoint: string | null
}

/** Opens or creates the file. @throws StoreUnfitError, StoreUnavailableError, SqliteError */
export function openSqliteMirrorStore(path: string, hasher: Hasher): MirrorStore {
  const smbc = 0x736d6263
  return openStateFile({ path, applicationId: smbc, owner: 'a mirror', migrations }, (database, id) => {
    const pending = pendingRows(database)
    const copies = copyRows(database)
    const trees = treeRows(database, hasher)
    const append = database.transaction((origin: string, start: number, entries: readonly Uint8Array[]): number => {
      const { id: copy, next } = copies.make(origin)
      if (start > next) throw new RangeError(`entries from ${start} on leave a gap behind ${next}`)
      const fresh = entries.slice(next - start)
      if (fresh.length === 0) return next
      trees.add(copy, next, fresh)
      copies.grow(copy, next + fresh.length)
      return next + fresh.length
    })
    return {
      id,
      transact: (work) => told(() => database.transaction(() => work(pending)).immediate()),
      read: (origin) => told(() => pending.read(origin)),
      origins: () => pending.origins(),
      copies: () => copies.origins(),
      pending: (origin, size) => told(() => pending.at(origin, size)),
      nextEntry: (origin) => told(() => copies.read(origin)?.next ?? 0),
      mirrorCheckpoint: (origin) => told(() => copies.checkpoint(origin)),
      append: (origin, start, entries) => told(() => append.immediate(origin, start, entries)),
      publish: (origin, checkpoint) => told(() => database.transaction(() => copies.publish(origin, checkpoint))()),
      tile: (origin, level, index, width) => told(() => trees.tile(copies.read(origin)?.id ?? 0, level, index, width)),
      entries: (origin, index, width) => told(() => trees.entries(copies.read(origin)?.id ?? 0, index, width)),
      close: () => void database.close(),
    }
  })
}

function pendingRows(database: Database.Database) {
  const newest = cosignedRows(database)
  const insert = database.prepare<[string, number, Uint8Array, string]>(
    'INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?)',
  )
  const trim = database.prepare<[string, string, number, string]>(
    `DELETE FROM pending WHERE origin = ? AND size <
       (SELECT min(size) FROM (SELECT size FROM pending WHERE origin = ? ORDER BY size DESC LIMIT ?))
     AND size IS NOT (SELECT size FROM copy WHERE origin = ?)`,
  )
  const select = database.prepare<[string, number], { size: number; root: Buffer; checkpoint: string }>(
    'SELECT size, root, checkpoint FROM pending WHERE origin = ? AND size = ?',
  )
  const transaction: WitnessTransaction = {
    read: newest.read,
    write(origin, record) {
      newest.write(origin, record)
      insert.run(origin, record.size, record.root, record.checkpoint)
      trim.run(origin, origin, keptPending, origin)
    },
  }
  return {
    ...transaction,
    origins: newest.origins,
    at(origin: string, size: number) {
      const row = select.get(origin, size)
      return row === undefined ? null : { ...row, root: Uint8Array.from(row.root) }
    },
  }
}

function copyRows(database: Database.Database) {
  const select = database.prepare<[string], CopyRow>(
    'SELECT id, next, size, timestamp, checkpoint FROM copy WHERE origin = ?',
  )
  const insert = database.prepare<[string]>('INSERT OR IGNORE INTO copy (origin) VALUES (?)')
  const next = database.prepare<[number, number]>('UPDATE copy SET next = ? WHERE id = ?')
  const update = database.prepare<[number, number, string, string, number]>(
    `UPDATE copy SET size = ?, timestamp = ?, checkpoint = ? WHERE origin = ? AND (size IS NULL OR size <= ?)`,
  )
  const origins = database.prepare<[], string>('SELECT origin FROM copy ORDER BY origin').pluck()
  const read = (origin: string) => select.get(origin)
  return {
    read,
    origins: () => origins.all(),
    make(origin: string): CopyRow {
      insert.run(origin)
      return read(origin) as CopyRow
    },
    grow: (id: number, to: number) => void next.run(to, id),
    checkpoint(origin: string): MirrorCheckpoint | null {
      const row = read(origin)
      if (row === undefined || row.size === null || row.timestamp === null || row.checkpoint === null) return null
      return { size: row.size, timestamp: row.timestamp, checkpoint: row.checkpoint }
    },
    publish(origin: string, { size, timestamp, checkpoint }: MirrorCheckpoint): boolean {
      insert.run(origin)
      return update.run(size, timestamp, checkpoint, origin, size).changes === 1
    },
  }
}

function treeRows(database: Database.Database, hasher: Hasher) {
  const tile = database
    .prepare<[number, number, number], Buffer>('SELECT hashes FROM tile WHERE copy = ? AND level = ? AND number = ?')
    .pluck()
  const putTile = database.prepare<[number, number, number, Uint8Array]>(
    'INSERT OR REPLACE INTO tile VALUES (?, ?, ?, ?)',
  )
  const bundle = database.prepare<[number, number], { width: number; entries: Buffer }>(
    'SELECT width, entries FROM bundle WHERE copy = ? AND number = ?',
  )
  const putBundle = database.prepare<[number, number, number, Uint8Array]>(
    'INSERT OR REPLACE INTO bundle VALUES (?, ?, ?, ?)',
  )

  /** Appends hashes to the tiles of a level, and those of tiles that became full to the level above. */
  function addHashes(copy: number, level: number, from: number, hashes: readonly Uint8Array[]): void {
    const full: Uint8Array[] = []
    for (const { index, at, items } of aligned(from, hashes)) {
      const old = at === 0 ? new Uint8Array(0) : (tile.get(copy, level, index) ?? new Uint8Array(0))
      if (old.length !== at * HASH_SIZE) throw new RangeError(`tile ${level}/${index} is not ${at} hashes wide`)
      const grown = concat(old, ...items)
      putTile.run(copy, level, index, grown)
      if (grown.length === TILE_WIDTH * HASH_SIZE) full.push(tileHash(hasher, grown))
    }
    if (full.length > 0) addHashes(copy, level + 1, Math.floor(from / TILE_WIDTH), full)
  }

  return {
    add(copy: number, from: number, entries: readonly Uint8Array[]): void {
      for (const { index, at, items } of aligned(from, entries)) {
        const old = at === 0 ? new Uint8Array(0) : (bundle.get(copy, index)?.entries ?? new Uint8Array(0))
        putBundle.run(copy, index, at + items.length, concat(old, formatEntryBundle(items)))
      }
      addHashes(copy, 0, from, hasher.leafHashes(entries))
    },
    tile(copy: number, level: number, index: number, width: number): Uint8Array | null {
      const hashes = tile.get(copy, level, index)
      return hashes === undefined || hashes.length < width * HASH_SIZE
        ? null
        : Uint8Array.from(hashes.subarray(0, width * HASH_SIZE))
    },
    entries(copy: number, index: number, width: number): Uint8Array | null {
      const row = bundle.get(copy, index)
      return row === undefined || row.width < width ? null : Uint8Array.from(truncateEntryBundle(row.entries, width))
    },
  }
}

interface Piece {
  readonly index: number
  /** Where in the tile or bundle the items begin. */
  readonly at: number
  readonly items: readonly Uint8Array[]
}

/** Cuts items that begin at `from` where tiles and bundles begin. */
function* aligned(from: number, items: readonly Uint8Array[]): Generator<Piece> {
  for (let done = 0; done < items.length; ) {
    const at = (from + done) % TILE_WIDTH
    const piece = items.slice(done, done + TILE_WIDTH - at)
    yield { index: Math.floor((from + done) / TILE_WIDTH), at, items: piece }
    done += piece.length
  }
}
