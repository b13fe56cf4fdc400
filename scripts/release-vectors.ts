/** Writes the vectors of the release formats: `node scripts/release-vectors.ts`. The same run gives the same bytes. */
import { writeFileSync } from 'node:fs'
import { releaseVectors } from './vectors/release-all.ts'

for (const [name, text] of Object.entries(releaseVectors())) {
  writeFileSync(new URL(`../test/vectors/${name}.json`, import.meta.url), text)
}
