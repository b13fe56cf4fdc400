/**
 * What the updater itself can fail with: the codes of docs/decision.md whose cause lies in the world around the decision.
 *
 * The decision's own refusals come back as values; these are thrown, because everything above them must stop.
 */

/** docs/decision.md steps 2, 24, 25, and the undecided results. */
export type IoCode =
  | 'TRANSPORT'
  | 'SIZE_EXCEEDED'
  | 'DIGEST_MISMATCH'
  | 'PATH_REFUSED'
  | 'STATE_INVALID'
  | 'STATE_FULL'
  | 'STATE_BUSY'
  | 'INSTALL_FAILED'

/** The updater could not do its part. `code` is stable, `detail` says what was seen. */
export class IoFailure extends Error {
  override readonly name = 'IoFailure'
  readonly code: IoCode
  /** What was seen, without a final full stop. May hold text from elsewhere: show it through `visible`. */
  readonly detail: string
  constructor(code: IoCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = detail
  }
}

/** Whether `error` is an IoFailure with one of these codes. */
export function isFailure(error: unknown, ...codes: readonly IoCode[]): error is IoFailure {
  return error instanceof IoFailure && (codes.length === 0 || codes.includes(error.code))
}

/** The shortest true account of any thrown value, for a `detail`. */
export function reasonOf(error: unknown): string {
  if (error instanceof IoFailure) return error.detail
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause
  if (cause instanceof Error && cause !== error) return `${error.message}: ${reasonOf(cause)}`
  return error.message === '' ? error.name : error.message
}
