/**
 * Proofs of logging in one file (C2SP tlog-proof).
 *
 *     c2sp.org/tlog-proof@v1
 *     extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6        optional, authenticated by nothing
 *     index 73894
 *     gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=          inclusion proof, leaf's sibling first
 *     …
 *
 *     example.com/fancylog                                  the signed checkpoint, verbatim
 *     …
 */
import { fromBase64, parseDecimal, toBase64 } from '../bytes.ts'
import type { Crypto } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import { parseSignedCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { formatHashLines, parseHashLines, splitAtBlankLine } from './lines.ts'
import { checkInclusion } from './merkle.ts'
import { MAX_NOTE_LENGTH, MAX_SIGNATURES } from './note.ts'
import type { Policy } from './policy.ts'
import { type QuorumResult, requireQuorum } from './quorum.ts'

const HEADER = 'c2sp.org/tlog-proof@v1'
/** Most hashes of an inclusion proof (docs/formats.md §3, caps). */
const MAX_HASHES = 64
/** Longest extra data in bytes: that of a log entry. */
const MAX_EXTRA_BYTES = 65_535
/** Header, extra and hashes take less than the room beyond a note. */
const MAX_LENGTH = MAX_NOTE_LENGTH + (1 << 17)

/** A proof that an entry is in a log, not yet verified. */
export interface TlogProof {
  /** Application data; never empty, never trustworthy by itself. */
  readonly extra?: Uint8Array
  /** Zero-based index of the entry. */
  readonly index: number
  /** From the leaf's sibling to the child of the root (RFC 6962 §2.1.1), 32 bytes each. */
  readonly hashes: readonly Uint8Array[]
  readonly checkpoint: SignedCheckpoint
}

/**
 * Reads a proof without verifying it.
 * @param maxSignatures most signature lines accepted
 * @throws FormatError `tlog-proof`, `note`, `checkpoint`
 * @throws NoteError `TOO_MANY_SIGNATURES`
 */
export function parseTlogProof(text: string, maxSignatures: number = MAX_SIGNATURES): TlogProof {
  if (text.length > MAX_LENGTH) throw new FormatError('tlog-proof', 'longer than any proof may be')
  const { head, rest } = splitAtBlankLine('tlog-proof', text)
  const [header, ...lines] = head.split('\n', MAX_HASHES + 4)
  if (header !== HEADER) throw new FormatError('tlog-proof', `the first line is not ${HEADER}`)
  const extra = lines[0]?.startsWith('extra ') ? parseExtra(lines.shift() ?? '') : undefined
  const index = lines.shift()
  if (!index?.startsWith('index ')) throw new FormatError('tlog-proof', 'no index line')
  return {
    ...(extra === undefined ? {} : { extra }),
    index: parseDecimal(index.slice('index '.length)),
    hashes: parseHashLines('tlog-proof', lines, MAX_HASHES),
    checkpoint: parseSignedCheckpoint(rest, maxSignatures),
  }
}

/**
 * The text of a proof; `parseTlogProof` of it gives the proof back.
 * @throws FormatError `tlog-proof`
 */
export function formatTlogProof({ extra, index, hashes, checkpoint }: TlogProof): string {
  if (!Number.isSafeInteger(index) || index < 0) throw new FormatError('tlog-proof', 'the index is not a safe integer')
  if (extra !== undefined) checkExtra(extra)
  const extraLine = extra === undefined ? '' : `extra ${toBase64(extra)}\n`
  const hashLines = formatHashLines('tlog-proof', hashes, MAX_HASHES)
  return `${HEADER}\n${extraLine}index ${index}\n${hashLines}\n${checkpoint.text}`
}

/**
 * Checks that the entry with this leaf hash is in a log of the policy, under a checkpoint that the policy accepts
 * (C2SP tlog-proof, "Verifying a tlog proof", steps 2 to 4; step 1 is the caller's).
 * @throws NoteError as `requireQuorum`
 * @throws ProofError if the inclusion proof does not lead to the checkpoint's root
 */
export function checkTlogProof(crypto: Crypto, policy: Policy, proof: TlogProof, leafHash: Uint8Array): QuorumResult {
  const { index, hashes, checkpoint } = proof
  const result = requireQuorum(crypto, policy, checkpoint)
  const { size, root } = checkpoint.checkpoint
  checkInclusion(crypto, { index, size, leafHash, proof: hashes, root })
  return result
}

function parseExtra(line: string): Uint8Array {
  const extra = fromBase64(line.slice('extra '.length))
  checkExtra(extra)
  return extra
}

function checkExtra(extra: Uint8Array): void {
  if (extra.length === 0 || extra.length > MAX_EXTRA_BYTES) {
    throw new FormatError('tlog-proof', `${extra.length} bytes of extra data; without any the line is omitted`)
  }
}
