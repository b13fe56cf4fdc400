/** The table of what witnesses signed: for each size two signatures, the earliest and the latest. */
import type Database from 'better-sqlite3'
import type { CosignedSize, CosignedTree, MonitorReader, MonitorWriter } from './monitor-store.ts'
import { bytesOf } from './schema-store.ts'

/** Sizes kept of a witness and log. A log that grows every minute has as many in two hours: older ones stand further apart. */
const maxSizes = 128

interface SizeRow {
  readonly size: number
  readonly earliest: number
  readonly latest: number
  readonly earliestRoot: Buffer
  readonly latestRoot: Buffer
  readonly earliestCheckpoint: string
  readonly latestCheckpoint: string
}

function earliestOf({ size, earliest, earliestRoot, earliestCheckpoint }: SizeRow): CosignedTree {
  return { size, root: bytesOf(earliestRoot), checkpoint: earliestCheckpoint, timestamp: earliest }
}

function latestOf({ size, latest, latestRoot, latestCheckpoint }: SizeRow): CosignedTree {
  return { size, root: bytesOf(latestRoot), checkpoint: latestCheckpoint, timestamp: latest }
}

export function cosignedReader(database: Database.Database): Pick<MonitorReader, 'witness'> {
  const select = (where: string) =>
    database.prepare<[string, string, number], SizeRow>(
      `SELECT size, earliest, latest, earliestRoot, latestRoot, earliestCheckpoint, latestCheckpoint
       FROM cosignedSize WHERE origin = ? AND name = ? AND ${where}`,
    )
  const at = select('size = ?')
  const above = select('size > ? AND earliest > 0 ORDER BY earliest LIMIT 1')
  const below = select('size < ? ORDER BY latest DESC LIMIT 1')
  return {
    witness: (origin, name) => ({
      at(size): CosignedSize | null {
        const row = at.get(origin, name, size)
        return row === undefined ? null : { earliest: earliestOf(row), latest: latestOf(row) }
      },
      earliestAbove(size) {
        const row = above.get(origin, name, size)
        return row === undefined ? null : earliestOf(row)
      },
      latestBelow(size) {
        const row = below.get(origin, name, size)
        return row === undefined ? null : latestOf(row)
      },
    }),
  }
}

export function cosignedWriter(database: Database.Database): Pick<MonitorWriter, 'putCosigned'> {
  const put = database.prepare<[object]>(
    `INSERT OR REPLACE INTO cosignedSize
       (origin, name, size, earliest, latest, earliestRoot, latestRoot, earliestCheckpoint, latestCheckpoint)
     VALUES (@origin, @name, @size, @earliest, @latest, @earliestRoot, @latestRoot, @earliestCheckpoint, @latestCheckpoint)`,
  )
  // What is lost with a size is the time between its neighbours; the smallest and the largest have none on one side and stay.
  const thin = database.prepare<[object]>(
    `DELETE FROM cosignedSize WHERE origin = @origin AND name = @name
       AND (SELECT count(*) FROM cosignedSize WHERE origin = @origin AND name = @name) > @most
       AND size = (
         SELECT size FROM (
           SELECT size, lead(earliest) OVER inOrder - lag(latest) OVER inOrder AS apart
           FROM cosignedSize WHERE origin = @origin AND name = @name WINDOW inOrder AS (ORDER BY size))
         WHERE apart IS NOT NULL ORDER BY apart, size LIMIT 1)`,
  )
  return {
    putCosigned(origin, name, { earliest, latest }) {
      put.run({
        ...{ origin, name, size: earliest.size, earliest: earliest.timestamp, latest: latest.timestamp },
        ...{ earliestRoot: earliest.root, latestRoot: latest.root },
        ...{ earliestCheckpoint: earliest.checkpoint, latestCheckpoint: latest.checkpoint },
      })
      thin.run({ origin, name, most: maxSizes })
    },
  }
}
