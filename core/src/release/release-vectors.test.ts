import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { releaseVectors } from '../../../scripts/vectors/release-all.ts'

it.each(Object.entries(releaseVectors()))('%s.json is what scripts/release-vectors.ts writes', (name, text) => {
  const file = readFileSync(new URL(`../../../test/vectors/${name}.json`, import.meta.url), 'utf8')
  expect(file === text, 'run: node scripts/release-vectors.ts').toBe(true)
})

it.each(Object.entries(releaseVectors()))(
  '%s.json: every case has a description of its own, and most are refused',
  (_, text) => {
    const { cases } = JSON.parse(text) as { cases: readonly { desc: string; error?: string; verdict?: string }[] }
    expect(new Set(cases.map(({ desc }) => desc)).size).toBe(cases.length)
    const refused = cases.filter(({ error, verdict }) => error !== undefined || verdict === 'nothing')
    expect(refused.length).toBeGreaterThan(cases.length / 2)
  },
)
