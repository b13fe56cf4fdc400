/** What a witness's answer amounts to (C2SP tlog-witness, "add-checkpoint"). Pure. */
import {
  FormatError,
  isLineOf,
  type NoteSignature,
  type PolicyWitness,
  parseAddCheckpointResponse,
  parseConflictSize,
  SIZE_CONTENT_TYPE,
  type SignatureVerifier,
  type SignedCheckpoint,
  verifyCosignature,
} from '@samebits/core'
import { visible } from '@samebits/host'
import type { WitnessAnswer } from './client-http.ts'
import { WitnessFailure } from './failure.ts'

/** A line that verifies under the key of a witness of the policy. */
export interface Cosignature {
  readonly witness: PolicyWitness
  readonly line: NoteSignature
  /** Unix seconds. */
  readonly timestamp: number
}

export type Judged =
  | { readonly kind: 'cosigned'; readonly cosignatures: readonly Cosignature[] }
  /** The witness says, and nothing proves, that it last cosigned this size. */
  | { readonly kind: 'conflict'; readonly size: number }

export interface Asked {
  readonly signed: SignedCheckpoint
  /** Whose lines are expected; all others are dropped. */
  readonly witnesses: readonly PolicyWitness[]
}

/**
 * A 409 states a size only with the exact content type: some witnesses answer a root that does not match with a 409 without
 * it, where the specification says 422 (docs/log.md, *Asking witnesses*).
 * @throws WitnessFailure `busy`, `refused`, `invalid`
 */
export function judgeAnswer(verifier: SignatureVerifier, answer: WitnessAnswer, asked: Asked): Judged {
  const { status, contentType, body, retryAfterSeconds } = answer
  if (status === 200) return { kind: 'cosigned', cosignatures: readCosignatures(verifier, body, asked) }
  if (status === 409 && contentType === SIZE_CONTENT_TYPE) return { kind: 'conflict', size: readSize(body) }
  const detail = `status ${status}: ${visible(body.slice(0, 120).split('\n', 1)[0] ?? '')}`
  throw new WitnessFailure(status === 429 || status === 503 ? 'busy' : 'refused', detail, { retryAfterSeconds })
}

function readSize(body: string): number {
  try {
    return parseConflictSize(body)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new WitnessFailure('invalid', 'a 409 without a size', { cause })
  }
}

/** One for each witness at most; a cosignature without a time is none. */
function readCosignatures(verifier: SignatureVerifier, body: string, { signed, witnesses }: Asked): Cosignature[] {
  const lines = readLines(body)
  const found = witnesses.flatMap((witness) => {
    for (const line of lines) {
      if (!isLineOf(line, witness.key)) continue
      const verified = verifyCosignature(verifier, witness.key, signed, line.signature)
      if (verified !== null && verified.timestamp > 0) return [{ witness, line, timestamp: verified.timestamp }]
    }
    return []
  })
  if (found.length === 0) throw new WitnessFailure('invalid', 'no line verifies under the key of the policy')
  return found
}

function readLines(body: string): NoteSignature[] {
  try {
    return parseAddCheckpointResponse(body)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new WitnessFailure('invalid', `no signature lines: ${cause.detail}`, { cause })
  }
}
