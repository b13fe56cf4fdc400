import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { copyMeasured, measure } from './artifacts.ts'
import { inFolder } from './testing.ts'

const signal = new AbortController().signal

describe('measure', () => {
  it.each([0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000])('hashes %d bytes', (size) =>
    inFolder(async (folder) => {
      const bytes = Buffer.alloc(size, 'samebits')
      const path = join(folder, 'notes-1.0.0.tgz')
      await writeFile(path, bytes)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      expect(await measure(path, signal)).toEqual({ name: 'notes-1.0.0.tgz', path, size, sha256 })
    }),
  )

  it('refuses what is not a file that is there', () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, 'dist'))
      await symlink('nowhere', join(folder, 'link'))
      for (const name of ['dist', 'link', 'missing'])
        await expect(measure(join(folder, name), signal)).rejects.toMatchObject({ code: 'ARTIFACT' })
    }))

  it('ends when it is asked to', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'a'), 'a')
      await expect(measure(join(folder, 'a'), AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop')
    }))
})

describe('copyMeasured', () => {
  it('copies the bytes that were hashed', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.bin')
      await writeFile(path, Buffer.alloc(3_000_000, 7))
      await copyMeasured(await measure(path, signal), join(folder, 'b.bin'), signal)
      expect(await readFile(join(folder, 'b.bin'))).toEqual(await readFile(path))
    }))

  it.each([
    ['longer', 'abcd'],
    ['shorter', 'ab'],
    ['other', 'abd'],
  ])('leaves nothing where the file is %s now', (_, now) =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.bin')
      await writeFile(path, 'abc')
      const measured = await measure(path, signal)
      await writeFile(path, now)
      await expect(copyMeasured(measured, join(folder, 'b.bin'), signal)).rejects.toMatchObject({
        code: 'ARTIFACT_CHANGED',
        exitCode: 10,
      })
      expect(await readdir(folder)).toEqual(['a.bin'])
    }),
  )
})
