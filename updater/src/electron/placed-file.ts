/** A verified file where electron-updater will take it from, hashed again in the same turn in which it is run. */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import { IoFailure } from '../failure.ts'

export interface PlacedFile {
  readonly path: string
  readonly name: string
  readonly sha256: string
  readonly size: number
}

/** A file of the release, where it was put. */
export function placedFile(path: string, wanted: Omit<PlacedFile, 'path'> | undefined): PlacedFile {
  if (wanted === undefined) throw new IoFailure('DIGEST_MISMATCH', `${path} is no file of the release`)
  const { name, sha256, size } = wanted
  return { path, name, sha256, size }
}

const pieceBytes = 1 << 20

/**
 * Hashes without giving way, so that what follows in the same turn runs on what was hashed.
 * @throws IoFailure DIGEST_MISMATCH where another file, or none, lies there
 */
export function hashInThisTurn({ path, name, sha256, size }: PlacedFile): void {
  const fail = (seen: string, cause?: unknown) =>
    new IoFailure('DIGEST_MISMATCH', `${name} ${seen} between verification and installation`, { cause })
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    throw fail('went away', error)
  }
  try {
    const opened = fstatSync(fd)
    const named = lstatSync(path)
    if (!opened.isFile() || named.ino !== opened.ino || named.dev !== opened.dev || opened.size !== size)
      throw fail('was exchanged')
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafeSlow(pieceBytes)
    for (let at = 0; ; ) {
      const count = readSync(fd, buffer, 0, pieceBytes, at)
      if (count === 0) break
      hash.update(buffer.subarray(0, count))
      at += count
    }
    if (hash.digest('hex') !== sha256) throw fail('was changed')
  } finally {
    closeSync(fd)
  }
}
