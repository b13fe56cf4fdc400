import { checkpointVectors } from './checkpoint.ts'
import { cosignatureVectors } from './cosignature.ts'
import { noteVectors } from './note.ts'
import { policyVectors } from './policy.ts'
import { tileVectors } from './tile.ts'
import { tlogProofVectors } from './tlog-proof.ts'
import { witnessVectors } from './witness.ts'

/** Each vector file's exact text, by its name without `.json`. */
export function logVectors(): Record<string, string> {
  const files = {
    note: noteVectors(),
    checkpoint: checkpointVectors(),
    cosignature: cosignatureVectors(),
    policy: policyVectors(),
    'tlog-proof': tlogProofVectors(),
    witness: witnessVectors(),
    tile: tileVectors(),
  }
  return Object.fromEntries(Object.entries(files).map(([name, value]) => [name, `${JSON.stringify(value, null, 1)}\n`]))
}
