/** The recipe and the Dockerfile with which this project itself is reproduced. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseBuild } from '../../build-repro/src/build/open-build.ts'
import { floatingImages } from '../../build-repro/src/image/dockerfile.ts'
import type { Program } from './program.ts'

const root = join(import.meta.dirname, '..', '..')

it('floats nowhere', async () => {
  const text = await readFile(join(root, 'Dockerfile.repro'), 'utf8')
  expect(text).toMatch(/^FROM \S+@sha256:[0-9a-f]{64}$/m)
  expect(text).toMatch(/^ARG SNAPSHOT=[0-9]{8}T[0-9]{6}Z$/m)
  expect(floatingImages(text)).toEqual([])
})

it('builds by the recipe as the registry-free image does', async () => {
  const { recipe } = parseBuild(await readFile(join(root, 'samebits.build.json')))
  const program = JSON.parse(await readFile(join(import.meta.dirname, 'programs', 'samebits.json'), 'utf8')) as Program
  expect(recipe.image).toEqual({ dockerfile: 'Dockerfile.repro' })
  expect([recipe.build.run, recipe.artifacts]).toEqual([program.build.run, program.build.artifacts])
})
