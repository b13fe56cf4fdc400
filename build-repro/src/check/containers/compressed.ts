/** One stream compressed: gzip (RFC 1952), zstd (RFC 8878), and xz and bzip2 by the programs of these names where they are installed. */
import { spawnSync } from 'node:child_process'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type Container, containerLimits, MalformedError, text, view } from './container.ts'

const magics: readonly (readonly [string, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 8]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
  ['bzip2', [0x42, 0x5a, 0x68]],
]

export function compressionOf(bytes: Uint8Array): string | null {
  return magics.find(([, magic]) => magic.every((byte, at) => bytes[at] === byte))?.[0] ?? null
}

export function readCompressed(bytes: Uint8Array): Container {
  const format = compressionOf(bytes)
  const content = { name: 'content', bytes: decompress(format, bytes), offset: null, fields: {} }
  return { format: format ?? 'compressed', members: [content], fields: format === 'gzip' ? gzipFields(bytes) : {} }
}

function decompress(format: string | null, bytes: Uint8Array): Uint8Array {
  const options = { maxOutputLength: containerLimits.bytes }
  try {
    if (format === 'gzip') return gunzipSync(bytes, options)
    if (format === 'zstd') return zstdDecompressSync(bytes, options)
  } catch (error) {
    throw new MalformedError(error instanceof Error ? error.message : String(error))
  }
  const program = spawnSync(format ?? '', ['-dc'], { input: bytes, maxBuffer: containerLimits.bytes })
  if (program.status !== 0) throw new MalformedError(`${format} cannot be taken apart here`)
  return program.stdout
}

function gzipFields(bytes: Uint8Array): Readonly<Record<string, string>> {
  const flags = bytes[3] ?? 0
  const extra = (flags & 4) === 0 ? 0 : 2 + view(bytes).getUint16(10, true)
  return {
    mtime: String(view(bytes).getUint32(4, true)),
    level: String(bytes[8]),
    system: String(bytes[9]),
    name: (flags & 8) === 0 ? '' : text(bytes.subarray(10 + extra)),
  }
}
