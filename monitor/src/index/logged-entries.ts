/** What the state keeps of a statement's entries: who signed each, and the entry itself where its leaf was kept. */
import { type Entry, parseEntry } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { EntryRecord, MonitorReader, StatementRecord } from '../state/monitor-store.ts'

/** The entries of one statement, each read only where it is asked for. */
export interface LoggedEntries {
  readonly records: readonly EntryRecord[]
  /** Null where its leaf is not kept. */
  entry(record: EntryRecord): Entry | null
}

export function entriesUnder(reader: MonitorReader, origin: string, id: string): LoggedEntries {
  return { records: reader.entries(origin, id), entry: (record) => entryAt(reader, origin, record) }
}

export function entryAt(reader: MonitorReader, origin: string, { index }: Pick<EntryRecord, 'index'>): Entry | null {
  const leaf = reader.leaf(origin, index)
  return leaf === null ? null : parseEntry(nodeCrypto, leaf)
}

export function statementOf(reader: MonitorReader, { origin, id }: StatementRecord): Entry['statement'] | null {
  return statementUnder(reader, origin, id)
}

export function statementUnder(reader: MonitorReader, origin: string, id: string): Entry['statement'] | null {
  const [first] = reader.entries(origin, id)
  return first === undefined ? null : (entryAt(reader, origin, first)?.statement ?? null)
}
