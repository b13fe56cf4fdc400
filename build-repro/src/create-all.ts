/** Several new files, all or none, and never in the place of anything that is there. */
import { lstat, mkdir, rmdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createFileDurably, isCode, ProgramError, writeKeyFile } from '@samebits/host'

export interface NewFile {
  /** Relative to the folder, with `/`. */
  readonly path: string
  readonly content: string | Uint8Array
  /** A private key: mode 0600. */
  readonly secret?: boolean
}

/**
 * Creates `files` in order, durably. Where one cannot be created, those before it are removed again, so that the same
 * command can be run once more. The last file is the one that makes the others count.
 *
 * @throws ProgramError OUTPUT_EXISTS before anything is written, or what the system said
 */
export async function createAll(folder: string, files: readonly NewFile[]): Promise<void> {
  await refuseExisting(folder, files)
  const undo: (() => Promise<void>)[] = []
  try {
    for (const { path, content, secret } of files) {
      const target = join(folder, path)
      const made = await mkdir(dirname(target), { recursive: true, mode: secret ? 0o700 : 0o777 })
      if (made !== undefined) undo.push(() => rmdir(made))
      if (secret) await writeKeyFile(target, String(content))
      else await createFileDurably(target, content)
      undo.push(() => unlink(target))
    }
  } catch (error) {
    const left = await Promise.allSettled(undo.reverse().map((step) => step()))
    const failed = left.find((outcome) => outcome.status === 'rejected')
    throw failed === undefined ? error : new AggregateError([error, failed.reason], 'could not clean up')
  }
}

async function refuseExisting(folder: string, files: readonly NewFile[]): Promise<void> {
  const found = await Promise.all(files.map(async ({ path }) => ((await exists(join(folder, path))) ? [path] : [])))
  const paths = found.flat()
  if (paths.length === 0) return
  throw new ProgramError({
    code: 'OUTPUT_EXISTS',
    detail: `${paths.join(', ')} ${paths.length === 1 ? 'is' : 'are'} there already in ${folder}`,
    remedy: 'Nothing was changed. Work in another folder, or move these away.',
  })
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (isCode(error, 'ENOENT', 'ENOTDIR')) return false
      throw error
    },
  )
}
