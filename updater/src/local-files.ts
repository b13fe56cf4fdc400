/** Artifacts that a person brought along: taken over by copy, hashed on the way like a download. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode, syncDirectory } from '@samebits/host'
import { IoFailure } from './failure.ts'
import { artifactPath, openPlainFile } from './paths.ts'

const pieceBytes = 1 << 20

/**
 * Copies `folder/name` to `directory/<sha256>` where it has this length and digest.
 * @returns whether there was such a file. @throws IoFailure DIGEST_MISMATCH, SIZE_EXCEEDED, PATH_REFUSED
 */
export async function takeLocalFile(
  folder: string,
  wanted: { readonly name: string; readonly sha256: string; readonly size: number },
  directory: string,
): Promise<boolean> {
  const from = artifactPath(folder, wanted.name)
  const source = await openPlainFile(from, constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (source === null) return false
  const part = join(directory, `${wanted.sha256}.local`)
  await rm(part, { force: true })
  const target = await openPlainFile(part, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL)
  try {
    const hash = createHash('sha256')
    let size = 0
    for await (const piece of source.createReadStream({ highWaterMark: pieceBytes, autoClose: false })) {
      size += piece.length
      if (size > wanted.size)
        throw new IoFailure('SIZE_EXCEEDED', `${from} is larger than the ${wanted.size} bytes that were logged`)
      hash.update(piece)
      await target.writeFile(piece)
    }
    const seen = hash.digest('hex')
    if (seen !== wanted.sha256)
      throw new IoFailure('DIGEST_MISMATCH', `${from} has SHA-256 ${seen}, and ${wanted.sha256} is what was logged`)
    await target.sync()
    await rename(part, join(directory, wanted.sha256))
    await syncDirectory(directory)
    return true
  } finally {
    await source.close()
    await target.close()
    await rm(part, { force: true })
  }
}
