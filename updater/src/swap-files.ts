/** The single file operations of an installation. Each is atomic or may be repeated. */
import { type BigIntStats, constants } from 'node:fs'
import { copyFile, type FileHandle, link, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode, syncDirectory } from '@samebits/host'
import { IoFailure } from './failure.ts'
import { type FileDigest, hashHandle } from './file-hash.ts'
import type { InstalledFile } from './journal.ts'
import { artifactPath, openPlainFile } from './paths.ts'

/** Length and SHA-256 of the plain file at `path`, or null where there is none. */
export async function fileAt(path: string): Promise<FileDigest | null> {
  const handle = await openPlainFile(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (handle === null) return null
  try {
    return await hashHandle(handle)
  } finally {
    await handle.close()
  }
}

/** SHA-256 of the plain file at `path`, or null where there is none. */
export async function digestOf(path: string): Promise<string | null> {
  return (await fileAt(path))?.sha256 ?? null
}

/** Gives every file a second name in `keeping`, which is made anew. */
export async function keep(files: readonly InstalledFile[], folder: string, keeping: string): Promise<void> {
  await rm(keeping, { recursive: true, force: true })
  await mkdir(keeping, { mode: 0o700 })
  for (const { name } of files) await duplicate(artifactPath(folder, name), join(keeping, name))
  await syncDirectory(keeping)
}

/** A second name for `from`, or a synced copy where the file system has no second names. What is at `to` goes. */
export async function duplicate(from: string, to: string): Promise<void> {
  await rm(to, { force: true })
  try {
    await link(from, to)
  } catch (error) {
    if (!isCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EXDEV', 'ENOSYS')) throw error
    await copyFile(from, to, constants.COPYFILE_EXCL)
    const handle = await open(to, 'r+')
    await handle.sync().finally(() => handle.close())
  }
}

/** A file whose bytes were hashed through `handle`, and what the system said of it before that began. */
export interface OpenFile {
  readonly handle: FileHandle
  readonly hashed: BigIntStats
}

/**
 * Renames the open file from `staged` to `target`, and makes sure that it is this file, unchanged since it was hashed, that
 * arrived: what was hashed is what is installed.
 * @throws IoFailure INSTALL_FAILED where another file arrived, or this one changed meanwhile
 */
export async function moveInto({ handle, hashed }: OpenFile, staged: string, target: string): Promise<void> {
  await rename(staged, target)
  const arrived = await lstat(target, { bigint: true })
  const now = await handle.stat({ bigint: true })
  if (!isUnchanged(hashed, now) || arrived.ino !== now.ino || arrived.dev !== now.dev || !arrived.isFile())
    throw new IoFailure('INSTALL_FAILED', `${target} was exchanged between verification and installation`)
}

/** @throws IoFailure INSTALL_FAILED where the file was written to since it was hashed */
export async function assertUnchanged({ handle, hashed }: OpenFile, name: string): Promise<void> {
  if (!isUnchanged(hashed, await handle.stat({ bigint: true })))
    throw new IoFailure('INSTALL_FAILED', `${name} was altered between verification and installation`)
}

function isUnchanged(hashed: BigIntStats, now: BigIntStats): boolean {
  return hashed.size === now.size && hashed.mtimeNs === now.mtimeNs
}
