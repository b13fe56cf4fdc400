/** The tables about what was logged: statements, the entries under them, what they name. Digests are 32 bytes there, names are numbers. */
import type Database from 'better-sqlite3'
import type { EntryRecord, MonitorReader, MonitorWriter, StatementRecord } from './monitor-store.ts'
import type { Names } from './names-store.ts'
import { bytesOf } from './schema-store.ts'

type StatementReader = Pick<
  MonitorReader,
  'statement' | 'statements' | 'releasesAt' | 'metReleasesAt' | 'metReleases' | 'naming' | 'entries' | 'leaf'
>
type StatementWriter = Pick<MonitorWriter, 'addStatement' | 'setMet' | 'addEntry' | 'setValid'>

interface StatementTables {
  readonly reader: StatementReader
  readonly writer: StatementWriter
  /** A transaction was rolled back. */
  forget(): void
}

/** Columns in this order, as an array: of all that is read, most is this. */
type StatementRow = readonly [
  log: number,
  id: Buffer,
  product: number,
  kind: StatementRecord['kind'],
  channel: string | null,
  sequence: number | null,
  version: string | null,
  previous: Buffer | null,
  firstIndex: number,
  metAt: number | null,
  metSeenAt: number | null,
]
const columns = 'log, id, product, kind, channel, sequence, version, previous, firstIndex, metAt, metSeenAt'

interface EntryRow {
  readonly at: number
  readonly id: Buffer
  readonly signer: Buffer
  readonly valid: number | null
}

/** The bytes of a digest in hex. @throws RangeError for what is none */
function digestBytes(hex: string): Buffer {
  const bytes = Buffer.from(hex, 'hex')
  if (bytes.length !== 32 || hex.length !== 64) throw new RangeError('not a digest of 64 hex digits')
  return bytes
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex')
}

function entryOf({ at, id, signer, valid }: EntryRow): EntryRecord {
  return { index: at, id: hexOf(id), signer: hexOf(signer), valid: valid === null ? null : valid === 1 }
}

export function statementTables(database: Database.Database, names: Names): StatementTables {
  const { writer, forget } = statementWriter(database, names)
  return { reader: statementReader(database, names), writer, forget }
}

function statementReader(database: Database.Database, names: Names): StatementReader {
  // An index is named where the planner, which has no statistics, would read all statements of a log or product.
  const prepare = <Bound extends unknown[]>(where: string, index = '') =>
    database.prepare<Bound, StatementRow>(`SELECT ${columns} FROM statement ${index} WHERE ${where}`).raw()
  const one = prepare<[Buffer, number]>('id = ? AND log = ?')
  const ofProduct = prepare<[number, number, number]>(
    'log = ? AND product = ? ORDER BY firstIndex DESC LIMIT ?',
    'INDEXED BY statementOf',
  )
  const ofKind = prepare<[number, number, string, number]>(
    'log = ? AND product = ? AND kind = ? ORDER BY firstIndex DESC LIMIT ?',
  )
  const releasesAt = prepare<[number, number, string, number, number]>(
    `log = ? AND product = ? AND kind = 'release' AND channel = ? AND sequence = ? ORDER BY number LIMIT ?`,
    'INDEXED BY releaseAt',
  )
  const met = `log = ? AND product = ? AND kind = 'release' AND metAt IS NOT NULL AND channel = ?`
  const metAt = prepare<[number, number, string, number]>(`${met} AND sequence = ?`, 'INDEXED BY metRelease')
  const metNewest = prepare<[number, number, string, number]>(
    `${met} ORDER BY sequence DESC LIMIT ?`,
    'INDEXED BY metRelease',
  )
  const naming = prepare<[number, Buffer]>(
    'number IN (SELECT statement FROM naming WHERE log = ? AND target = ?) ORDER BY firstIndex',
  )
  const entries = database.prepare<[Buffer, number], EntryRow>(
    `SELECT entry.at, statement.id, entry.signer, entry.valid FROM statement JOIN entry ON entry.statement = statement.number
     WHERE statement.id = ? AND statement.log = ? ORDER BY entry.at`,
  )
  const leaf = database
    .prepare<[number, number], Buffer | null>('SELECT leaf FROM entry WHERE log = ? AND at = ?')
    .pluck()
  const recordOf = ([log, id, product, kind, channel, sequence, version, previous, ...rest]: StatementRow) => {
    const [firstIndex, metAt, metSeenAt] = rest
    return {
      ...{ origin: names.text(log), id: hexOf(id), product: names.text(product), kind, channel, sequence, version },
      ...{ previous: previous === null ? null : hexOf(previous), firstIndex, metAt, metSeenAt },
    }
  }
  const under = (origin: string, read: (log: number) => readonly StatementRow[]) => {
    const log = names.find(origin)
    return log === null ? [] : read(log).map(recordOf)
  }
  const ofName = (origin: string, product: string, read: (log: number, name: number) => readonly StatementRow[]) => {
    const name = names.find(product)
    return name === null ? [] : under(origin, (log) => read(log, name))
  }
  return {
    statement(origin, id) {
      const log = names.find(origin)
      const row = log === null ? undefined : one.get(digestBytes(id), log)
      return row === undefined ? null : recordOf(row)
    },
    statements: (origin, product, kind, limit) =>
      ofName(origin, product, (log, name) =>
        kind === null ? ofProduct.all(log, name, limit) : ofKind.all(log, name, kind, limit),
      ),
    releasesAt: (origin, product, channel, sequence, limit) =>
      ofName(origin, product, (log, name) => releasesAt.all(log, name, channel, sequence, limit)),
    metReleasesAt: (origin, product, channel, sequence) =>
      ofName(origin, product, (log, name) => metAt.all(log, name, channel, sequence)),
    metReleases: (origin, product, channel, limit) =>
      ofName(origin, product, (log, name) => metNewest.all(log, name, channel, limit)),
    naming: (origin, release) => under(origin, (log) => naming.all(log, digestBytes(release))),
    entries: (origin, id) => {
      const log = names.find(origin)
      return log === null ? [] : entries.all(digestBytes(id), log).map(entryOf)
    },
    leaf(origin, index) {
      const log = names.find(origin)
      const bytes = log === null ? null : leaf.get(log, index)
      return bytes === undefined || bytes === null ? null : bytesOf(bytes)
    },
  }
}

