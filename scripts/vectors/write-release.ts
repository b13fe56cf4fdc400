/** Writes the vectors of the release formats: `node scripts/vectors/write-release.ts`. The same run gives the same bytes. */
import { writeFileSync } from 'node:fs'
import { releaseVectors } from './release-all.ts'

for (const [name, text] of Object.entries(releaseVectors())) {
  writeFileSync(new URL(`../../test/vectors/${name}.json`, import.meta.url), text)
}
