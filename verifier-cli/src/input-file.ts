/** Files that a person names on the command line: small, and read at once. */
import { readFileSync, statSync } from 'node:fs'
import { ProgramError, systemReason } from '@samebits/host'

/** A file that cannot be read ends a command before it has decided anything. */
function unreadable(what: string, path: string, reason: string): ProgramError {
  return new ProgramError({
    code: 'FILE_UNREADABLE',
    detail: `cannot read the ${what} ${path}: ${reason}`,
    remedy: 'Check the path and its permissions.',
  })
}

/** The bytes of a file of at most `maxBytes`. @throws ProgramError FILE_UNREADABLE */
export function readInput(what: string, path: string, maxBytes: number): Uint8Array {
  const bytes = readOptional(what, path, maxBytes)
  if (bytes === null) throw unreadable(what, path, 'no such file (ENOENT)')
  return bytes
}

/** As `readInput`, or null where there is no such file. */
export function readOptional(what: string, path: string, maxBytes: number): Uint8Array | null {
  try {
    const { size } = statSync(path)
    if (size > maxBytes) throw unreadable(what, path, `it is larger than ${maxBytes} bytes`)
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    if (error instanceof ProgramError || !(error instanceof Error)) throw error
    if ('code' in error && error.code === 'ENOENT') return null
    throw unreadable(what, path, systemReason(error))
  }
}
