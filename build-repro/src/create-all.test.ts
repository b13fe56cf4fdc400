import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createAll } from './create-all.ts'
import { inFolder } from './testing.ts'

const files = [
  { path: 'keys/publisher.pem', content: 'secret', secret: true },
  { path: 'trust.json', content: '{}' },
  { path: 'samebits.build.json', content: '{}' },
]

describe('several new files', () => {
  it('are all there, secrets for their owner alone', () =>
    inFolder(async (folder) => {
      await createAll(folder, files)
      expect((await readdir(folder)).sort()).toEqual(['keys', 'samebits.build.json', 'trust.json'])
      if (process.platform === 'win32') return
      expect((await stat(join(folder, 'keys/publisher.pem'))).mode & 0o777).toBe(0o600)
      expect((await stat(join(folder, 'keys'))).mode & 0o777).toBe(0o700)
    }))

  it.each(['keys/publisher.pem', 'trust.json', 'samebits.build.json'])('are not made where %s exists', (path) =>
    inFolder(async (folder) => {
      await mkdir(join(folder, 'keys'))
      await writeFile(join(folder, path), 'mine')
      await expect(createAll(folder, files)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', exitCode: 64 })
      expect(await readFile(join(folder, path), 'utf8')).toBe('mine')
      expect((await readdir(folder, { recursive: true })).sort()).toEqual([...new Set(['keys', path])].sort())
    }),
  )

  it('are taken back where one of them cannot be written', () =>
    inFolder(async (folder) => {
      const impossible = { path: `${'x'.repeat(300)}.json`, content: '{}' }
      await expect(createAll(folder, [...files, impossible])).rejects.toMatchObject({ code: 'ENAMETOOLONG' })
      expect(await readdir(folder)).toEqual([])
    }))
})
