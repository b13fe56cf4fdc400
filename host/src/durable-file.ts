/**
 * Files that are whole or absent after a crash.
 *
 * A rename is atomic but not durable: without a sync of the file its bytes may be missing, without a sync of the folder
 * its name may be. Every function here returns only when both are on the disk.
 */
import { randomBytes } from 'node:crypto'
import { constants, type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isCode } from './system-error.ts'

/** How a file is to be created. */
export interface DurableFileOptions {
  /** Permission bits of the new file; 0o644 unless told, further narrowed by the umask. Ignored by Windows. */
  readonly mode?: number
}

/**
 * Replaces `path` by `bytes`, atomically and durably: a reader, also one after a power cut, sees the old content or the new.
 *
 * A link at `path` is replaced, never followed. What is left of an interrupted call is `.<name>.<hex>.tmp` beside it.
 */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | string,
  options: DurableFileOptions = {},
): Promise<void> {
  const temporary = temporaryBeside(path)
  await writeAndSync(temporary, bytes, options)
  try {
    await rename(temporary, path)
  } catch (error) {
    await discard(temporary)
    throw error
  }
  await syncDirectory(dirname(path))
}

/**
 * Creates `path` with `bytes` durably and refuses (EEXIST) to replace anything that is there, link or file.
 */
export async function createFileDurably(
  path: string,
  bytes: Uint8Array | string,
  options: DurableFileOptions = {},
): Promise<void> {
  const temporary = temporaryBeside(path)
  await writeAndSync(temporary, bytes, options)
  try {
    await link(temporary, path)
  } finally {
    await discard(temporary)
  }
  await syncDirectory(dirname(path))
}

/** Makes the names in a folder durable. Windows has no such call: its file systems journal names, and opening a folder is refused. */
export async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle
  try {
    handle = await open(path, constants.O_RDONLY)
  } catch (error) {
    if (isCode(error, 'EPERM', 'EISDIR', 'EACCES') && onWindows) return
    throw error
  }
  try {
    await handle.sync()
  } catch (error) {
    if (!(onWindows && isCode(error, 'EPERM'))) throw error
  } finally {
    await handle.close()
  }
}

const onWindows = process.platform === 'win32'

function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
}

async function writeAndSync(path: string, bytes: Uint8Array | string, { mode = 0o644 }: DurableFileOptions) {
  const handle = await open(path, 'wx', mode)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
    await handle.close()
  } catch (error) {
    await handle.close().catch(() => undefined)
    await discard(path)
    throw error
  }
}

async function discard(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error
  })
}
