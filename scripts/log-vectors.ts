/** Writes test/vectors/{note,checkpoint,cosignature,policy,tlog-proof,witness,tile}.json; the same bytes each time. */
import { writeFileSync } from 'node:fs'
import { logVectors } from './vectors/all.ts'

for (const [name, text] of Object.entries(logVectors())) {
  writeFileSync(new URL(`../test/vectors/${name}.json`, import.meta.url), text)
}
