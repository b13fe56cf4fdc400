/**
 * Strict conversions between bytes and text: each refuses what its own formatter would not have written, so that
 * parse, format, parse is the identity and two spellings of one value cannot exist. All refusals are {@link FormatError}.
 */
import { FormatError } from './errors.ts'
import { platform } from './platform.ts'

const encoder = new platform.TextEncoder()
// ignoreBOM keeps a byte order mark as a character; without it the decoder would drop three bytes in silence.
const decoder = new platform.TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 of `text`; a lone surrogate, which has no UTF-8, is refused rather than replaced. */
export function utf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new FormatError('utf-8', 'lone surrogate')
  return encoder.encode(text)
}

/** The text whose UTF-8 is `bytes`; a byte order mark stays a character. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new FormatError('utf-8', 'invalid byte sequence', { cause })
  }
}

const hexByte: readonly string[] = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'))

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += hexByte[byte]
  return text
}

/** Bytes of lower-case hex; upper case, odd length and other characters are refused. */
export function fromHex(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new FormatError('hex', 'not lower-case hex')
  const bytes = new Uint8Array(text.length / 2)
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16)
  return bytes
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const NOT_IN_ALPHABET = 255
const sextets = new Uint8Array(128).fill(NOT_IN_ALPHABET)
for (let value = 0; value < alphabet.length; value++) sextets[alphabet.charCodeAt(value)] = value

/** Standard base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    text += alphabet.charAt(group >> 18) + alphabet.charAt((group >> 12) & 63)
    text += at + 1 < bytes.length ? alphabet.charAt((group >> 6) & 63) : '='
    text += at + 2 < bytes.length ? alphabet.charAt(group & 63) : '='
  }
  return text
}

function sextet(text: string, at: number): number {
  const value = sextets[text.charCodeAt(at)] ?? NOT_IN_ALPHABET
  if (value === NOT_IN_ALPHABET) throw new FormatError('base64', `character ${at} is not of the standard alphabet`)
  return value
}

/**
 * Bytes of canonical standard base64: padding demanded, no white space, no URL alphabet, and the unused low bits of
 * the last character zero (RFC 4648 §3.5).
 */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw new FormatError('base64', 'length is not a multiple of 4')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const digits = text.length - padding
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4))
  let group = 0
  let out = 0
  for (let at = 0; at < digits; at++) {
    group = ((group & 0x3ffff) << 6) | sextet(text, at)
    if (at % 4 !== 0) bytes[out++] = (group >> (6 - 2 * (at % 4))) & 255
  }
  const unused = padding === 2 ? 15 : padding === 1 ? 3 : 0
  if ((group & unused) !== 0) throw new FormatError('base64', 'unused bits are not zero')
  return bytes
}

/** A canonical decimal from 0 to 2^53-1: no sign, no leading zero, no white space. */
export function parseDecimal(text: string): number {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) {
    throw new FormatError('decimal', 'not a canonical decimal below 2^53')
  }
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new FormatError('decimal', 'above 2^53-1')
  return value
}

/** The parts in one block, however many there are. */
export function concatAll(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** A few parts in one block; for a list of unknown length {@link concatAll}, since arguments are limited in number. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return concatAll(parts)
}

/** Equality of public values; it takes as long as the common prefix and is not for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}

/** Order of unsigned bytes, a prefix before what it begins: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length)
  for (let at = 0; at < common; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
