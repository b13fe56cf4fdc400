import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../test-support/folders.ts'
import { createTileCache } from './tile-cache.ts'

const tile = (index: number) => ({ level: 0, index, width: 256 })
const bytes = new Uint8Array(8192).fill(7)

test('a tile is there for the next run', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'tiles')
  expect(await createTileCache(path).get(tile(1))).toBeNull()
  await createTileCache(path).put(tile(1), bytes)
  expect(new Uint8Array((await createTileCache(path).get(tile(1))) ?? [])).toEqual(bytes)
  expect(await readdir(path)).toEqual(['0-1'])
})

test('a folder that is no folder, or may not be written to, only makes it useless', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'file'), '')
  await mkdir(join(folder.path, 'closed'))
  await chmod(join(folder.path, 'closed'), 0o500)
  for (const name of ['file', 'closed/tiles']) {
    const cache = createTileCache(join(folder.path, name))
    await cache.put(tile(1), bytes)
    await cache.put(tile(2), bytes)
  }
  expect(await createTileCache(join(folder.path, 'file')).get(tile(1))).toBeNull()
})

test('it stays small', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'tiles')
  await mkdir(path)
  for (let at = 0; at < 1024; at++) await writeFile(join(path, `9-${at}`), '')
  const cache = createTileCache(path)
  await Promise.all([cache.put(tile(1), bytes), cache.put(tile(2), bytes), cache.put(tile(3), bytes)])
  await cache.put(tile(4), bytes)
  expect((await readdir(path)).length).toBeLessThanOrEqual(4)
  expect(await cache.get(tile(4))).not.toBeNull()
})
