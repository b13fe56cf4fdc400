import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { logVectors } from '../../../scripts/vectors/all.ts'

test.each(Object.entries(logVectors()))('test/vectors/%s.json is what scripts/log-vectors.ts writes', (name, text) => {
  expect(readFileSync(new URL(`../../../test/vectors/${name}.json`, import.meta.url), 'utf8') === text).toBe(true)
})
