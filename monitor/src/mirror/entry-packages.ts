/**
 * The body of `add-entries`, read as it comes (C2SP tlog-mirror, "Request Body"):
 *
 *     u16 length || log origin || u64 upload_start || u64 upload_end || u16 length || ticket
 *     entry package ...        each: u16 length || entry, for every entry of it; u8 count || count * 32 bytes of proof
 *
 * Packages end at multiples of 256 and at `upload_end`. Integers are big-endian.
 */
import { FormatError, fromUtf8, HASH_SIZE, MAX_NAME_BYTES, TILE_WIDTH } from '@samebits/core'
import type { ByteStream } from './byte-stream.ts'

export interface UploadHeader {
  readonly origin: string
  /** Past 2^53 they are Infinity: larger than any tree. */
  readonly start: number
  readonly end: number
  readonly ticket: Uint8Array
}

/** Entries `start` to `end - 1` and what proves them. */
export interface EntryPackage {
  readonly start: number
  readonly end: number
  readonly entries: readonly Uint8Array[]
  /** From `start` rounded down to a multiple of 256, to `end`. */
  readonly proof: readonly Uint8Array[]
}

const maxTicket = 4096
const maxHashes = 63

/** @throws FormatError `add-entries` */
export async function readHeader(stream: ByteStream): Promise<UploadHeader> {
  const origin = fromUtf8(await takeAll(stream, await uint16(stream, MAX_NAME_BYTES, 'origin')))
  const [start, end] = [await uint64(stream), await uint64(stream)]
  const ticket = await takeAll(stream, await uint16(stream, maxTicket, 'ticket'))
  if (start > end) throw new FormatError('add-entries', 'the upload ends before it starts')
  return { origin, start, end, ticket }
}

/** The package that starts at `start`, or null where the body ends before the package does. @throws FormatError `add-entries` */
export async function readPackage(stream: ByteStream, start: number, uploadEnd: number): Promise<EntryPackage | null> {
  const end = Math.min(uploadEnd, (Math.floor(start / TILE_WIDTH) + 1) * TILE_WIDTH)
  const count = end - start
  const found = await stream.parse((bytes) => parsePackage(bytes, count))
  return found === null ? null : { start, end, ...found }
}

/** The body and how many bytes it took; null where more are needed. */
function parsePackage(bytes: Uint8Array, count: number) {
  const entries: Uint8Array[] = []
  let at = 0
  for (let entry = 0; entry < count; entry++) {
    const [high, low] = [bytes[at], bytes[at + 1]]
    if (high === undefined || low === undefined) return null
    const next = at + 2 + high * 256 + low
    if (next > bytes.length) return null
    entries.push(bytes.subarray(at + 2, next))
    at = next
  }
  const hashes = bytes[at]
  if (hashes === undefined) return null
  if (hashes > maxHashes) throw new FormatError('add-entries', `a proof of ${hashes} hashes`)
  const proofAt = at + 1
  const used = proofAt + hashes * HASH_SIZE
  if (used > bytes.length) return null
  const proof = Array.from({ length: hashes }, (_, hash) =>
    bytes.slice(proofAt + hash * HASH_SIZE, proofAt + (hash + 1) * HASH_SIZE),
  )
  return { used, value: { entries: entries.map((entry) => entry.slice()), proof } }
}

async function takeAll(stream: ByteStream, length: number): Promise<Uint8Array> {
  const bytes = await stream.parse((all) =>
    all.length < length ? null : { used: length, value: all.slice(0, length) },
  )
  if (bytes === null) throw new FormatError('add-entries', 'the body ends within its header')
  return bytes
}

async function uint16(stream: ByteStream, max: number, what: string): Promise<number> {
  const [high = 0, low = 0] = await takeAll(stream, 2)
  const value = high * 256 + low
  if (value > max) throw new FormatError('add-entries', `a ${what} of ${value} bytes`)
  return value
}

async function uint64(stream: ByteStream): Promise<number> {
  const bytes = await takeAll(stream, 8)
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value)
}
