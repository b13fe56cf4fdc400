/**
 * An entry with the proof that it is in a tree, as bundles and anchors carry it (docs/formats.md §3):
 *
 *     { "entry": "<base64 of the exact leaf bytes>", "inclusion": [ "<base64 sha256>", … ], "index": 12 }
 *
 * The leaf stays bytes until its inclusion has been checked.
 */
import { toBase64 } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { checkInclusion } from '../log/merkle.ts'
import type { Entry } from './entry.ts'
import { MAX_ENTRY_BYTES, parseEntry } from './entry.ts'
import { base64, faultOf, integer, list, object, type Read, ShapeError, text } from './shape.ts'

/** An entry that claims to be at `index`; nothing is verified yet. */
export interface LoggedEntry {
  readonly index: number
  /** From the leaf's sibling to the child of the root (RFC 6962 §2.1.1), 32 bytes each. */
  readonly inclusion: readonly Uint8Array[]
  /** The exact bytes; not to be parsed before {@link openLoggedEntry}. */
  readonly leaf: Uint8Array
}

const HASH_BYTES = 32
/** Hashes a path: no tree is higher. */
const MAX_PATH = 64
/** Signature lines under a checkpoint. */
const MAX_SIGNATURE_LINES = 64
const MAX_CHECKPOINT_CHARACTERS = 1 << 19

/** A list of hashes, as inclusion and consistency proofs are written. */
export const proofHashes: Read<readonly Uint8Array[]> = list(
  faultOf('proof', base64({ min: HASH_BYTES, max: HASH_BYTES })),
  { max: MAX_PATH },
)

interface WrittenEntry {
  readonly index: number
  readonly inclusion: readonly Uint8Array[]
  readonly entry: Uint8Array
}

const written = object<WrittenEntry>({
  index: faultOf('proof', integer()),
  inclusion: proofHashes,
  entry: base64({ max: MAX_ENTRY_BYTES }),
})

export const loggedEntry: Read<LoggedEntry> = (value, at) => {
  const { index, inclusion, entry: leaf } = written(value, at)
  return { index, inclusion, leaf }
}

/** The JSON value that {@link loggedEntry} reads. */
export function writeLoggedEntry({ index, inclusion, leaf }: LoggedEntry): object {
  return { index, inclusion: inclusion.map(toBase64), entry: toBase64(leaf) }
}

/**
 * A signed checkpoint as text, not yet parsed. The signature lines are counted here so that a bundle with too many is
 * refused before any of them costs a verification.
 */
export const checkpointText: Read<string> = (value, at) => {
  const note = text(MAX_CHECKPOINT_CHARACTERS)(value, at)
  const lines = note.split('\n\u2014 ').length - 1
  if (lines > MAX_SIGNATURE_LINES)
    throw new ShapeError(at, `more than ${MAX_SIGNATURE_LINES} signature lines`, 'too-large')
  return note
}

/**
 * Checks that an entry is in the tree of `size` leaves with `root`, and only then parses it.
 * Throws ProofError, and StatementError for a leaf that is in the tree and not an entry that this version reads.
 */
export function openLoggedEntry(
  hasher: Hasher,
  { index, inclusion, leaf }: LoggedEntry,
  tree: { readonly size: number; readonly root: Uint8Array },
): Entry {
  const [leafHash] = hasher.leafHashes([leaf])
  if (leafHash === undefined) throw new RangeError('a hasher that returns no hash')
  checkInclusion(hasher, { index, size: tree.size, leafHash, proof: inclusion, root: tree.root })
  return parseEntry(hasher, leaf)
}
