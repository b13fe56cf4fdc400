/** Single files of a source archive, read without unpacking it. */
import { list } from 'tar'

export interface ArchivedFile {
  /** In the archive, with `/`. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** Far above any recipe or lock file. */
const fileCap = 32 << 20

/** The regular files in the archive that `wanted` picks by their path, longer ones than 32 MiB left out. In archive order. */
export async function filesIn(archive: string, wanted: (path: string) => boolean): Promise<readonly ArchivedFile[]> {
  const found: ArchivedFile[] = []
  const reads: Promise<void>[] = []
  await list({
    file: archive,
    strict: true,
    filter: (path) => wanted(path),
    onReadEntry: (entry) => {
      if (entry.type !== 'File' || entry.size > fileCap) {
        entry.resume()
        return
      }
      reads.push(entry.concat().then((bytes) => void found.push({ path: entry.path, bytes })))
    },
  })
  await Promise.all(reads)
  return found
}
