/**
 * Evidence: a file that convinces anybody, offline, that somebody said two things (docs/formats.md §5). RFC 8785 canonical JSON,
 * for example
 *
 *     { "a": "<checkpoint text>", "b": "<checkpoint text>", "kind": "split",
 *       "mediaType": "application/vnd.samebits.evidence+json;version=1", "origin": "example.com/log" }
 *
 * | kind | `a`, `b` | besides |
 * |---|---|---|
 * | `fork` | checkpoints, the smaller one first | `oldRoot`, `proof`: base64 |
 * | `split`, `witness-rollback`, `witness-split`, `unproven` | checkpoints | |
 * | `empty-root` | a checkpoint; no `b` | |
 * | `leaf-conflict` | tlog-proofs | `leaves`: the two leaves, base64 |
 * | `equivocation`, `trust-fork`, `mismatch` | lists of tlog-proofs, one an entry | `leaves`: those of `a`, then those of `b`; `trust`: the trust file, base64 |
 *
 * Reading a file of evidence believes none of it: `checkEvidence` does the convincing, with keys that the reader brings.
 */
import { toBase64 } from '../bytes.ts'
import { MAX_ENTRY_BYTES } from './entry.ts'
import { asFileError, FileError } from './file-error.ts'
import { checkpointText, proofHashes } from './logged-entry.ts'
import { mediaTypes } from './media-types.ts'
import { MAX_BODY_BYTES } from './predicates.ts'
import { base64, list, literal, membersOf, object, type Read, ShapeError, text } from './shape.ts'
import { canonicalJson, parseCanonicalJson } from './strict-json.ts'

interface About {
  /** Origin of the log. */
  readonly origin: string
}

/** The tree of B contains a tree of A's size that is not A's. */
export interface ForkEvidence extends About {
  readonly kind: 'fork'
  /** Checkpoint of the smaller tree. */
  readonly a: string
  readonly b: string
  /** Root of the tree of A's size that B extends, 32 bytes. */
  readonly oldRoot: Uint8Array
  /** RFC 6962 §2.1.2 consistency proof from `oldRoot` to B. */
  readonly proof: readonly Uint8Array[]
}

/** Two checkpoints that speak for themselves; `unproven` is a question only. */
export interface PairEvidence extends About {
  readonly kind: 'split' | 'witness-rollback' | 'witness-split' | 'unproven'
  readonly a: string
  readonly b: string
}

/** A checkpoint of size 0 with another root than that of nothing. */
export interface EmptyRootEvidence extends About {
  readonly kind: 'empty-root'
  readonly a: string
}

/** Two leaves at one index. */
export interface LeafConflictEvidence extends About {
  readonly kind: 'leaf-conflict'
  /** tlog-proof of the first leaf. */
  readonly a: string
  readonly b: string
  readonly leaves: readonly [Uint8Array, Uint8Array]
}

/** Statements that contradict each other: releases, trust statements, or a release and a vote. */
export interface StatementEvidence extends About {
  readonly kind: 'equivocation' | 'trust-fork' | 'mismatch'
  /** tlog-proofs of the entries of the first statement. */
  readonly a: readonly string[]
  /** tlog-proofs of the entries of the second statement. */
  readonly b: readonly string[]
  /** Exact leaf bytes: those of `a`, then those of `b`. */
  readonly leaves: readonly Uint8Array[]
  /** Exact bytes of the trust file in force. It shows which one is meant; a checker brings its own. */
  readonly trust: Uint8Array
}

export type Evidence = ForkEvidence | PairEvidence | EmptyRootEvidence | LeafConflictEvidence | StatementEvidence
export type EvidenceKind = Evidence['kind']

const FORMAT = 'evidence'
const MAX_BYTES = 12 * 1024 * 1024
const MAX_PROOF_CHARACTERS = 1 << 20
const MAX_ENTRIES = 256

const origin = text(255)
const tlogProof = text(MAX_PROOF_CHARACTERS)
const leaf = base64({ max: MAX_ENTRY_BYTES })
const hash = base64({ min: 32, max: 32 })
const type: Read<string> = literal(mediaTypes.evidence)

type Written<E extends Evidence> = E & { readonly mediaType: string }

function pair(kind: PairEvidence['kind']): Read<Written<PairEvidence>> {
  return object<Written<PairEvidence>>({
    mediaType: type,
    kind: literal(kind),
    origin,
    a: checkpointText,
    b: checkpointText,
  })
}

