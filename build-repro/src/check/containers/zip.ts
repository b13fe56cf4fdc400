/** zip (APPNOTE 6.3): stored and deflated members, by the central directory. */
import { inflateRawSync } from 'node:zlib'
import {
  type Container,
  containerLimits,
  MalformedError,
  type Member,
  slice,
  text,
  uniqueNames,
  view,
} from './container.ts'

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 22 && view(bytes).getUint32(0, true) === 0x04034b50
}

export function readZip(bytes: Uint8Array): Container {
  const data = view(bytes)
  const end = endOfDirectory(data)
  const count = data.getUint16(end + 10, true)
  const members: Member[] = []
  let at = data.getUint32(end + 16, true)
  for (let index = 0; index < count; index++) {
    const entry = view(slice(bytes, at, 46))
    if (entry.getUint32(0, true) !== 0x02014b50) throw new MalformedError('the central directory is broken')
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map((offset) => entry.getUint16(offset, true))
    if (nameSize === undefined || extraSize === undefined || commentSize === undefined)
      throw new MalformedError('no sizes')
    members.push({
      name: new TextDecoder().decode(slice(bytes, at + 46, nameSize)),
      bytes: contentOf(bytes, entry),
      offset: null,
      fields: {
        mtime: dosTime(entry.getUint16(14, true), entry.getUint16(12, true)),
        mode: (entry.getUint32(38, true) >>> 16).toString(8),
        method: String(entry.getUint16(10, true)),
        extra: hex(slice(bytes, at + 46 + nameSize, extraSize)),
        made: String(entry.getUint16(4, true)),
      },
    })
    at += 46 + nameSize + extraSize + commentSize
  }
  return { format: 'zip', members: uniqueNames(members), fields: { comment: text(bytes.subarray(end + 22)) } }
}

export function endOfDirectory(data: DataView): number {
  for (let at = data.byteLength - 22; at >= Math.max(0, data.byteLength - 65_557); at--)
    if (data.getUint32(at, true) === 0x06054b50) return at
  throw new MalformedError('there is no end of a central directory')
}

function contentOf(bytes: Uint8Array, entry: DataView): Uint8Array {
  const [method, packed, size, at] = [
    entry.getUint16(10, true),
    entry.getUint32(20, true),
    entry.getUint32(24, true),
    entry.getUint32(42, true),
  ]
  const local = view(slice(bytes, at, 30))
  const stored = slice(bytes, at + 30 + local.getUint16(26, true) + local.getUint16(28, true), packed)
  if (method === 0) return stored
  if (method !== 8 || size > containerLimits.bytes) throw new MalformedError(`method ${method} is not taken apart here`)
  return inflateRawSync(stored, { maxOutputLength: Math.max(size, 1) })
}

/** MS-DOS date and time, as it is written: the zone is the writer's. */
function dosTime(date: number, time: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${(date >> 9) + 1980}-${two((date >> 5) & 15)}-${two(date & 31)}`
  return `${day} ${two(time >> 11)}:${two((time >> 5) & 63)}:${two((time & 31) * 2)}`
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
