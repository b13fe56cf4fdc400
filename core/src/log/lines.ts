/** What the line-based messages share: a head, a blank line, a checkpoint; and lines of one hash each. */
import { fromBase64, toBase64 } from '../bytes.ts'
import { HASH_SIZE } from '../crypto.ts'
import { FormatError } from '../errors.ts'

/**
 * Parts a message at its first blank line. `head` comes without its last newline, `rest` starts after the blank line.
 */
export function splitAtBlankLine(format: string, text: string): { head: string; rest: string } {
  const blank = text.indexOf('\n\n')
  if (blank < 0) throw new FormatError(format, 'no blank line before the checkpoint')
  return { head: text.slice(0, blank), rest: text.slice(blank + 2) }
}

/** One base64 SHA-256 hash per line. */
export function parseHashLines(format: string, lines: readonly string[], most: number): Uint8Array[] {
  if (lines.length > most) throw new FormatError(format, `more than ${most} hashes`)
  return lines.map((line) => {
    const hash = fromBase64(line)
    if (hash.length !== HASH_SIZE) throw new FormatError(format, `a hash of ${hash.length} bytes`)
    return hash
  })
}

/** The lines that `parseHashLines` reads, each with its newline. */
export function formatHashLines(format: string, hashes: readonly Uint8Array[], most: number): string {
  if (hashes.length > most) throw new FormatError(format, `more than ${most} hashes`)
  if (hashes.some(({ length }) => length !== HASH_SIZE))
    throw new FormatError(format, 'a hash of another length than 32')
  return hashes.map((hash) => `${toBase64(hash)}\n`).join('')
}
