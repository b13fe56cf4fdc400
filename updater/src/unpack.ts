/**
 * Unpacking a verified archive into a private folder, through the handle that its bytes were hashed through.
 *
 * Nothing in an archive is followed or believed: names are checked (`member-path.ts`), links and devices refused, sizes counted as
 * they come. What does not pass leaves nothing.
 */
import { chmod, type FileHandle, mkdir, rm } from 'node:fs/promises'
import { type ArchiveKind, type ReadMembers, type UnpackLimits, unpackedBytesLimit, unpackLimits } from './archive.ts'
import { IoFailure, isFailure, reasonOf } from './failure.ts'
import { readTarMembers } from './tar-members.ts'
import { TreeWriter } from './tree-writer.ts'
import { readZipMembers } from './zip-members.ts'

export interface UnpackJob {
  readonly archive: FileHandle
  readonly kind: ArchiveKind
  /** Its name and length, as they were signed. */
  readonly name: string
  readonly size: number
  /** Made anew; its parent must be private. */
  readonly into: string
  readonly platform: NodeJS.Platform
  readonly limits?: UnpackLimits
  readonly signal?: AbortSignal | undefined
}

const readers: Readonly<Record<ArchiveKind, ReadMembers>> = { 'tar.gz': readTarMembers, zip: readZipMembers }

/**
 * @returns the digest of the tree (`tree-digest.ts`)
 * @throws IoFailure PATH_REFUSED, SIZE_EXCEEDED, INSTALL_FAILED for an archive that cannot be read; the system's errors; the
 *   signal's reason
 */
export async function unpack(job: UnpackJob): Promise<string> {
  const { archive, kind, name, size, into, platform, limits = unpackLimits, signal } = job
  await rm(into, { recursive: true, force: true })
  await mkdir(into, { mode: 0o755 })
  await chmod(into, 0o755)
  const bytes = unpackedBytesLimit(size, limits)
  const writer = new TreeWriter({ root: into, platform, limits: { members: limits.members, bytes }, signal })
  try {
    for await (const member of readers[kind](archive, size, limits)) {
      signal?.throwIfAborted()
      await writer.write(member)
    }
    return await writer.end()
  } catch (error) {
    await rm(into, { recursive: true, force: true })
    if (signal?.aborted) throw signal.reason
    if (isFailure(error) || (error instanceof Error && 'syscall' in error)) throw error
    throw new IoFailure('INSTALL_FAILED', `the archive ${name} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}
