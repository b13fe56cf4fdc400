/**
 * Writes the vectors of the decision: `node --conditions=samebits-source scripts/decision-vectors.ts`. The same run gives
 * the same bytes.
 */
import { writeFileSync } from 'node:fs'
import { decisionVectors } from './vectors/decision.ts'

const file = new URL('../test/vectors/decision.json', import.meta.url)
writeFileSync(file, `${JSON.stringify(decisionVectors(), null, 1)}\n`)
