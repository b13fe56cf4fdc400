/** What went wrong, one class for each thing a caller can act on. `detail` is for people and never quotes input unbounded. */

/** Bytes or text that no formatter of `format` writes. Every parser of this package throws it, and nothing else. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  readonly code = 'FORMAT_INVALID'
  /** The format's name, e.g. `checkpoint`, `base64`, `tile path`. */
  readonly format: string
  readonly detail: string

  constructor(format: string, detail: string, options?: ErrorOptions) {
    super(`${format}: ${detail}`, options)
    this.format = format
    this.detail = detail
  }
}

/** A Merkle proof that does not lead to the root it was checked against. Never evidence of a fork: anyone can send one. */
export class ProofError extends Error {
  override readonly name = 'ProofError'
  readonly code = 'PROOF_INVALID'
  readonly detail: string

  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.detail = detail
  }
}

/**
 * Why a signed note was not accepted: `UNSIGNED`, no signature by a key that was asked for; `BAD_SIGNATURE`, a known
 * key's signature does not verify; `WRONG_ORIGIN`, signed, but for another log; `DUPLICATE_SIGNATURE`, two lines of one
 * key where one is due; `TOO_MANY_SIGNATURES`, more lines than the caller's cap; `AMBIGUOUS_KEY`, two of the keys asked
 * for share name and key ID; `NO_QUORUM`, too few witnesses.
 */
export type NoteErrorCode =
  | 'UNSIGNED'
  | 'BAD_SIGNATURE'
  | 'WRONG_ORIGIN'
  | 'DUPLICATE_SIGNATURE'
  | 'TOO_MANY_SIGNATURES'
  | 'AMBIGUOUS_KEY'
  | 'NO_QUORUM'

export class NoteError extends Error {
  override readonly name = 'NoteError'
  readonly code: NoteErrorCode
  readonly detail: string

  constructor(code: NoteErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.code = code
    this.detail = detail
  }
}
