/** Archives that can be unpacked: which media types they have, and the members that a reader of each hands over. */
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'

export type ArchiveKind = 'tar.gz' | 'zip'

const kinds: ReadonlyMap<string, ArchiveKind> = new Map([
  ['application/gzip', 'tar.gz'],
  ['application/x-gzip', 'tar.gz'],
  ['application/x-gtar', 'tar.gz'],
  ['application/x-compressed-tar', 'tar.gz'],
  ['application/zip', 'zip'],
])

/** How a file of this media type is unpacked; null where it is none that can be. */
export function archiveKind(mediaType: string): ArchiveKind | null {
  return kinds.get(mediaType) ?? null
}

/** What an archive holds, as the archive tells it: nothing is checked. */
export interface Member {
  readonly name: string
  /** link: a symbolic one; other: a hard link, a device, anything else. */
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  /** Whether its owner may run it. */
  readonly executable: boolean
  /** Bytes that the archive says it has. */
  readonly size: number
  /** Its bytes, a link's target in UTF-8; to be read before the next member is asked for. */
  readonly open: () => Promise<Readable | AsyncIterable<Uint8Array>>
}

/** Reads the members of the archive behind an open handle, in their order. */
export type ReadMembers = (archive: FileHandle, size: number, limits: UnpackLimits) => AsyncIterable<Member>

export interface UnpackLimits {
  /** Files, folders and links together. */
  readonly members: number
  /** Bytes of all files together. */
  readonly bytes: number
  /** Bytes that one byte of the archive may become, above a first allowance. */
  readonly ratio: number
}

export const unpackLimits: UnpackLimits = { members: 100_000, bytes: 16 * 2 ** 30, ratio: 200 }

/** Small archives of very repetitive text are no bombs. */
const allowance = 64 * 2 ** 20

/** Bytes that an archive of this length may become. */
export function unpackedBytesLimit(size: number, { bytes, ratio }: UnpackLimits): number {
  return Math.min(bytes, allowance + size * ratio)
}
