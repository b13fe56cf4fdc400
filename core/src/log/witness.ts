/**
 * The witness protocol's messages and its one decision (C2SP tlog-witness).
 *
 *     POST <submission prefix>/add-checkpoint            200
 *     old 20852014                                       — witness.example/w1 CMp+6LWBU0an…
 *     PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=       — witness.example/w1 I7rEps0pvK2U…
 *     …
 *                                                        409, Content-Type: text/x.tlog.size
 *     example.com/behind-the-sofa                        20852163
 *     …
 */
import { equalBytes, parseDecimal } from '../bytes.ts'
import type { Crypto, Hasher, SignatureVerifier } from '../crypto.ts'
import { FormatError, NoteError, ProofError } from '../errors.ts'
import { parseSignedCheckpoint, type SignedCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import { emptyRoot } from './compact-range.ts'
import { coversCheckpoint, type NoteSigner } from './cosignature.ts'
import { formatHashLines, parseHashLines, splitAtBlankLine } from './lines.ts'
import { checkConsistency } from './merkle.ts'
import {
  formatNote,
  formatSignatureLines,
  isLineOf,
  MAX_NOTE_LENGTH,
  type NoteSignature,
  parseSignatureLines,
  type VerifiedSignature,
} from './note.ts'
import type { VerifierKey } from './vkey.ts'

/** The `Content-Type` of a 409, exactly. */
export const SIZE_CONTENT_TYPE = 'text/x.tlog.size'
/** Most consistency proof lines of a request. */
const MAX_HASHES = 63

/** Body of `add-checkpoint`, not yet verified. */
export interface AddCheckpointRequest {
  /** Size of the checkpoint that the witness is thought to have cosigned last; 0 if none. */
  readonly oldSize: number
  /** From `oldSize` to the size of the checkpoint (RFC 6962 §2.1.2). */
  readonly proof: readonly Uint8Array[]
  readonly checkpoint: SignedCheckpoint
}

/**
 * Reads the body of `add-checkpoint`. Whatever it refuses is answered with 400.
 * @throws FormatError `add-checkpoint`, `note`, `checkpoint`
 */
export function parseAddCheckpoint(body: string): AddCheckpointRequest {
  if (body.length > 2 * MAX_NOTE_LENGTH) throw new FormatError('add-checkpoint', 'longer than any request may be')
  const { head, rest } = splitAtBlankLine('add-checkpoint', body)
  const [old, ...lines] = head.split('\n', MAX_HASHES + 2)
  if (!old?.startsWith('old ')) throw new FormatError('add-checkpoint', 'no old size line')
  return {
    oldSize: parseDecimal(old.slice('old '.length)),
    proof: parseHashLines('add-checkpoint', lines, MAX_HASHES),
    checkpoint: parseRequestCheckpoint(rest),
  }
}

/**
 * The body of `add-checkpoint`; `parseAddCheckpoint` of it gives the request back.
 * @throws FormatError `add-checkpoint`
 */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpointRequest): string {
  if (!Number.isSafeInteger(oldSize) || oldSize < 0) {
    throw new FormatError('add-checkpoint', 'the old size is not a safe integer')
  }
  return `old ${oldSize}\n${formatHashLines('add-checkpoint', proof, MAX_HASHES)}\n${checkpoint.text}`
}

/**
 * The signature lines of a 200. The client verifies each under the key it expects and drops the rest.
 * @throws FormatError `note`
 */
export function parseAddCheckpointResponse(body: string): NoteSignature[] {
  return withoutNoteErrors(() => parseSignatureLines(body))
}

/**
 * The size in the body of a 409: decimal and a newline. It is anybody's word until a signed checkpoint shows it.
 * @throws FormatError `add-checkpoint`, `decimal`
 */
export function parseConflictSize(body: string): number {
  if (!body.endsWith('\n')) throw new FormatError('add-checkpoint', 'the size has no newline')
  return parseDecimal(body.slice(0, -1))
}

/** What a witness keeps per log, read and written in one transaction with the decision. */
export interface WitnessRecord {
  readonly size: number
  readonly root: Uint8Array
  /** Time of the last cosignature, Unix seconds; it never goes down. */
  readonly timestamp: number
  /** The monitoring copy: the cosigned checkpoint with the log's verified lines and this witness's own. */
  readonly checkpoint: string
}

/**
 * A signed checkpoint that does not fit what the witness cosigned. `split` and `empty-root` convict (docs/formats.md
 * §5).
 */
