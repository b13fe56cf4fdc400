/**
 * Telling entries of other products apart without reading them: in a log of many products most entries are somebody else's, and
 * parsing them strictly would be most of the work of reading history.
 *
 * An entry is canonical, so its payload stands in it as base64, and the product stands in the payload as it is spelled: wherever it
 * begins, its base64 shows all characters but the first and last few, in one of three ways (RFC 4648 §4).
 */
import { fromUtf8, toBase64, utf8 } from '../bytes.ts'
import { FormatError } from '../errors.ts'

/** How every entry begins: RFC 8785 puts the members of an object in order. */
const entryStart = '{"dsseEnvelope":{"payload":"'

/** Whether a leaf may be an entry of this product: false only for what has the form of an entry and cannot name it. */
export function productFilter(product: string): (leaf: Uint8Array) => boolean {
  const bytes = utf8(product)
  const spellings = [0, 1, 2].map((offset) => certainCharacters(bytes, offset))
  return (leaf) => {
    const text = textOf(leaf)
    return !text.startsWith(entryStart) || spellings.some((spelling) => text.includes(spelling))
  }
}

/** Nothing where it is no text: then it is no entry either. */
function textOf(leaf: Uint8Array): string {
  try {
    return fromUtf8(leaf)
  } catch (error) {
    if (error instanceof FormatError) return ''
    throw error
  }
}

/** The characters of base64 that `bytes` decide alone where they begin `offset` bytes after a multiple of three. */
function certainCharacters(bytes: Uint8Array, offset: number): string {
  const padded = new Uint8Array(offset + bytes.length)
  padded.set(bytes, offset)
  return toBase64(padded).slice(Math.ceil((offset * 8) / 6), Math.floor((padded.length * 8) / 6))
}
