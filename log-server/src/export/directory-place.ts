/** A folder of a log's files, for any web server. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isCode, syncDirectory, writeFileDurably } from '@samebits/host'
import type { StaticPlace } from './static-place.ts'

/** Everybody may read what is published. */
const mode = 0o644

export function directoryPlace(folder: string): StaticPlace {
  const known = new Set<string>()
  /** A new folder is durable once the one above it is synced. */
  const ensure = async (path: string): Promise<void> => {
    if (known.has(path)) return
    if (path !== folder) await ensure(dirname(path))
    const made = await mkdir(path, { recursive: path === folder, mode: 0o755 }).then(
      () => true,
      (error: unknown) => {
        if (isCode(error, 'EEXIST')) return false
        throw error
      },
    )
    if (made) await syncDirectory(dirname(path))
    known.add(path)
  }
  const read = async () => {
    try {
      return await readFile(join(folder, 'checkpoint'), 'utf8')
    } catch (error) {
      if (isCode(error, 'ENOENT')) return null
      throw error
    }
  }
  return {
    name: folder,
    async checkpoint() {
      const text = await read()
      return text === null ? null : { text, version: versionOf(text) }
    },
    async put(path, bytes) {
      await ensure(dirname(join(folder, path)))
      await writeFileDurably(join(folder, path), bytes, { mode })
    },
    /** Compared and swapped by one process at a time: the one that leads, and holds the lock of the log's folder. */
    async swapCheckpoint(text, version) {
      const before = await read()
      if ((before === null ? null : versionOf(before)) !== version) return false
      await ensure(folder)
      await writeFileDurably(join(folder, 'checkpoint'), text, { mode })
      return true
    },
    removeUnder: (prefix) => rm(join(folder, prefix), { recursive: true, force: true }),
  }
}

function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