function statementWriter(database: Database.Database, names: Names): Omit<StatementTables, 'reader'> {
  const addStatement = database.prepare<unknown[]>(
    `INSERT OR IGNORE INTO statement (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const addNaming = database.prepare<[number, Buffer, number]>('INSERT OR IGNORE INTO naming VALUES (?, ?, ?)')
  const setMet = database.prepare<[number | null, number | null, Buffer, number]>(
    'UPDATE statement SET metAt = ?, metSeenAt = ? WHERE id = ? AND log = ?',
  )
  const numberOf = database
    .prepare<[Buffer, number], number>('SELECT number FROM statement WHERE id = ? AND log = ?')
    .pluck()
  const addEntry = database.prepare<[number, number, number, Buffer, number | null, Uint8Array | null]>(
    'INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)',
  )
  const setValid = database.prepare<[number, number, number]>('UPDATE entry SET valid = ? WHERE log = ? AND at = ?')
  /** The statement that was written last: its entry follows. */
  let last: { readonly id: string; readonly log: number; readonly number: number } | null = null
  const statementNumber = (id: string, log: number): number => {
    if (last !== null && last.id === id && last.log === log) return last.number
    const number = numberOf.get(digestBytes(id), log)
    if (number === undefined) throw new RangeError(`an entry of a statement that was not written: ${id}`)
    return number
  }
  const writer: StatementWriter = {
    addStatement(record, targets) {
      const { origin, id, product, kind, channel, sequence, version, previous, firstIndex, metAt, metSeenAt } = record
      const log = names.add(origin)
      const before = previous === null ? null : digestBytes(previous)
      const place = [log, digestBytes(id), names.add(product), kind, channel, sequence, version, before]
      const { changes, lastInsertRowid } = addStatement.run(...place, firstIndex, metAt, metSeenAt)
      if (changes === 0) return
      const number = Number(lastInsertRowid)
      last = { id, log, number }
      for (const target of targets) addNaming.run(log, digestBytes(target), number)
    },
    setMet: (origin, id, metAt, metSeenAt) => void setMet.run(metAt, metSeenAt, digestBytes(id), names.add(origin)),
    addEntry(origin, { index, id, signer, valid }, leaf) {
      const log = names.add(origin)
      const by = Buffer.from(signer, 'hex')
      addEntry.run(log, index, statementNumber(id, log), by, valid === null ? null : Number(valid), leaf)
    },
    setValid: (origin, index, valid) => void setValid.run(Number(valid), names.add(origin), index),
  }
  const forget = () => {
    last = null
  }
  return { writer, forget }
}
