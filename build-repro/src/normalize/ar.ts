/** An ar archive without times and owners. The order stays: in a Debian package and a static library it means something. */
import { MalformedError, slice, text } from '../check/containers/container.ts'
import type { Changes } from './changes.ts'

export function normalizeAr(bytes: Uint8Array, epoch: number, changes: Changes): Uint8Array {
  const clean = Buffer.from(bytes)
  for (let at = 8; at < clean.length; ) {
    const header = Buffer.from(slice(clean, at, 60))
    const size = Number(text(header.subarray(48, 58)).trim())
    if (text(header.subarray(58, 60)) !== '`\n' || !Number.isSafeInteger(size))
      throw new MalformedError('no header of a member')
    if (Number(text(header.subarray(16, 28)).trim()) > epoch) {
      changes.times++
      clean.write(String(epoch).padEnd(12), at + 16, 'latin1')
    }
    if (/[1-9]/.test(text(header.subarray(28, 40)))) {
      changes.owners++
      clean.write('0     0     ', at + 28, 'latin1')
    }
    at += 60 + size + (size % 2)
  }
  return clean
}
