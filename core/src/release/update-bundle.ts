/**
 * The update bundle: everything that proves a release, in one file beside the artifact, checkable offline
 * (docs/formats.md §3). RFC 8785 canonical JSON, so that every member occurs once and a bundle has one spelling:
 *
 *     { "mediaType": "application/vnd.samebits.update+json;version=1",
 *       "trust": [ "<base64 of a trust file's exact bytes>", … ],
 *       "views": [ { "checkpoint": "<cosigned checkpoint text>",
 *                    "consistency": [ { "from": 7, "proof": [ "<base64 sha256>", … ] }, … ],
 *                    "entries": [ { "entry": "<base64 leaf>", "inclusion": [ … ], "index": 12 }, … ] } ] }
 *
 * Views stand oldest first: one for the release, and before it one for each trust step that changes the log's policy.
 * Nothing in a bundle is believed for being there: checkpoints are text, leaves and trust files bytes, until their
 * signatures, inclusion and digests have been checked.
 */
import { toBase64 } from '../bytes.ts'
import { asFileError, FileError } from './file-error.ts'
import { checkpointText, type LoggedEntry, loggedEntry, proofHashes, writeLoggedEntry } from './logged-entry.ts'
import { mediaTypes } from './media-types.ts'
import { MAX_BODY_BYTES } from './predicates.ts'
import { base64, faultOf, integer, list, literal, membersOf, object, type Read, ShapeError, unique } from './shape.ts'
import { canonicalJson, parseCanonicalJson } from './strict-json.ts'

/** Caps of docs/formats.md §3. A file past any of them is `too-large`. */
export const bundleCaps = {
  /** Bytes of the file: 4 MiB. */
  bytes: 4_194_304,
  views: 40,
  /** Entries in all views together. */
  entries: 256,
  /** Consistency proofs in all views together. */
  consistency: 1024,
  /** Trust files: no run takes more than 32 steps. */
  trust: 64,
} as const

/** That the checkpoint of a view extends the tree of `from` leaves. */
export interface ConsistencyProof {
  /** At least 1: from the empty tree no proof is needed. */
  readonly from: number
  /** RFC 6962 §2.1.2, 32 bytes each. */
  readonly proof: readonly Uint8Array[]
}

/** A tree head, what leads to it, and entries under it. */
export interface BundleView {
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string
  /** Each `from` once. */
  readonly consistency: readonly ConsistencyProof[]
  /** Each index once. */
  readonly entries: readonly LoggedEntry[]
}

export interface UpdateBundle {
  /** 1 to 40, oldest first. */
  readonly views: readonly BundleView[]
  /** Exact bytes of trust files that logged trust statements name. */
  readonly trust: readonly Uint8Array[]
}

const FORMAT = 'update bundle'

const view: Read<BundleView> = (value, at) => {
  const read = viewShape(value, at)
  unique(read.consistency, ({ from }) => String(from), `${at}.consistency`, 'the size')
  unique(read.entries, ({ index }) => String(index), `${at}.entries`, 'the index')
  return read
}

const viewShape = object<BundleView>({
  checkpoint: checkpointText,
  consistency: list(object<ConsistencyProof>({ from: faultOf('proof', integer(1)), proof: proofHashes }), {
    max: bundleCaps.consistency,
  }),
  entries: list(loggedEntry, { max: bundleCaps.entries }),
})

const bundleShape = object<UpdateBundle & { readonly mediaType: string }>({
  mediaType: literal(mediaTypes.updateBundle),
  views: list(view, { min: 1, max: bundleCaps.views }),
  trust: list(base64({ min: 1, max: MAX_BODY_BYTES }), { max: bundleCaps.trust }),
})

/** Reads a bundle's exact bytes without verifying anything. Throws {@link FileError}. */
export function parseUpdateBundle(bytes: Uint8Array): UpdateBundle {
  if (bytes.length > bundleCaps.bytes) throw new FileError(FORMAT, `above ${bundleCaps.bytes} bytes`, 'too-large')
  try {
    const value = parseCanonicalJson(FORMAT, bytes)
    refuseOtherType(value)
    const { views, trust } = bundleShape(value, '')
    demandAtMost(
      'entries',
      views.reduce((sum, { entries }) => sum + entries.length, 0),
      bundleCaps.entries,
    )
    demandAtMost(
      'consistency',
      views.reduce((sum, { consistency }) => sum + consistency.length, 0),
      bundleCaps.consistency,
    )
    return { views, trust }
  } catch (error) {
    throw asFileError(FORMAT, error)
  }
}

/** The bytes of a bundle. Throws {@link FileError} for what {@link parseUpdateBundle} would refuse. */
export function formatUpdateBundle({ views, trust }: UpdateBundle): Uint8Array {
  const bytes = canonicalJson({
    mediaType: mediaTypes.updateBundle,
    views: views.map(({ checkpoint, consistency, entries }) => ({
      checkpoint,
      consistency: consistency.map(({ from, proof }) => ({ from, proof: proof.map(toBase64) })),
      entries: entries.map(writeLoggedEntry),
    })),
    trust: trust.map(toBase64),
  })
  parseUpdateBundle(bytes)
  return bytes
}

/** The file beside an artifact. */
export function updateBundleFileName(artifact: string): string {
  return `${artifact}.samebits.json`
}

/** Decided first, so that no other type of file gets as far as its members. */
function refuseOtherType(value: unknown): void {
  const type = membersOf(value, '').get('mediaType')
  if (typeof type === 'string' && type !== mediaTypes.updateBundle) {
    throw new ShapeError('mediaType', 'not known to this version', 'unknown-type')
  }
}

function demandAtMost(what: string, count: number, cap: number): void {
  if (count > cap) throw new ShapeError(what, `more than ${cap} in all views together`, 'too-large')
}
