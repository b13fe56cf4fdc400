/**
 * Parts: runs of entries as they were committed, inside one bundle, in the wire form of C2SP tlog-tiles, "Log entries":
 *
 *     uint16 big-endian length || entry bytes, one after the other
 *
 * Pure; shared by every store that keeps its entries so.
 */
import { concat, formatEntryBundle, HASH_SIZE, parseEntryBundle, TILE_WIDTH, truncateEntryBundle } from '@samebits/core'
import { type EntryRange, StorageError } from './store.ts'

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
  if (leafHashes.length !== entries.length * HASH_SIZE) throw new RangeError('one leaf hash an entry')
  const parts: Part[] = []
  for (let at = 0; at < entries.length; ) {
    const room = TILE_WIDTH - ((first + at) % TILE_WIDTH)
    const end = Math.min(entries.length, at + room)
    parts.push({
      first: first + at,
      hashes: leafHashes.subarray(at * HASH_SIZE, end * HASH_SIZE),
      entries: formatEntryBundle(entries.slice(at, end)),
    })
    at = end
  }
  return parts
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
    pieces.push(column === 'hashes' ? part.hashes.subarray(0, count * HASH_SIZE) : leading(part, part[column], count))
    next += count
  }
  if (next !== first + width) return null
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
}

/** The bytes of the first `count` entries of a part. */
function leading(part: Pick<Part, 'first' | 'hashes'>, entries: Uint8Array, count: number): Uint8Array {
  return count === countOf(part) ? entries : cut(part.first, entries, count)
}

/** The entries `from` to `to - 1` of consecutive parts, the first of which holds `from`; null where they are not all there. */
export function rangeInParts(parts: readonly Part[], from: number, to: number): EntryRange | null {
  const first = parts[0]?.first ?? from
  const entries: Uint8Array[] = []
  const hashes: Uint8Array[] = []
  for (const part of parts) {
    if (part.first !== first + entries.length) throw damaged(part.first)
    entries.push(...parse(part))
    hashes.push(part.hashes)
  }
  if (first > from || first + entries.length < to) return null
  return {
    entries: entries.slice(from - first, to - first),
    leafHashes: concat(...hashes).subarray((from - first) * HASH_SIZE, (to - first) * HASH_SIZE),
  }
}

function parse(part: Part): Uint8Array[] {
  try {
    return parseEntryBundle(part.entries, countOf(part))
  } catch (error) {
    throw damaged(part.first, { cause: error })
  }
}

/** One entry of the part that may hold it; null past its end. */
export function entryInPart(part: Part, index: number): Uint8Array | null {
  if (index >= part.first + countOf(part)) return null
  const before = cut(part.first, part.entries, index - part.first).length
  return cut(part.first, part.entries, index - part.first + 1).subarray(before + 2)
}

function countOf(part: Pick<Part, 'first' | 'hashes'>): number {
  const count = part.hashes.length / HASH_SIZE
  if (!Number.isInteger(count) || count < 1) throw damaged(part.first)
  return count
}

function cut(first: number, entries: Uint8Array, count: number): Uint8Array {
  try {
    return truncateEntryBundle(entries, count)
  } catch (error) {
    throw damaged(first, { cause: error })
  }
}

function damaged(first: number, options?: ErrorOptions): StorageError {
  const message = `the stored entries around index ${first} are not what was committed`
  return new StorageError('STORAGE_DAMAGED', message, options)
}
