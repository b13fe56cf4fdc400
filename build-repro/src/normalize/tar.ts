/**
 * A tar archive without the time, the owners and the order of its making. Names, modes, links and bytes stay. Members are sorted by
 * name, hard links after everything that they may lead to.
 */
import { MalformedError, slice, text } from '../check/containers/container.ts'
import { paxRecords, tarNumber } from '../check/containers/tar.ts'
import type { Changes } from './changes.ts'

const block = 512

interface RawMember {
  readonly header: Buffer
  readonly name: string
  /** What an extended header says of it, those about its making left out. */
  readonly pax: Readonly<Record<string, string>>
  readonly content: Uint8Array
}

/** In a pax header: what says only who packed, and when. */
const ofTheMaking = /^(mtime|atime|ctime|uid|gid|uname|gname|comment|LIBARCHIVE\.creationtime|SCHILY\.(dev|ino|nlink))$/

/** @throws MalformedError, also for what cannot be sorted safely (sparse files, several volumes) */
export function normalizeTar(bytes: Uint8Array, epoch: number, changes: Changes): Uint8Array {
  const members = rawMembers(bytes, changes)
  const sorted = [...members].sort(compareMembers)
  changes.order ||= sorted.some((member, at) => member !== members[at])
  const parts: Uint8Array[] = []
  for (const member of sorted) {
    if (Object.keys(member.pax).length > 0) parts.push(...paxMember(member.pax))
    parts.push(cleanHeader(member.header, epoch, changes), member.content, padding(member.content.length))
  }
  const size = parts.reduce((sum, part) => sum + part.length, 0) + 2 * block
  return Buffer.concat(parts, size)
}

function rawMembers(bytes: Uint8Array, changes: Changes): readonly RawMember[] {
  const members: RawMember[] = []
  let own: Record<string, string> = {}
  for (let at = 0; at + block <= bytes.length; ) {
    const header = Buffer.from(slice(bytes, at, block))
    if (header.every((byte) => byte === 0)) break
    const type = String.fromCharCode(header[156] ?? 0)
    const size = own['size'] === undefined ? tarNumber(header, 124, 12) : Number(own['size'])
    const content = slice(bytes, at + block, size)
    if (type === 'x') own = { ...own, ...keptRecords(paxRecords(content), changes) }
    else if (type === 'g') keptRecords(paxRecords(content), changes)
    else if (type === 'L') own = { ...own, path: text(content) }
    else if (type === 'K') own = { ...own, linkpath: text(content) }
    else if (!isPlain(type)) throw new MalformedError(`a member of type "${type}" cannot be normalized`)
    else {
      members.push({ header, name: own['path'] ?? nameOf(header), pax: own, content })
      own = {}
    }
    at += block + Math.ceil(size / block) * block
  }
  return members
}

/** A file, a link, a device or a folder (POSIX types 0 to 7, and NUL for the first). */
function isPlain(type: string): boolean {
  return '\0' === type || /^[0-7]$/.test(type)
}

function keptRecords(records: Readonly<Record<string, string>>, changes: Changes): Record<string, string> {
  const kept = Object.entries(records).filter(([name]) => !ofTheMaking.test(name))
  changes.extras += Object.keys(records).length - kept.length
  return Object.fromEntries(kept)
}

function nameOf(header: Uint8Array): string {
  const prefix = text(header.subarray(257, 265)) === 'ustar' ? text(header.subarray(345, 500)) : ''
  const name = text(header.subarray(0, 100))
  return prefix === '' ? name : `${prefix}/${name}`
}

function compareMembers(a: RawMember, b: RawMember): number {
  const [linkA, linkB] = [a, b].map(({ header }) => (header[156] === 0x31 ? 1 : 0)) as [number, number]
  if (linkA !== linkB) return linkA - linkB
  return a.name === b.name ? 0 : a.name < b.name ? -1 : 1
}

/** A later time becomes the epoch, owners become 0 without names, the sum is computed again. */
function cleanHeader(header: Buffer, epoch: number, changes: Changes): Uint8Array {
  const clean = Buffer.from(header)
  const mtime = tarNumber(clean, 136, 12)
  if (mtime > epoch) {
    changes.times++
    writeOctal(clean, 136, 12, epoch)
  }
  const owned =
    tarNumber(clean, 108, 8) + tarNumber(clean, 116, 8) > 0 || clean.subarray(265, 329).some((byte) => byte !== 0)
  if (owned) changes.owners++
  writeOctal(clean, 108, 8, 0)
  writeOctal(clean, 116, 8, 0)
  clean.fill(0, 265, 329)
  clean.fill(0x20, 148, 156)
  const sum = clean.reduce((total, byte) => total + byte, 0)
  clean.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return clean
}

/** An extended header with these records, in order of their names. */
function paxMember(records: Readonly<Record<string, string>>): readonly Uint8Array[] {
  const lines = Object.entries(records)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => paxLine(name, value))
  const content = Buffer.concat(lines)
  const header = Buffer.alloc(block)
  header.write('./PaxHeaders/samebits', 0)
  for (const [offset, length, value] of [
    [100, 8, 0o644],
    [108, 8, 0],
    [116, 8, 0],
    [124, 12, content.length],
    [136, 12, 0],
  ] as const)
    writeOctal(header, offset, length, value)
  header.fill(0x20, 148, 156)
  header.write('x', 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return [header, content, padding(content.length)]
}

/** `<length> <name>=<value>\n`, the length counting its own digits. */
function paxLine(name: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${name}=${value}\n`)
  let length = rest + 1
  while (String(length).length + rest !== length) length = String(length).length + rest
  return Buffer.from(`${length} ${name}=${value}\n`)
}

function writeOctal(header: Buffer, offset: number, length: number, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset)
}

function padding(size: number): Uint8Array {
  return new Uint8Array((block - (size % block)) % block)
}
