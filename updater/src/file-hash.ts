/** SHA-256 of a file through an open handle: reading and hashing overlap, memory stays at two buffers. */
import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

const pieceBytes = 1 << 20

export interface FileDigest {
  /** 64 lower-case hex digits. */
  readonly sha256: string
  readonly size: number
}

/** Reads the whole file from its start, whatever the handle's position. */
export async function hashHandle(handle: FileHandle, signal?: AbortSignal): Promise<FileDigest> {
  const hash = createHash('sha256')
  const size = await hashInto(hash, handle, Number.MAX_SAFE_INTEGER, signal)
  return { sha256: hash.digest('hex'), size }
}

/** Feeds the first `limit` bytes of the file to `hash`. @returns how many there were */
export async function hashInto(hash: Hash, handle: FileHandle, limit: number, signal?: AbortSignal): Promise<number> {
  let buffer = Buffer.allocUnsafeSlow(pieceBytes)
  let spare = Buffer.allocUnsafeSlow(pieceBytes)
  let offset = 0
  const read = (into: Buffer, at: number) => handle.read(into, 0, Math.min(into.length, limit - at), at)
  let pending = read(buffer, 0)
  for (;;) {
    const { bytesRead } = await pending
    if (bytesRead === 0) return offset
    signal?.throwIfAborted()
    const filled = buffer
    offset += bytesRead
    ;[buffer, spare] = [spare, buffer]
    pending = read(buffer, offset)
    hash.update(filled.subarray(0, bytesRead))
  }
}
