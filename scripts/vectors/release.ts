/** Writes the vectors of the release formats: `node scripts/vectors/release.ts`. The same run gives the same bytes. */
import { writeFileSync } from 'node:fs'
import { statementVectors } from './statement.ts'

const vectors: Readonly<Record<string, () => unknown>> = {
  statement: statementVectors,
}

for (const [name, make] of Object.entries(vectors)) {
  const file = new URL(`../../test/vectors/${name}.json`, import.meta.url)
  writeFileSync(file, `${JSON.stringify(make(), null, 1)}\n`)
}
