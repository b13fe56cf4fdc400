/** ELF (System V gABI, chapter 4): each section as a part, and what lies between them as one. 32 and 64 bits, either byte order. */
import { type Container, MalformedError, type Member, slice, text, uniqueNames, view } from './container.ts'

export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 64 && view(bytes).getUint32(0, false) === 0x7f454c46
}

const noBits = 8

interface Reader {
  readonly bytes: Uint8Array
  readonly data: DataView
  readonly wide: boolean
  readonly little: boolean
}

export function readElf(bytes: Uint8Array): Container {
  const reader: Reader = { bytes, data: view(bytes), wide: bytes[4] === 2, little: bytes[5] === 1 }
  try {
    const sections = readSections(reader)
    return { format: 'elf', members: uniqueNames(sections), fields: {} }
  } catch (error) {
    if (error instanceof RangeError) throw new MalformedError(error.message)
    throw error
  }
}

function readSections(reader: Reader): readonly Member[] {
  const { bytes, data, wide, little } = reader
  const table = word(reader, wide ? 40 : 32)
  const [entrySize, count, names] = (wide ? [58, 60, 62] : [46, 48, 50]).map((offset) => data.getUint16(offset, little))
  if (entrySize === undefined || count === undefined || names === undefined || table === 0 || count === 0)
    throw new MalformedError('there are no sections')
  const headers = Array.from({ length: count }, (_, index) => readHeader(reader, table + index * entrySize))
  const strings = headers[names]
  if (strings === undefined) throw new MalformedError('the sections have no names')
  const nameTable = slice(bytes, strings.offset, strings.size)
  const parts = headers
    .filter(({ type, size }) => type !== noBits && type !== 0 && size > 0)
    .map(({ name, offset, size }): Member => {
      return {
        name: `section ${text(nameTable.subarray(name))}`,
        bytes: slice(bytes, offset, size),
        offset,
        fields: {},
      }
    })
  const [start, end] = [slice(bytes, 0, wide ? 64 : 52), slice(bytes, table, entrySize * count)]
  return [
    { name: 'ELF header', bytes: start, offset: 0, fields: {} },
    ...parts,
    { name: 'section headers', bytes: end, offset: table, fields: {} },
  ]
}

function readHeader(reader: Reader, at: number) {
  const { data, wide, little } = reader
  return {
    name: data.getUint32(at, little),
    type: data.getUint32(at + 4, little),
    offset: word(reader, at + (wide ? 24 : 16)),
    size: word(reader, at + (wide ? 32 : 20)),
  }
}

function word({ data, wide, little }: Reader, at: number): number {
  return wide ? Number(data.getBigUint64(at, little)) : data.getUint32(at, little)
}
