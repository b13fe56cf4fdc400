/**
 * Evidence on disk: written once under the digest of its content, so that the same conviction gives the same file and none is
 * ever overwritten.
 *
 *     <folder>/evidence-<first 16 hex digits of its SHA-256>.json
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { createFileDurably, isCode } from '@samebits/host'
import { IoFailure, reasonOf } from './failure.ts'
import { type Identity, openFolder, privateMode } from './paths.ts'

/** @returns the path of the file. @throws IoFailure PATH_REFUSED where it cannot be written */
export async function writeEvidence(folder: string, text: string, identity: Identity): Promise<string> {
  const { path } = await openFolder(folder, identity, privateMode)
  const name = `evidence-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.json`
  const file = join(path, name)
  try {
    await createFileDurably(file, text, { mode: 0o644 })
  } catch (error) {
    if (!isCode(error, 'EEXIST'))
      throw new IoFailure('PATH_REFUSED', `cannot write the evidence to ${file}: ${reasonOf(error)}`, { cause: error })
  }
  return file
}
