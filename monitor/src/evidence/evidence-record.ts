/** Evidence as it is kept: judged once more by `core`, as a stranger would, before anybody is told that it convicts. */
import { checkEvidence, type Evidence, formatEvidence, type Trust, toHex, type VerifierKey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { identities } from '../index/identities.ts'
import type { EvidenceRecord, MonitorReader, MonitorWriter } from '../state/monitor-store.ts'
import { aboutOf, canonicalEvidence, subjectOf } from './canonical-evidence.ts'

export interface KeptEvidence {
  readonly record: EvidenceRecord
  /** What it is about, whatever its bytes: the same is kept and told once. */
  readonly subject: string
  /** The two things that it holds against each other. */
  readonly about: readonly string[]
  readonly bytes: Uint8Array
}

/** Whom evidence is judged by. */
export interface Judges {
  /** Keys of the log and of the witnesses. */
  readonly keys: readonly VerifierKey[]
  /** The trust file, for the kinds about statements. */
  readonly trust?: Trust
}

/** Files of one kind kept of a log: whoever has forked makes more at every step. */
const maxEvidence = 64

/** The record of evidence that convicts, or of a question; null where it proves nothing. */
export function judgeEvidence(
  evidence: Evidence,
  { keys, trust }: Judges,
  at: number,
  from: EvidenceRecord['from'],
): KeptEvidence | null {
  const judge = (one: Evidence) =>
    checkEvidence({ crypto: nodeCrypto, evidence: one, keys, identities, ...(trust === undefined ? {} : { trust }) })
  if (judge(evidence).verdict === 'nothing') return null
  const canonical = canonicalEvidence(evidence, keys, trust)
  const found = judge(canonical)
  if (found.verdict === 'nothing') return null
  const bytes = formatEvidence(canonical)
  const id = toHex(nodeCrypto.sha256(bytes))
  const { kind, origin } = evidence
  const convicted = found.convicted?.name ?? null
  return {
    record: { id, kind, origin, convicted, findings: found.findings, at, from },
    subject: subjectOf(nodeCrypto, canonical, convicted),
    about: aboutOf(nodeCrypto, canonical),
    bytes,
  }
}

/** Keeps a file, unless there are enough of its kind. The id of the one that is kept about this subject; null where none is. */
export function keepEvidence(
  reader: Pick<MonitorReader, 'evidenceAbout' | 'evidenceCount'>,
  writer: Pick<MonitorWriter, 'addEvidence'>,
  { record, subject, bytes }: KeptEvidence,
): string | null {
  const known = reader.evidenceAbout(subject)
  if (known !== null) return known
  if (reader.evidenceCount(record.origin, record.kind) >= maxEvidence) return null
  writer.addEvidence(record, subject, bytes)
  return record.id
}
