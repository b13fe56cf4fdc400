/** The evidence as files, for people and other programs: `DATA/evidence/<kind>-<id>.json`, each as it stands in the state. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createFileDurably, isCode, syncDirectory } from '@samebits/host'
import type { EvidenceRecord, MonitorReader } from '../state/monitor-store.ts'

/** Files written at once; there are never many. */
const newest = 1000

function evidenceFileName({ kind, id }: Pick<EvidenceRecord, 'kind' | 'id'>): string {
  return `${kind}-${id.slice(0, 32)}.json`
}

/** Writes what is not there yet: also what a process that was killed did not come to write. */
export async function writeEvidenceFiles(folder: string, reader: MonitorReader): Promise<void> {
  const records = reader.evidenceList(null, newest)
  if (records.length === 0) return
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await syncDirectory(join(folder, '..'))
  const there = new Set(await readdir(folder))
  for (const record of records) {
    const name = evidenceFileName(record)
    const bytes = there.has(name) ? null : reader.evidence(record.id)
    if (bytes === null) continue
    await createFileDurably(join(folder, name), bytes).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error
    })
  }
}
