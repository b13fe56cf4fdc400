import { anchorVectors } from './anchor.ts'
import { entryVectors } from './entry.ts'
import { evidenceVectors } from './evidence.ts'
import { statementVectors } from './statement.ts'
import { trustVectors } from './trust.ts'
import { updateBundleVectors } from './update-bundle.ts'

/** The exact text of each vector file of the release formats, by its name without `.json`. */
export function releaseVectors(): Record<string, string> {
  const files = {
    statement: statementVectors(),
    entry: entryVectors(),
    trust: trustVectors(),
    'update-bundle': updateBundleVectors(),
    anchor: anchorVectors(),
    evidence: evidenceVectors(),
  }
  return Object.fromEntries(Object.entries(files).map(([name, value]) => [name, `${JSON.stringify(value, null, 1)}\n`]))
}
