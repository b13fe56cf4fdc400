/** Why a release was not built. */
import { describeFailure, ProgramError } from '@samebits/host'

/**
 * Nothing was voted. A failure is never a vote: `ours` may pass by itself (network, disk, engine, time), `theirs` stays until
 * somebody changes something (no such commit, another recipe, an image that is not here).
 */
export class Trouble extends Error {
  override readonly name = 'Trouble'
  readonly whose: 'ours' | 'theirs'
  /** Stable, upper case. */
  readonly code: string
  readonly detail: string
  constructor(whose: Trouble['whose'], code: string, detail: string, init: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, init.cause === undefined ? undefined : { cause: init.cause })
    this.whose = whose
    this.code = code
    this.detail = detail
  }
}

/** What stays as it is until somebody changes something. Everything else may pass: a full disk, an engine that is down, time. */
const lasting = new Set([
  'ARTIFACT',
  'BASE_FLOATS',
  'BUILD_FAILED',
  'BUILD_LOG_FULL',
  'DEPENDENCIES_TOO_LARGE',
  'IMAGE_MISMATCH',
  'IMAGE_MISSING',
  'LOG_REFUSED',
  'NOT_ATTESTABLE',
  'RECIPE_INVALID',
  'SOURCE_MISSING',
  'SOURCE_TOO_LARGE',
  'TRUST_INVALID',
])

/** Any failure of a job as trouble. */
export function asTrouble(error: unknown): Trouble {
  if (error instanceof Trouble) return error
  const { code, detail } = describeFailure(error)
  const whose = error instanceof ProgramError && lasting.has(code) ? 'theirs' : 'ours'
  return new Trouble(whose, code, detail, { cause: error })
}
