/** Whether the artifact of a release is unpacked: the application's own choice, never the feed's; its media type says how. */
import type { Accepted } from '@samebits/core'
import { type ArchiveKind, archiveKind } from './archive.ts'
import { IoFailure } from './failure.ts'
import type { UpdaterOptions } from './options.ts'

/** @throws IoFailure INSTALL_FAILED where it should be unpacked and is no archive */
export function unpackingOf({ unpack = false }: UpdaterOptions, { files }: Accepted): ArchiveKind | null {
  const [artifact] = files
  if (!unpack || artifact === undefined) return null
  const kind = archiveKind(artifact.mediaType)
  if (kind !== null) return kind
  throw new IoFailure('INSTALL_FAILED', `${artifact.name} is ${artifact.mediaType}, which cannot be unpacked`)
}
