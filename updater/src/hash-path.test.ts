import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../test-support/folders.ts'
import { hashFile } from './hash-path.ts'

describe('a file hashed whole', () => {
  test.each([0, 1, 1 << 20, (1 << 20) + 1, 16 << 20, (20 << 20) + 7])('of %i bytes', async (size) => {
    await using folder = await temporaryFolder()
    const bytes = randomBytes(size)
    const path = join(folder.path, 'file')
    await writeFile(path, bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(await hashFile(path)).toEqual({ sha256, size })
  })

  test.each([
    ['that is not there', 'none', 'ENOENT'],
    ['that is a folder', '.', 'EISDIR'],
  ])('%s is the error of the system', async (_, name, code) => {
    await using folder = await temporaryFolder()
    await expect(hashFile(join(folder.path, name))).rejects.toMatchObject({ code })
  })

  test('stops when it is told to', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'file')
    await writeFile(path, Buffer.alloc(40 << 20))
    const reason = new Error('enough')
    await expect(hashFile(path, AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})
