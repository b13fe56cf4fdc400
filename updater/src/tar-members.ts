/** The members of a gzipped tar archive, read as a stream: POSIX ustar and pax, and GNU's long names, as modern-tar knows them. */
import { pipeline, Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { TarHeader } from 'modern-tar'
import type { Member, ReadMembers } from './archive.ts'
import { unpackedBytesLimit } from './archive.ts'
import { IoFailure } from './failure.ts'

const pieceBytes = 256 * 1024

/** Headers, padding and long names: what a tar has besides its files, for each member. */
const overheadBytes = 4096

export const readTarMembers: ReadMembers = async function* (archive, size, limits) {
  const { createTarDecoder } = await import('modern-tar')
  const most = unpackedBytesLimit(size, limits) + limits.members * overheadBytes
  const packed = archive.createReadStream({ start: 0, autoClose: false, highWaterMark: pieceBytes })
  // Whatever fails, or is given up, ends all three; the error is met where the last one is read.
  const plain = pipeline(packed, createGunzip({ chunkSize: pieceBytes }), stopAfter(most), () => undefined)
  const decoder = createTarDecoder({ strict: true })
  const fed = feed(plain, decoder.writable)
  // Awaited last; until then its failure is met where members are read.
  fed.catch(() => undefined)
  try {
    for await (const { header, body } of decoder.readable) {
      const { name, mode = 0, size: length } = header
      const common = { name, kind: kindOf(header), executable: (mode & 0o100) !== 0 }
      const target = Buffer.from(header.linkname ?? '')
      if (common.kind === 'link') yield { ...common, size: target.length, open: async () => Readable.from([target]) }
      else yield { ...common, size: length, open: async () => body }
    }
    await fed
  } finally {
    plain.destroy()
    await fed.catch(() => undefined)
  }
}

function kindOf({ name, type = 'file', pax = {} }: TarHeader): Member['kind'] {
  if (Object.keys(pax).some((key) => key.startsWith('GNU.sparse.'))) return 'other'
  if (type === 'file') return name.endsWith('/') ? 'directory' : 'file'
  if (type === 'symlink') return 'link'
  return type === 'directory' ? 'directory' : 'other'
}

/** Hands the tar to the decoder at the pace at which members are read. */
async function feed(plain: Readable, writable: WritableStream<Uint8Array>): Promise<void> {
  const writer = writable.getWriter()
  // Said by the call that fails.
  writer.closed.catch(() => undefined)
  try {
    for await (const piece of plain) {
      await writer.ready
      await writer.write(piece)
    }
    await writer.close()
  } catch (error) {
    await writer.abort(error).catch(() => undefined)
    throw error
  }
}

function stopAfter(most: number): Transform {
  let seen = 0
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      seen += piece.length
      if (seen <= most) done(null, piece)
      else done(new IoFailure('SIZE_EXCEEDED', `the archive unpacks to more than ${most} bytes`))
    },
  })
}