const proofs = list(tlogProof, { min: 1, max: MAX_ENTRIES })

function statements(kind: StatementEvidence['kind']): Read<Written<StatementEvidence>> {
  const shape = object<Written<StatementEvidence>>({
    mediaType: type,
    kind: literal(kind),
    origin,
    a: proofs,
    b: proofs,
    leaves: list(leaf, { max: 2 * MAX_ENTRIES }),
    trust: base64({ min: 1, max: MAX_BODY_BYTES }),
  })
  return (value, at) => {
    const read = shape(value, at)
    if (read.leaves.length !== read.a.length + read.b.length) throw new ShapeError('leaves', 'not one for each proof')
    return read
  }
}

const twoLeaves: Read<readonly [Uint8Array, Uint8Array]> = (value, at) => {
  const [first, second] = list(leaf, { min: 2, max: 2 })(value, at)
  if (first === undefined || second === undefined) throw new ShapeError(at, 'not two leaves')
  return [first, second]
}

const readers: { readonly [Kind in EvidenceKind]: Read<Evidence & { readonly mediaType: string }> } = {
  fork: object<Written<ForkEvidence>>({
    mediaType: type,
    kind: literal('fork'),
    origin,
    a: checkpointText,
    b: checkpointText,
    oldRoot: hash,
    proof: proofHashes,
  }),
  split: pair('split'),
  'witness-rollback': pair('witness-rollback'),
  'witness-split': pair('witness-split'),
  unproven: pair('unproven'),
  'empty-root': object<Written<EmptyRootEvidence>>({
    mediaType: type,
    kind: literal('empty-root'),
    origin,
    a: checkpointText,
  }),
  'leaf-conflict': object<Written<LeafConflictEvidence>>({
    mediaType: type,
    kind: literal('leaf-conflict'),
    origin,
    a: tlogProof,
    b: tlogProof,
    leaves: twoLeaves,
  }),
  equivocation: statements('equivocation'),
  'trust-fork': statements('trust-fork'),
  mismatch: statements('mismatch'),
}

/** All kinds, in the order of docs/formats.md §5 as far as they are written alike. */
export const evidenceKinds: readonly EvidenceKind[] = Object.keys(readers) as EvidenceKind[]

/** Reads a file of evidence without judging it. Throws {@link FileError}. */
export function parseEvidence(bytes: Uint8Array): Evidence {
  if (bytes.length > MAX_BYTES) throw new FileError(FORMAT, `above ${MAX_BYTES} bytes`, 'too-large')
  try {
    const value = parseCanonicalJson(FORMAT, bytes)
    const { mediaType: _, ...evidence } = readers[kindOf(value)](value, '')
    return evidence
  } catch (error) {
    throw asFileError(FORMAT, error)
  }
}

/** The bytes of evidence. Throws {@link FileError} for what {@link parseEvidence} would refuse. */
export function formatEvidence(evidence: Evidence): Uint8Array {
  const bytes = canonicalJson({ ...evidence, mediaType: mediaTypes.evidence, ...binaryOf(evidence) })
  parseEvidence(bytes)
  return bytes
}

/** The members that are bytes, in base64. */
function binaryOf(evidence: Evidence): Record<string, unknown> {
  switch (evidence.kind) {
    case 'fork':
      return { oldRoot: toBase64(evidence.oldRoot), proof: evidence.proof.map(toBase64) }
    case 'leaf-conflict':
      return { leaves: evidence.leaves.map(toBase64) }
    case 'equivocation':
    case 'trust-fork':
    case 'mismatch':
      return { leaves: evidence.leaves.map(toBase64), trust: toBase64(evidence.trust) }
    default:
      return {}
  }
}

function kindOf(value: unknown): EvidenceKind {
  const members = membersOf(value, '')
  const [mediaType, kind] = [members.get('mediaType'), members.get('kind')]
  if (typeof mediaType !== 'string') throw new ShapeError('mediaType', 'not a string')
  if (mediaType !== mediaTypes.evidence) throw new ShapeError('mediaType', 'not known to this version', 'unknown-type')
  const known = evidenceKinds.find((candidate) => candidate === kind)
  if (known === undefined) throw new ShapeError('kind', 'not known to this version', 'unknown-type')
  return known
}
