/**
 * Parts: runs of entries as they were committed, inside one bundle, in the wire form of C2SP tlog-tiles, "Log entries":
 *
 *     uint16 big-endian length || entry bytes, one after the other
 *
 * Pure; shared by every store that keeps its entries so.
 */
import { StorageError } from './store.ts'

/** Entries of a full bundle, hashes of a full tile. */
export const BUNDLE_WIDTH = 256
export const HASH_BYTES = 32

export interface Part {
  /** Index of the first entry. */
  readonly first: number
  /** RFC 6962 leaf hashes, 32 bytes an entry. */
  readonly hashes: Uint8Array
  /** The entries in wire form. */
  readonly entries: Uint8Array
}

/** Cuts a batch that starts at index `first` into parts, none across a multiple of 256. */
export function splitIntoParts(first: number, entries: readonly Uint8Array[], leafHashes: Uint8Array): Part[] {
  if (leafHashes.length !== entries.length * HASH_BYTES) throw new RangeError('one leaf hash an entry')
  const parts: Part[] = []
  for (let at = 0; at < entries.length; ) {
    const room = BUNDLE_WIDTH - ((first + at) % BUNDLE_WIDTH)
    const end = Math.min(entries.length, at + room)
    parts.push({
      first: first + at,
      hashes: leafHashes.subarray(at * HASH_BYTES, end * HASH_BYTES),
      entries: wireForm(entries.slice(at, end)),
    })
    at = end
  }
  return parts
}

function wireForm(entries: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + entry.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new RangeError('an entry has at most 65,535 bytes')
    view.setUint16(at, entry.length)
    bytes.set(entry, at + 2)
    at += 2 + entry.length
  }
  return bytes
}

type Column = 'entries' | 'hashes'

/**
 * The first `width` entries, or hashes, from index `first` on, out of consecutive parts; null where they are not all there.
 * @throws StorageError parts that overlap, leave a gap or do not hold what they say
 */
export function concatParts<C extends Column>(
  parts: readonly Pick<Part, 'first' | 'hashes' | C>[],
  first: number,
  width: number,
  column: C,
): Uint8Array | null {
  const pieces: Uint8Array[] = []
  let next = first
  for (const part of parts) {
    if (part.first !== next) throw damaged(part.first)
    const count = Math.min(countOf(part), first + width - next)
    pieces.push(column === 'hashes' ? part.hashes.subarray(0, count * HASH_BYTES) : leading(part, part[column], count))
    next += count
  }
  if (next !== first + width) return null
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
}

/** The bytes of the first `count` entries of a part. */
function leading(part: Pick<Part, 'first' | 'hashes'>, entries: Uint8Array, count: number): Uint8Array {
  if (count === countOf(part)) return entries
  return entries.subarray(0, offsetOf(part.first, entries, count))
}

/** One entry of the part that may hold it; null past its end. */
export function entryInPart(part: Part, index: number): Uint8Array | null {
  if (index >= part.first + countOf(part)) return null
  const start = offsetOf(part.first, part.entries, index - part.first)
  const end = offsetOf(part.first, part.entries, index - part.first + 1)
  return part.entries.subarray(start + 2, end)
}

function countOf(part: Pick<Part, 'first' | 'hashes'>): number {
  const count = part.hashes.length / HASH_BYTES
  if (!Number.isInteger(count) || count < 1) throw damaged(part.first)
  return count
}

/** Where the `count`-th entry starts. */
function offsetOf(first: number, entries: Uint8Array, count: number): number {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 2 > entries.length) throw damaged(first)
    at += 2 + view.getUint16(at)
  }
  if (at > entries.length) throw damaged(first)
  return at
}

function damaged(first: number): StorageError {
  return new StorageError('STORAGE_DAMAGED', `the stored entries around index ${first} are not what was committed`)
}
