/** Trust files named on the command line. */
import { parseTrust, remedyFor, type Trust, TrustError } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { readInput } from './input-file.ts'

/** formats.md §1: detached bodies, trust files among them, have at most 4 MiB. */
export const maxTrustBytes: number = 4 * 1024 * 1024

/** TRUST_INVALID as a failure of the whole command, with the exit status of a refusal. */
export function trustInvalid(detail: string): ProgramError {
  return new ProgramError({ code: 'TRUST_INVALID', detail, remedy: remedyFor('TRUST_INVALID'), exitCode: 10 })
}

/** @throws ProgramError FILE_UNREADABLE, TRUST_INVALID */
export function readTrustFile(path: string): Trust {
  try {
    return parseTrust(nodeCrypto, readInput('trust file', path, maxTrustBytes))
  } catch (error) {
    if (error instanceof TrustError) throw trustInvalid(`${path}: ${error.detail}`)
    throw error
  }
}
