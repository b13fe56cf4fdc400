/** {@link WitnessStore} in memory, for tests: it forgets when the process ends, so no witness may serve with it. */
import type { WitnessRecord } from '@samebits/core'
import type { WitnessStore } from './witness-store.ts'

/** @param committed what survives a restart within the process */
export function openMemoryWitnessStore(committed: Map<string, WitnessRecord> = new Map()): WitnessStore {
  const copy = (record: WitnessRecord | undefined) =>
    record === undefined ? null : { ...record, root: Uint8Array.from(record.root) }
  return {
    id: 'memory',
    transact(work) {
      const written = new Map<string, WitnessRecord>()
      const result = work({
        read: (origin) => copy(written.get(origin) ?? committed.get(origin)),
        write: (origin, record) => void written.set(origin, { ...record, root: Uint8Array.from(record.root) }),
      })
      for (const [origin, record] of written) committed.set(origin, record)
      return result
    },
    read: (origin) => copy(committed.get(origin)),
    origins: () => [...committed.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    close: () => undefined,
  }
}