export interface Suspicion {
  /**
   * `unproven`: the proof did not verify. That is no misbehaviour: anyone can send a genuine checkpoint with a junk
   * proof.
   */
  readonly kind: 'split' | 'empty-root' | 'unproven'
  /** What this witness cosigned last; null for `empty-root` where it never cosigned. */
  readonly recorded: string | null
  /** The checkpoint that was sent, with the log's verified lines only. */
  readonly submitted: string
}

/** An answer without a cosignature; `body` says why, for people. */
export interface WitnessRefusal {
  readonly status: 400 | 403 | 404 | 422
  readonly body: string
  readonly suspicion: Suspicion | null
}

/** What to answer, and what to persist before answering. */
export type WitnessDecision =
  | { readonly status: 200; readonly body: string; readonly record: WitnessRecord }
  | { readonly status: 409; readonly body: string; readonly contentType: string; readonly suspicion: Suspicion | null }
  | WitnessRefusal

/** Everything the decision depends on. */
export interface WitnessInput {
  readonly request: AddCheckpointRequest
  /** The keys trusted for the checkpoint's origin; null where the origin is unknown. */
  readonly logKeys: readonly VerifierKey[] | null
  /** The record under the checkpoint's origin; null where this witness never cosigned it. */
  readonly record: WitnessRecord | null
  /** One for each key of this witness, at least one. */
  readonly signers: readonly NoteSigner[]
  /** Unix seconds. */
  readonly now: number
}

/**
 * Decides one `add-checkpoint` request, checks in the order of the specification (C2SP tlog-witness, "add-checkpoint"):
 * origin 404, signature 403, old size above the checkpoint's 400, old size not the recorded one 409, root of an empty
 * tree and consistency 422. Besides, 422 for extension lines where this witness has only keys that do not cover them.
 * The caller runs it inside the transaction that read `record` and, on 200, writes the new one before it answers;
 * otherwise two requests could roll the tree back.
 *
 * A server that works its signatures out elsewhere takes the three steps by themselves: `loggedLines`, `judgeAddCheckpoint`,
 * `grantedDecision`.
 */
export function processAddCheckpoint(crypto: Crypto, input: WitnessInput): WitnessDecision {
  const { request, logKeys, record, signers, now } = input
  if (signers.length === 0) throw new RangeError('a witness has at least one key')
  if (logKeys === null) return unknownOrigin
  const logLines = loggedLines(crypto, request.checkpoint, logKeys)
  if (logLines === null) return unsigned
  const judged = judgeAddCheckpoint(crypto, { request, logLines, record, keys: signers.map(({ key }) => key), now })
  if (judged.status !== 'grant') return judged
  const subject = { checkpoint: request.checkpoint.checkpoint, body: request.checkpoint.note.text }
  const lines = signers
    .filter(({ key }) => judged.keys.includes(key))
    .map((signer) => signer.sign(subject, judged.timestamp))
  return grantedDecision(judged, lines)
}

/** The answer where the log list knows no key of the checkpoint's origin. */
export const unknownOrigin: WitnessRefusal = refuse(404, 'unknown origin')
/** The answer where `loggedLines` gives null. */
export const unsigned: WitnessRefusal = refuse(403, 'no valid signature of the log')

/** The log's lines, one for each of its keys that signed; null where none did or one fails. */
export function loggedLines(
  verifier: SignatureVerifier,
  signed: SignedCheckpoint,
  logKeys: readonly VerifierKey[],
): NoteSignature[] | null {
  let verified: VerifiedSignature[]
  try {
    verified = verifyCheckpoint(verifier, signed, logKeys)
  } catch (error) {
    if (error instanceof NoteError) return null
    throw error
  }
  const lines: NoteSignature[] = []
  for (const { key, line } of verified) if (!lines.some((other) => isLineOf(other, key))) lines.push(line)
  return lines.length === 0 ? null : lines
}

/** What the decision depends on once the log's signature was verified. */
export interface JudgeInput {
  readonly request: AddCheckpointRequest
  /** What `loggedLines` gave for the request's checkpoint. */
  readonly logLines: readonly NoteSignature[]
  /** As in {@link WitnessInput}. */
  readonly record: WitnessRecord | null
  /** This witness's keys; none for who accepts checkpoints without cosigning them (C2SP tlog-mirror, "add-checkpoint"). */
  readonly keys: readonly VerifierKey[]
  /** Unix seconds. */
  readonly now: number
}

/** The request may be cosigned: by these keys, at this time. Nothing is signed yet, and nothing persisted. */
export interface WitnessGrant {
  readonly status: 'grant'
  readonly checkpoint: SignedCheckpoint
  readonly logLines: readonly NoteSignature[]
  /** Those whose signatures cover the checkpoint, at least one of those that were given. */
  readonly keys: readonly VerifierKey[]
  /** Never below the recorded time. */
  readonly timestamp: number
}

