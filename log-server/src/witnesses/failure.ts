/** How a witness failed to cosign. Says nothing about the log: the quorum decides what that means. */

/**
 * `timeout`, `unreachable`: no answer; `too-large`: an answer without end; `busy`: 429 or 503, or asked too soon after one;
 * `refused`: any other status; `conflict`: it says that it cosigned a size from which nothing leads to ours; `invalid`: an
 * answer that holds no cosignature of its key; `budget`: this log has used up its requests for now.
 */
export type FailureKind =
  | 'timeout'
  | 'unreachable'
  | 'too-large'
  | 'busy'
  | 'refused'
  | 'conflict'
  | 'invalid'
  | 'budget'

export class WitnessFailure extends Error {
  override readonly name = 'WitnessFailure'
  readonly code = 'WITNESS_FAILED'
  readonly kind: FailureKind
  /** The witness asks not to be asked again for so long. */
  readonly retryAfterSeconds: number | null

  constructor(
    kind: FailureKind,
    detail: string,
    { retryAfterSeconds = null, ...options }: ErrorOptions & { readonly retryAfterSeconds?: number | null } = {},
  ) {
    super(detail, options)
    this.kind = kind
    this.retryAfterSeconds = retryAfterSeconds
  }
}
