/** A zip archive without the time and the order of its making, nor what packers add about owners. Names, modes and packed bytes stay. */
import { MalformedError, slice, view } from '../check/containers/container.ts'
import { endOfDirectory } from '../check/containers/zip.ts'
import type { Changes } from './changes.ts'

interface Entry {
  readonly central: Buffer
  readonly name: Buffer
  readonly extra: Buffer
  readonly comment: Buffer
  readonly packed: Uint8Array
}

/** Extra fields that say when and by whom: NTFS, extended timestamp, Info-ZIP's owners (APPNOTE 4.5, Info-ZIP's appendix). */
const ofTheMaking = new Set([0x000a, 0x5455, 0x5855, 0x7855, 0x7875])

/** @throws MalformedError, also for zip64 and encrypted members */
export function normalizeZip(bytes: Uint8Array, epoch: number, changes: Changes): Uint8Array {
  const entries = readEntries(bytes)
  const sorted = [...entries].sort((a, b) => Buffer.compare(a.name, b.name))
  changes.order ||= sorted.some((entry, at) => entry !== entries[at])
  const [locals, centrals]: [Uint8Array[], Uint8Array[]] = [[], []]
  let offset = 0
  for (const entry of sorted) {
    const extra = cleanExtra(entry.extra, changes)
    const central = Buffer.from(entry.central)
    cleanTime(central, epoch, changes)
    central.writeUInt16LE(central.readUInt16LE(8) & ~8, 8) // sizes stand in the local header, not behind the bytes
    central.writeUInt16LE(extra.length, 30)
    central.writeUInt32LE(offset, 42)
    const local = localHeader(central, entry.name, extra)
    locals.push(local, entry.name, extra, entry.packed)
    centrals.push(central, entry.name, extra, entry.comment)
    offset += local.length + entry.name.length + extra.length + entry.packed.length
  }
  const size = centrals.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([...locals, ...centrals, endRecord(bytes, sorted.length, size, offset)])
}

function readEntries(bytes: Uint8Array): readonly Entry[] {
  const data = view(bytes)
  const end = endOfDirectory(data)
  const [count, start] = [data.getUint16(end + 10, true), data.getUint32(end + 16, true)]
  if (count === 0xffff || start === 0xffff_ffff) throw new MalformedError('zip64 cannot be normalized')
  const entries: Entry[] = []
  let at = start
  for (let index = 0; index < count; index++) {
    const central = Buffer.from(slice(bytes, at, 46))
    if (central.readUInt32LE(0) !== 0x02014b50) throw new MalformedError('the central directory is broken')
    if ((central.readUInt16LE(8) & 1) !== 0) throw new MalformedError('an encrypted member cannot be normalized')
    const [name, extra, comment] = [28, 30, 32].map((field) => central.readUInt16LE(field)) as [number, number, number]
    const part = (from: number, length: number) => Buffer.from(slice(bytes, at + 46 + from, length))
    const local = view(slice(bytes, central.readUInt32LE(42), 30))
    const begin = central.readUInt32LE(42) + 30 + local.getUint16(26, true) + local.getUint16(28, true)
    const packed = slice(bytes, begin, central.readUInt32LE(20))
    entries.push({
      central,
      name: part(0, name),
      extra: part(name, extra),
      comment: part(name + extra, comment),
      packed,
    })
    at += 46 + name + extra + comment
  }
  return entries
}

function localHeader(central: Buffer, name: Buffer, extra: Buffer): Buffer {
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50, 0)
  central.copy(local, 4, 6, 28) // version, flags, method, time, date, CRC, both sizes
  local.writeUInt16LE(name.length, 26)
  local.writeUInt16LE(extra.length, 28)
  return local
}

function cleanExtra(extra: Buffer, changes: Changes): Buffer {
  const kept: Buffer[] = []
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (ofTheMaking.has(extra.readUInt16LE(at))) changes.extras++
    else kept.push(extra.subarray(at, end))
    at = end
  }
  return Buffer.concat(kept)
}

/** MS-DOS times have no zone; the epoch is written as UTC, and no earlier than they can say. */
function cleanTime(central: Buffer, epoch: number, changes: Changes): void {
  const date = new Date(Math.max(epoch, Date.UTC(1980, 0, 1) / 1000) * 1000)
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate()
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1)
  if (central.readUInt16LE(14) === day && central.readUInt16LE(12) === time) return
  changes.times++
  central.writeUInt16LE(time, 12)
  central.writeUInt16LE(day, 14)
}

function endRecord(bytes: Uint8Array, count: number, size: number, offset: number): Uint8Array {
  const end = Buffer.from(bytes.subarray(endOfDirectory(view(bytes))))
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return end
}
