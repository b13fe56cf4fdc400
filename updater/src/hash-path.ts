/**
 * SHA-256 of a whole file for a program that has nothing else to do meanwhile. Measured for 50 MB: reading without the detour
 * through the pool of threads takes a fifth less, and a thread of its own takes longer than the hash.
 */
import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { FileDigest } from './file-hash.ts'

const pieceBytes = 256 * 1024
/** Other work, an interrupt for one, gets its turn this often. */
const bytesATurn = 8 * 1024 * 1024

/** @throws the system's error where the file cannot be read; the signal's reason */
export async function hashFile(path: string, signal?: AbortSignal): Promise<FileDigest> {
  const handle = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafeSlow(pieceBytes)
    const hash = createHash('sha256')
    let size = 0
    for (;;) {
      signal?.throwIfAborted()
      const count = readSync(handle.fd, buffer, 0, pieceBytes, size)
      if (count === 0) return { sha256: hash.digest('hex'), size }
      hash.update(buffer.subarray(0, count))
      size += count
      if (size % bytesATurn === 0) await turn()
    }
  } finally {
    await handle.close()
  }
}
