/** tar: POSIX ustar and pax (IEEE 1003.1, pax), and GNU's long names. */
import { type Container, containerLimits, MalformedError, type Member, slice, text, uniqueNames } from './container.ts'

const block = 512

export function isTar(bytes: Uint8Array): boolean {
  return bytes.length >= block && text(bytes.subarray(257, 262)) === 'ustar'
}

export function readTar(bytes: Uint8Array): Container {
  const members: Member[] = []
  let global: Readonly<Record<string, string>> = {}
  let own: Readonly<Record<string, string>> = {}
  for (let at = 0; at + block <= bytes.length; ) {
    const header = slice(bytes, at, block)
    if (header.every((byte) => byte === 0)) break
    const type = String.fromCharCode(header[156] ?? 0)
    const size = own['size'] === undefined ? tarNumber(header, 124, 12) : Number(own['size'])
    const content = slice(bytes, at + block, size)
    if (type === 'g') global = { ...global, ...paxRecords(content) }
    else if (type === 'x') own = { ...own, ...paxRecords(content) }
    else if (type === 'L') own = { ...own, path: text(content) }
    else if (type === 'K') own = { ...own, linkpath: text(content) }
    else {
      members.push(memberOf(header, { ...global, ...own }, content, at + block, type))
      own = {}
      if (members.length > containerLimits.members) throw new MalformedError('more members than anybody packs')
    }
    at += block + Math.ceil(size / block) * block
  }
  return { format: 'tar', members: uniqueNames(members), fields: global }
}

function memberOf(
  header: Uint8Array,
  pax: Readonly<Record<string, string>>,
  bytes: Uint8Array,
  offset: number,
  type: string,
): Member {
  const prefix = text(header.subarray(257, 265)) === 'ustar' ? text(header.subarray(345, 500)) : ''
  const name = text(header.subarray(0, 100))
  const owner = `${tarNumber(header, 108, 8)} ${pax['uname'] ?? text(header.subarray(265, 297))}`
  const group = `${tarNumber(header, 116, 8)} ${pax['gname'] ?? text(header.subarray(297, 329))}`
  return {
    name: pax['path'] ?? (prefix === '' ? name : `${prefix}/${name}`),
    bytes,
    offset,
    fields: {
      mode: (tarNumber(header, 100, 8) & 0o7777).toString(8).padStart(4, '0'),
      owner: `${owner}:${group}`,
      mtime: pax['mtime'] ?? String(tarNumber(header, 136, 12)),
      type,
      link: pax['linkpath'] ?? text(header.subarray(157, 257)),
    },
  }
}

/** A number of a header: octal digits, or base 256 where the first bit is set (GNU). */
export function tarNumber(header: Uint8Array, offset: number, length: number): number {
  const field = header.subarray(offset, offset + length)
  if (((field[0] ?? 0) & 0x80) !== 0) return base256(field)
  const digits = text(field).trim()
  if (!/^[0-7]*$/.test(digits)) throw new MalformedError(`"${digits}" is not octal`)
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function base256(field: Uint8Array): number {
  return field.reduce((value, byte, at) => value * 256 + (at === 0 ? byte & 0x7f : byte), 0)
}

/** Records `<length> <name>=<value>\n`. */
export function paxRecords(bytes: Uint8Array): Readonly<Record<string, string>> {
  const records: Record<string, string> = {}
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const space = bytes.indexOf(0x20, at)
    const length = space === -1 ? 0 : Number(text(bytes.subarray(at, space)))
    if (!(length > space - at)) throw new MalformedError('a pax record has no length')
    const record = new TextDecoder().decode(slice(bytes, space + 1, at + length - space - 2))
    const equals = record.indexOf('=')
    if (equals === -1) throw new MalformedError('a pax record has no value')
    records[record.slice(0, equals)] = record.slice(equals + 1)
    at += length
  }
  return records
}
