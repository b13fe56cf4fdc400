/**
 * JSON text without its looseness. JSON.parse reads `{"a":1,"a":2}` as the last word, `1e3`, `1.0` and `-0` as numbers,
 * and `"\ud800"` as a string that has no UTF-8: two readers of one text can then see two things. Neither entry point
 * here lets any of that through.
 *
 * - {@link parseCanonicalJson}: what machines write. The bytes must be the RFC 8785 form of what they say.
 * - {@link parseJson}: what people write (trust files). Any layout, but one meaning.
 */
import canonicalize from 'canonicalize'
import { fromUtf8, utf8 } from '../bytes.ts'
import { FormatError } from '../errors.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [name: string]: JsonValue
}

/** Deepest nesting accepted: ours is at most 6, a Sigstore TrustedRoot 8. */
const MAX_DEPTH = 32

/**
 * The RFC 8785 form of a value, in UTF-8. Throws FormatError for a lone surrogate and for numbers that JSON cannot say.
 */
export function canonicalJson(value: unknown): Uint8Array {
  return utf8(canonicalText('canonical JSON', 'a value has no JSON form', value))
}

function canonicalText(format: string, problem: string, value: unknown): string {
  let text: string | undefined
  try {
    text = canonicalize(value)
  } catch (cause) {
    throw new FormatError(format, problem, { cause })
  }
  if (text === undefined) throw new FormatError(format, problem)
  return text
}

/**
 * The value of bytes that are their own RFC 8785 form: no white space, members sorted and each once, one spelling of every
 * number and string. Numbers need not be integers here; whoever reads the value says what they may be.
 */
export function parseCanonicalJson(format: string, bytes: Uint8Array): JsonValue {
  const { text, value } = parsed(format, bytes)
  if (isPlainlyCanonical(text, value)) return value
  const problem = 'not canonical JSON (RFC 8785)'
  // UTF-8 was decoded without loss, so that equal texts are equal bytes.
  if (canonicalText(format, problem, value) !== text) throw new FormatError(format, problem)
  return value
}

/**
 * True only for canonical text, at a fraction of the cost: where all members already stand in order, RFC 8785 §3.2 is what
 * JSON.stringify writes, lone surrogates apart; those come from escapes alone.
 */
function isPlainlyCanonical(text: string, value: JsonValue): boolean {
  return !text.includes('\\ud') && isSorted(value) && JSON.stringify(value) === text
}

/** Whether the members of all objects are enumerated in the order of their UTF-16 code units (RFC 8785 §3.2.3). */
function isSorted(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isSorted)
  let before: string | null = null
  for (const [name, member] of Object.entries(value as JsonObject)) {
    if (before !== null && before >= name) return false
    if (!isSorted(member)) return false
    before = name
  }
  return true
}

/**
 * The value of JSON text in any layout, where every member occurs once, every number is a canonical integer
 * within 2^53-1 and every string is well-formed.
 */
export function parseJson(format: string, bytes: Uint8Array): JsonValue {
  const { text, value } = parsed(format, bytes)
  checkTokens(format, text)
  return value
}

function parsed(format: string, bytes: Uint8Array): { text: string; value: JsonValue } {
  let text: string
  let value: JsonValue
  try {
    text = fromUtf8(bytes)
    value = JSON.parse(text) as JsonValue
  } catch (cause) {
    throw new FormatError(format, 'not JSON in UTF-8', { cause })
  }
  demandShallow(format, value, MAX_DEPTH)
  return { text, value }
}

function demandShallow(format: string, value: JsonValue, left: number): void {
  if (typeof value !== 'object' || value === null) return
  if (left === 0) throw new FormatError(format, `nested deeper than ${MAX_DEPTH}`)
  for (const member of Object.values(value)) demandShallow(format, member, left - 1)
}

/** Where the string that starts at `from` ends: the index after its closing quote. The text is known to be JSON. */
function endOfString(text: string, from: number): number {
  let at = from + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** Walks the tokens of text that is known to be JSON, for what JSON.parse does not tell. */
function checkTokens(format: string, text: string): void {
  /** For each open container the member names seen so far, null for an array. */
  const open: (Set<string> | null)[] = []
  let nameComes = false
  for (let at = 0; at < text.length; ) {
    const character = text.charAt(at)
    if (character === '"') {
      const end = endOfString(text, at)
      const content = checkedString(format, text.slice(at, end))
      const names = open.at(-1)
      if (nameComes && names !== null && names !== undefined) {
        if (names.has(content)) throw new FormatError(format, 'a member occurs twice')
        names.add(content)
      }
      nameComes = false
      at = end
      continue
    }
    if (/[-0-9]/.test(character)) {
      at = checkedNumber(format, text, at)
      continue
    }
    if (character === '{') open.push(new Set())
    else if (character === '[') open.push(null)
    else if (character === '}' || character === ']') open.pop()
    if (character === '{' || character === ',') nameComes = open.at(-1) !== null
    at++
  }
}

function checkedString(format: string, token: string): string {
  const content = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1)
  if (!content.isWellFormed()) throw new FormatError(format, 'a string holds a lone surrogate')
  return content
}

/** Checks the number at `from` and returns the index after it. */
function checkedNumber(format: string, text: string, from: number): number {
  let end = from
  while (/[-+.0-9eE]/.test(text.charAt(end))) end++
  const token = text.slice(from, end)
  if (!/^(?:0|-?[1-9][0-9]*)$/.test(token) || !Number.isSafeInteger(Number(token))) {
    throw new FormatError(format, 'a number is not a canonical integer within 2^53-1')
  }
  return end
}
