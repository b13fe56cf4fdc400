/** Evidence as it is kept: judged once more by `core`, as a stranger would, before anybody is told that it convicts. */
import { checkEvidence, type Evidence, formatEvidence, type Trust, toHex, type VerifierKey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { identities } from '../index/identities.ts'
import type { EvidenceRecord } from '../state/monitor-store.ts'

export interface KeptEvidence {
  readonly record: EvidenceRecord
  readonly bytes: Uint8Array
}

/** Whom evidence is judged by. */
export interface Judges {
  /** Keys of the log and of the witnesses. */
  readonly keys: readonly VerifierKey[]
  /** The trust file, for the kinds about statements. */
  readonly trust?: Trust
}

/** The record of evidence that convicts, or of a question; null where it proves nothing. */
export function judgeEvidence(
  evidence: Evidence,
  { keys, trust }: Judges,
  at: number,
  from: EvidenceRecord['from'],
): KeptEvidence | null {
  const judges = { keys, identities, ...(trust === undefined ? {} : { trust }) }
  const found = checkEvidence({ crypto: nodeCrypto, evidence, ...judges })
  if (found.verdict === 'nothing') return null
  const bytes = formatEvidence(evidence)
  const id = toHex(nodeCrypto.sha256(bytes))
  const { kind, origin } = evidence
  const convicted = found.convicted?.name ?? null
  return { record: { id, kind, origin, convicted, findings: found.findings, at, from }, bytes }
}
