/** The members of a zip archive, by its central directory, as yauzl reads it. Overlapping members are a bomb's, and refused. */
import type { Entry, ZipFile } from 'yauzl'
import type { Member, ReadMembers } from './archive.ts'
import { IoFailure } from './failure.ts'

/** APPNOTE.TXT 4.4.2: the system whose attributes a member has. */
const madeByUnix = 3
const fileTypeMask = 0o170_000
const regularFile = 0o100_000
const directory = 0o040_000
const symbolicLink = 0o120_000

export const readZipMembers: ReadMembers = async function* (archive, _size, { members }) {
  const yauzl = await import('yauzl')
  // Names are decoded below and checked like those of a tar, with one code for both.
  const options = { autoClose: false, lazyEntries: true, decodeStrings: false }
  const zip = await yauzl.fromFdPromise(archive.fd, options)
  if (zip.entryCount > members)
    throw new IoFailure('SIZE_EXCEEDED', `the archive has ${zip.entryCount} members, and ${members} are allowed`)
  const taken: Extent[] = []
  for await (const entry of zip.eachEntry()) {
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
    taken.push({ from: entry.relativeOffsetOfLocalHeader, to: fileDataStart + entry.compressedSize })
    const { generalPurposeBitFlag, fileNameRaw, extraFields } = entry
    yield memberOf(zip, entry, yauzl.getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true))
  }
  refuseOverlaps(taken)
}

function memberOf(zip: ZipFile, entry: Entry, name: string): Member {
  const mode = entry.versionMadeBy >>> 8 === madeByUnix ? entry.externalFileAttributes >>> 16 : 0
  return {
    name,
    kind: entry.isEncrypted() ? 'other' : kindOf(name, mode & fileTypeMask),
    executable: (mode & 0o100) !== 0,
    size: entry.uncompressedSize,
    open: () => zip.openReadStreamPromise(entry),
  }
}

function kindOf(name: string, type: number): Member['kind'] {
  const named = name.endsWith('/') ? 'directory' : 'file'
  if (type === 0 || type === (named === 'file' ? regularFile : directory)) return named
  return named === 'file' && type === symbolicLink ? 'link' : 'other'
}

interface Extent {
  readonly from: number
  readonly to: number
}

/** Many members over the same bytes: how a small archive becomes a huge one (Fifield, "A better zip bomb", 2019). */
function refuseOverlaps(taken: readonly Extent[]): void {
  const sorted = taken.toSorted((a, b) => a.from - b.from)
  for (const [at, { from }] of sorted.entries())
    if (from < (sorted[at - 1]?.to ?? 0))
      throw new IoFailure('SIZE_EXCEEDED', 'the archive has members that share the same bytes')
}
