/**
 * One digest for a whole folder: what was unpacked, and whether it still is that.
 *
 *     SHA-256 of the sorted lines   d "<path>"
 *                                   f <x|-> <size> <sha256> "<path>"
 *                                   l "<path>" "<target>"
 *
 * Paths are JSON strings relative to the folder, with `/`; a link's target is as the link has it, and never followed. Anything else
 * gives a line that no unpacked tree has.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode } from '@samebits/host'
import { hashHandle } from './file-hash.ts'
import { openPlainFile } from './paths.ts'

export interface TreeFile {
  readonly executable: boolean
  readonly size: number
  readonly sha256: string
}

export function directoryLine(path: string): string {
  return `d ${JSON.stringify(path)}\n`
}

export function fileLine(path: string, { executable, size, sha256 }: TreeFile): string {
  return `f ${executable ? 'x' : '-'} ${size} ${sha256} ${JSON.stringify(path)}\n`
}

export function linkLine(path: string, target: string): string {
  return `l ${JSON.stringify(path)} ${JSON.stringify(target)}\n`
}

export function digestOfLines(lines: readonly string[]): string {
  const hash = createHash('sha256')
  for (const line of lines.toSorted()) hash.update(line)
  return hash.digest('hex')
}

/** Whether files carry the right to be run, which Windows does not know. */
export function keepsModes(platform: NodeJS.Platform): boolean {
  return platform !== 'win32'
}

/** Reads the whole folder. @returns null where there is none */
export async function treeDigest(root: string, platform: NodeJS.Platform): Promise<string | null> {
  const top = await lstat(root).catch((error: unknown) => {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  })
  if (top === null || !top.isDirectory()) return null
  const lines: string[] = []
  await walk(root, '', platform, lines)
  return digestOfLines(lines)
}

async function walk(root: string, below: string, platform: NodeJS.Platform, lines: string[]): Promise<void> {
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) {
      lines.push(directoryLine(path))
      await walk(root, path, platform, lines)
    } else if (entry.isFile()) lines.push(fileLine(path, await readTreeFile(join(root, path), platform)))
    else if (entry.isSymbolicLink()) lines.push(linkLine(path, await readlink(join(root, path))))
    else lines.push(`? ${JSON.stringify(path)}\n`)
  }
}

async function readTreeFile(path: string, platform: NodeJS.Platform): Promise<TreeFile> {
  const handle = await openPlainFile(path, constants.O_RDONLY)
  try {
    const { mode } = await handle.stat()
    return { executable: keepsModes(platform) && (mode & 0o100) !== 0, ...(await hashHandle(handle)) }
  } finally {
    await handle.close()
  }
}
