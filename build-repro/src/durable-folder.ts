/** Folders that are whole or absent after a crash: made beside their place, synced, and put there by one rename. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createFileDurably, isCode, syncDirectory } from '@samebits/host'

export interface FolderFile {
  /** Relative, at most one folder deep. */
  readonly path: string
  readonly content: Uint8Array | string
}

/** Creates `<parent>/<name>` with these files. What an interrupted call leaves is `.<hex>.tmp` beside it. */
export async function createFolderDurably(parent: string, name: string, files: readonly FolderFile[]): Promise<void> {
  await mkdir(parent, { recursive: true })
  const temporary = join(parent, `.${randomBytes(6).toString('hex')}.tmp`)
  await mkdir(temporary)
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) {
    if (folder === '.') continue
    await mkdir(join(temporary, folder))
    await syncDirectory(temporary)
  }
  for (const { path, content } of files) await createFileDurably(join(temporary, path), content)
  await rename(temporary, join(parent, name))
  await syncDirectory(parent)
}

/** The names in a folder of such folders; what interrupted calls left is removed. Call under the lock that covers it. */
export async function readFolder(parent: string): Promise<readonly string[]> {
  const names = await readdir(parent).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return []
    throw error
  })
  for (const name of names.filter((name) => name.startsWith('.'))) await rm(join(parent, name), { recursive: true })
  return names.filter((name) => !name.startsWith('.'))
}
