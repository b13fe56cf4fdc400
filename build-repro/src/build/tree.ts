/** Source trees on disk: unpacked, copied, and with every time clamped. */
import type { Stats } from 'node:fs'
import { constants } from 'node:fs'
import { chmod, copyFile, lstat, lutimes, mkdir, readdir, readlink, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { extract } from 'tar'

/** Unpacks a tar into an empty folder. Modes as the archive says, owners ours; entries that point outside are refused. */
export async function unpackArchive(archive: string, folder: string): Promise<void> {
  await extract({ file: archive, cwd: folder, strict: true, preserveOwner: false, noChmod: false, umask: 0 })
}

/** What is not part of a source, wherever it lies: git's own files and ours. */
const notSource = new Set(['.git', '.samebits'])

export interface CopyOptions {
  /** The order in which the names of each folder are made; default: as listed. */
  readonly arrange?: (names: readonly string[]) => readonly string[]
  /** Leave out what is not part of a source. */
  readonly sourceOnly?: boolean
}

/** Copies everything inside `from` into the existing folder `to`: files, folders, symbolic links, modes and times. */
export async function copyTree(from: string, to: string, options: CopyOptions = {}): Promise<void> {
  const listed = (await readdir(from)).filter((name) => !(options.sourceOnly === true && notSource.has(name)))
  for (const name of options.arrange?.(listed) ?? listed) {
    const [source, target] = [join(from, name), join(to, name)]
    const stats = await lstat(source)
    await copyOne(source, target, stats, options)
    await lutimes(target, stats.atime, stats.mtime)
  }
}

async function copyOne(source: string, target: string, stats: Stats, options: CopyOptions): Promise<void> {
  if (stats.isSymbolicLink()) return symlink(await readlink(source), target)
  if (stats.isDirectory()) {
    await mkdir(target)
    await copyTree(source, target, options)
    return chmod(target, stats.mode & 0o7777)
  }
  if (!stats.isFile()) return
  await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await chmod(target, stats.mode & 0o7777)
}

/** Sets every time later than `epoch` to it: nothing in the tree tells when it was unpacked or fetched. */
export async function clampTimes(path: string, epoch: number): Promise<void> {
  const stats = await lstat(path)
  if (stats.isDirectory()) for (const name of await readdir(path)) await clampTimes(join(path, name), epoch)
  if (stats.mtimeMs > epoch * 1000) await lutimes(path, epoch, epoch)
}

/** The modes that a plain umask gives, whatever the machine's own was: what is not executable is 644, folders 755. */
export async function plainModes(path: string): Promise<void> {
  const stats = await lstat(path)
  if (stats.isSymbolicLink()) return
  if (stats.isDirectory()) {
    await chmod(path, 0o755)
    for (const name of await readdir(path)) await plainModes(join(path, name))
  } else if (stats.isFile()) await chmod(path, (stats.mode & 0o100) === 0 ? 0o644 : 0o755)
}