/** The decision without a signature being made. It holds for as long as the record is the one that was given. */
export function judgeAddCheckpoint(
  hasher: Hasher,
  input: JudgeInput,
): WitnessGrant | Exclude<WitnessDecision, { readonly status: 200 }> {
  const { request, logLines, record } = input
  const { size } = request.checkpoint.checkpoint
  if (request.oldSize > size) return refuse(400, 'the old size is above the size of the checkpoint')
  const suspicion = suspect(hasher, request.checkpoint, logLines, record)
  const recorded = record?.size ?? 0
  if (request.oldSize !== recorded) {
    return { status: 409, body: `${recorded}\n`, contentType: SIZE_CONTENT_TYPE, suspicion }
  }
  const fault = consistencyFault(hasher, request, record)
  if (fault !== null) return refuse(422, fault, suspicion ?? unproven(request.checkpoint, logLines, record))
  return grant(input)
}

function grant({ request, logLines, record, keys, now }: JudgeInput): WitnessGrant | WitnessRefusal {
  const { checkpoint } = request
  const timestamp = Math.max(now, record?.timestamp ?? 0)
  if (!Number.isSafeInteger(timestamp) || timestamp < 1) throw new RangeError('a cosignature needs a time after 1970')
  const covering = keys.filter((key) => coversCheckpoint(key, checkpoint.checkpoint))
  if (keys.length > 0 && covering.length === 0) return refuse(422, 'no key of this witness covers extension lines')
  return { status: 'grant', checkpoint, logLines, keys: covering, timestamp }
}

/**
 * The 200 of a granted request and the record to persist before it is sent.
 * @param lines one by each of the grant's keys, made for the grant's time
 */
export function grantedDecision(
  { checkpoint: { checkpoint, note }, logLines, timestamp }: WitnessGrant,
  lines: readonly NoteSignature[],
): Extract<WitnessDecision, { readonly status: 200 }> {
  const copy = formatNote({ text: note.text, signatures: [...logLines, ...lines] })
  return {
    status: 200,
    body: formatSignatureLines(lines),
    record: { size: checkpoint.size, root: checkpoint.root, timestamp, checkpoint: copy },
  }
}

function refuse(status: WitnessRefusal['status'], reason: string, suspicion: Suspicion | null = null): WitnessRefusal {
  return { status, body: `${reason}\n`, suspicion }
}

/**
 * The reason for a 422, or null if the checkpoint extends the record; an empty tree extends only the empty tree's root.
 */
function consistencyFault(
  hasher: Hasher,
  { oldSize, proof, checkpoint: { checkpoint } }: AddCheckpointRequest,
  record: WitnessRecord | null,
): string | null {
  try {
    const fromRoot = record?.root ?? emptyRoot(hasher)
    checkConsistency(hasher, { from: oldSize, to: checkpoint.size, fromRoot, toRoot: checkpoint.root, proof })
    return null
  } catch (error) {
    if (error instanceof ProofError) return error.detail
    throw error
  }
}

/** What the signed checkpoint shows by itself, whatever old size and proof came with it. */
function suspect(
  hasher: Hasher,
  { checkpoint, note }: SignedCheckpoint,
  logLines: readonly NoteSignature[],
  record: WitnessRecord | null,
): Suspicion | null {
  const submitted = formatNote({ text: note.text, signatures: logLines })
  const recorded = record?.checkpoint ?? null
  if (checkpoint.size === 0 && !equalBytes(checkpoint.root, emptyRoot(hasher))) {
    return { kind: 'empty-root', recorded, submitted }
  }
  const split = record !== null && checkpoint.size === record.size && !equalBytes(checkpoint.root, record.root)
  return split ? { kind: 'split', recorded, submitted } : null
}

function unproven(
  { note }: SignedCheckpoint,
  logLines: readonly NoteSignature[],
  record: WitnessRecord | null,
): Suspicion | null {
  if (record === null) return null
  const submitted = formatNote({ text: note.text, signatures: logLines })
  return { kind: 'unproven', recorded: record.checkpoint, submitted }
}

function parseRequestCheckpoint(text: string): SignedCheckpoint {
  return withoutNoteErrors(() => parseSignedCheckpoint(text))
}

/** To a witness and its client, too many signature lines are a malformed message like any other. */
function withoutNoteErrors<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof NoteError) throw new FormatError('note', error.detail, { cause: error })
    throw error
  }
}
