/** Where the bytes of two parts differ that are no archives: by lines where they are text, by strings and numbers where not. */
import { classifyText } from './classify.ts'
import type { Kind } from './difference.ts'
import { couldRead, type Side } from './side.ts'

export interface Hunk {
  /** In the first. */
  readonly offset: number
  readonly kind: Kind
  readonly a: string
  readonly b: string
}

/** More places than this are not told apart. */
const mostHunks = 2000
const excerptLength = 160

export function compareBytes(a: Uint8Array, b: Uint8Array, sideA: Side, sideB: Side): readonly Hunk[] {
  const [textA, textB] = [asText(a), asText(b)]
  if (textA !== null && textB !== null) return compareLines(textA, textB, sideA, sideB)
  return a.length === b.length ? compareAligned(a, b, sideA, sideB) : compareStrings(a, b, sideA, sideB)
}

function asText(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

function compareLines(a: string, b: string, sideA: Side, sideB: Side): readonly Hunk[] {
  const [linesA, linesB] = [withOffsets(a), withOffsets(b)]
  const [onlyA, onlyB] = [without(linesA, linesB), without(linesB, linesA)]
  if (onlyA.length === 0 && onlyB.length === 0) return [reordered(linesA, linesB)]
  const hunks: Hunk[] = []
  for (let at = 0; at < Math.max(onlyA.length, onlyB.length) && hunks.length < mostHunks; at++) {
    const [inA, inB] = [onlyA[at], onlyB[at]]
    const kind = inA === undefined || inB === undefined ? 'content' : classifyText(inA.text, inB.text, sideA, sideB)
    hunks.push({ offset: inA?.offset ?? a.length, kind, ...excerpts(inA?.text ?? '', inB?.text ?? '') })
  }
  return hunks
}

interface Line {
  readonly text: string
  /** In bytes. */
  readonly offset: number
}

function withOffsets(text: string): readonly Line[] {
  let offset = 0
  return text.split('\n').map((line) => {
    const here = { text: line, offset }
    offset += Buffer.byteLength(line) + 1
    return here
  })
}

/** The lines of the first that the second does not have as often. */
function without(lines: readonly Line[], others: readonly Line[]): readonly Line[] {
  const left = new Map<string, number>()
  for (const { text } of others) left.set(text, (left.get(text) ?? 0) + 1)
  return lines.filter(({ text }) => {
    const count = left.get(text) ?? 0
    left.set(text, count - 1)
    return count <= 0
  })
}

function reordered(a: readonly Line[], b: readonly Line[]): Hunk {
  const at = a.findIndex(({ text }, index) => text !== b[index]?.text)
  const excerpt = (lines: readonly Line[]) =>
    printable(
      lines
        .slice(at, at + 4)
        .map(({ text }) => text)
        .join(' | '),
    )
  return { offset: a[at]?.offset ?? 0, kind: 'order', a: excerpt(a), b: excerpt(b) }
}

/** Differing bytes closer together than this belong together. */
const gap = 16

function compareAligned(a: Uint8Array, b: Uint8Array, sideA: Side, sideB: Side): readonly Hunk[] {
  const hunks: Hunk[] = []
  for (let at = 0; at < a.length && hunks.length < mostHunks; at++) {
    if (a[at] === b[at]) continue
    let end = at + 1
    for (let next = end; next < Math.min(a.length, end + gap); next++) if (a[next] !== b[next]) end = next + 1
    hunks.push(alignedHunk(a, b, at, end, sideA, sideB))
    at = end
  }
  return hunks
}

function alignedHunk(a: Uint8Array, b: Uint8Array, start: number, end: number, sideA: Side, sideB: Side): Hunk {
  const [inA, inB] = [stringAround(a, start), stringAround(b, start)]
  if (inA !== null && inB !== null)
    return { offset: start, kind: classifyText(inA, inB, sideA, sideB), ...excerpts(inA, inB) }
  const hex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(start, Math.min(end, start + 20))).toString('hex')
  return {
    offset: start,
    kind: isBinaryTime(a, b, start, end, sideA, sideB) ? 'timestamp' : 'content',
    a: hex(a),
    b: hex(b),
  }
}

/** A number of 32 bits, in either byte order, that each side's clock could have shown. */
function isBinaryTime(a: Uint8Array, b: Uint8Array, start: number, end: number, sideA: Side, sideB: Side): boolean {
  if (end - start > 8) return false
  const [viewA, viewB] = [a, b].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  for (let at = Math.max(0, start - 3); at <= start && at + 4 <= a.length; at++)
    for (const little of [true, false]) {
      const [inA, inB] = [viewA?.getUint32(at, little) ?? 0, viewB?.getUint32(at, little) ?? 0]
      if (inA !== inB && couldRead(sideA, inA) && couldRead(sideB, inB)) return true
    }
  return false
}

const shortestString = 4

function stringAround(bytes: Uint8Array, at: number): string | null {
  let [start, end] = [at, at]
  while (start > 0 && isPrintable(bytes[start - 1]) && at - start < 4096) start--
  while (end < bytes.length && isPrintable(bytes[end]) && end - at < 4096) end++
  return end - start < shortestString || !isPrintable(bytes[at])
    ? null
    : Buffer.from(bytes.subarray(start, end)).toString('latin1')
}

function isPrintable(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x20 && byte < 0x7f) || byte === 9)
}

/** Parts of different length: their strings, and where there is nothing in those, the first byte that differs. */
function compareStrings(a: Uint8Array, b: Uint8Array, sideA: Side, sideB: Side): readonly Hunk[] {
  const [inA, inB] = [stringsOf(a), stringsOf(b)]
  const [onlyA, onlyB] = [without(inA, inB), without(inB, inA)]
  const hunks: Hunk[] = []
  for (let at = 0; at < Math.min(onlyA.length, onlyB.length) && hunks.length < mostHunks; at++) {
    const [first, second] = [onlyA[at], onlyB[at]]
    if (first === undefined || second === undefined) break
    const kind = classifyText(first.text, second.text, sideA, sideB)
    hunks.push({ offset: first.offset, kind, ...excerpts(first.text, second.text) })
  }
  return hunks.length > 0 ? hunks : [firstByte(a, b)]
}

function stringsOf(bytes: Uint8Array): readonly Line[] {
  const strings: Line[] = []
  let start = 0
  for (let at = 0; at <= bytes.length; at++) {
    if (isPrintable(bytes[at])) continue
    if (at - start >= 8)
      strings.push({ text: Buffer.from(bytes.subarray(start, at)).toString('latin1'), offset: start })
    start = at + 1
  }
  return strings
}

function firstByte(a: Uint8Array, b: Uint8Array): Hunk {
  let at = 0
  while (at < Math.min(a.length, b.length) && a[at] === b[at]) at++
  const hex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(at, at + 20)).toString('hex')
  return { offset: at, kind: 'content', a: hex(a), b: hex(b) }
}

/** Both texts from a little before the first difference. */
function excerpts(a: string, b: string): { readonly a: string; readonly b: string } {
  let at = 0
  while (at < Math.min(a.length, b.length) && a[at] === b[at]) at++
  const from = Math.max(0, at - 40)
  const cut = (text: string) =>
    printable(
      (from === 0 ? '' : '…') +
        text.slice(from, from + excerptLength) +
        (text.length > from + excerptLength ? '…' : ''),
    )
  return { a: cut(a), b: cut(b) }
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.slice(0, 2 * excerptLength).replace(/[\u0000-\u001f\u007f]/g, '·')
}
