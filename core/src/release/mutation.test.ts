/**
 * Every parser of this folder, held to one law: whatever bytes it accepts are the bytes that its formatter writes of what it read.
 * Inputs are good files with small changes, at the level of bytes, of tokens and of values.
 */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { fromUtf8, utf8 } from '../bytes.ts'
import { FormatError } from '../errors.ts'
import { nodeCrypto } from '../node.ts'
import { formatAnchor, parseAnchor } from './anchor.ts'
import { formatEntry, parseEntry } from './entry.ts'
import { formatEvidence, parseEvidence } from './evidence.ts'
import { formatStatement, parseStatement } from './statement.ts'
import { canonicalJson, type JsonValue } from './strict-json.ts'
import { parseTrust, TrustError } from './trust.ts'
import { formatUpdateBundle, parseUpdateBundle } from './update-bundle.ts'

/** Properties take their time on a busy machine. */
vi.setConfig({ testTimeout: 60_000 })

/** The shorter accepted texts of a vector file. */
function seeds(name: string, member: string): readonly string[] {
  const { cases } = JSON.parse(
    readFileSync(new URL(`../../../test/vectors/${name}.json`, import.meta.url), 'utf8'),
  ) as {
    cases: readonly Readonly<Record<string, string>>[]
  }
  const accepted = cases.filter(({ error }) => error === undefined).map((of) => of[member] ?? '')
  return accepted.filter((text) => text.length < 12_000)
}

const formats: readonly (readonly [
  name: string,
  texts: readonly string[],
  again: (bytes: Uint8Array) => Uint8Array,
])[] = [
  ['statement', seeds('statement', 'payload'), (bytes) => formatStatement(parseStatement(bytes))],
  ['entry', seeds('entry', 'leaf'), (bytes) => formatEntry(nodeCrypto, parseEntry(nodeCrypto, bytes))],
  ['update bundle', seeds('update-bundle', 'file'), (bytes) => formatUpdateBundle(parseUpdateBundle(bytes))],
  ['anchor', seeds('anchor', 'file'), (bytes) => formatAnchor(parseAnchor(bytes))],
  ['evidence', seeds('evidence', 'file'), (bytes) => formatEvidence(parseEvidence(bytes))],
]

const tokens = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  '\\',
  '0',
  '-',
  '1',
  '.',
  'e',
  'null',
  'true',
  '{}',
  '[]',
  '""',
  '\\u0041',
  '\n',
]

/** A text with one stretch replaced by a token, or by another stretch of itself. */
const textChange = (texts: readonly string[]): fc.Arbitrary<string> =>
  fc
    .record({
      text: fc.constantFrom(...texts),
      at: fc.nat(),
      length: fc.nat(12),
      token: fc.constantFrom('', ...tokens),
      from: fc.nat(),
      copy: fc.boolean(),
    })
    .map(({ text, at, length, token, from, copy }) => {
      const start = at % text.length
      const insert = copy ? text.slice(from % text.length, (from % text.length) + length) : token
      return text.slice(0, start) + insert + text.slice(start + length)
    })

type Path = readonly (string | number)[]

/** Every place in a value. */
function places(value: JsonValue): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [[]]
  const inside = Object.entries(value).flatMap(([name, member]) =>
    places(member as JsonValue).map((path) => [Array.isArray(value) ? Number(name) : name, ...path]),
  )
  return [[], ...inside]
}

function change(value: JsonValue, [head, ...rest]: Path, to: JsonValue | undefined): JsonValue | undefined {
  if (head === undefined) return to
  if (Array.isArray(value)) {
    return value.flatMap((item: JsonValue, at) => {
      const next = at === head ? change(item, rest, to) : item
      return next === undefined ? [] : [next]
    })
  }
  const members = Object.entries(value as object).flatMap(([name, member]) => {
    const next = name === head ? change(member as JsonValue, rest, to) : (member as JsonValue)
    return next === undefined ? [] : [[name, next] as const]
  })
  return Object.fromEntries(members)
}

const values: readonly (JsonValue | undefined)[] = [
  undefined,
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  2 ** 53,
  '',
  'x',
  '..',
  'AAAA',
  [],
  {},
  [0],
  { x: 1 },
  '\u202e',
  'a'.repeat(64),
  'any',
  '1.0.0',
]

/** The canonical form of a value with one place changed. */
const valueChange = (texts: readonly string[]): fc.Arbitrary<string> =>
  fc
    .record({ text: fc.constantFrom(...texts), at: fc.nat(), to: fc.constantFrom(...values) })
    .map(({ text, at, to }) => {
      const value = JSON.parse(text) as JsonValue
      const all = places(value)
      return fromUtf8(canonicalJson(change(value, all[at % all.length] ?? [], to) ?? null))
    })

describe.each(formats)('of a changed %s', (_, texts, again) => {
  const law = (text: string) => {
    let written: Uint8Array
    try {
      written = again(utf8(text))
    } catch (error) {
      if (error instanceof FormatError) return
      throw error
    }
    expect(fromUtf8(written)).toBe(text)
  }

  it('the text is refused, or is what would be written', () => {
    fc.assert(fc.property(textChange(texts), law), { numRuns: 600 })
  })

  it('the value is refused, or is what would be written', () => {
    fc.assert(fc.property(valueChange(texts), law), { numRuns: 600 })
  })

  it('any bytes are refused by an error of the format', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(() => again(bytes)).toThrow(FormatError)
      }),
      { numRuns: 300 },
    )
  })
})

describe('of a changed trust file', () => {
  const texts = seeds('trust', 'file')
  /** A trust file has no formatter: what is believed of it is held against JSON.parse, which reads the last of two members. */
  const law = (text: string) => {
    try {
      const { version, product, authority } = parseTrust(nodeCrypto, utf8(text))
      expect({ version, product, threshold: authority.threshold }).toEqual({
        version: JSON.parse(text).version,
        product: JSON.parse(text).product,
        threshold: JSON.parse(text).authority.threshold,
      })
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
    }
  }

  it('the text is refused as a trust file, or says one thing', () => {
    fc.assert(fc.property(textChange(texts), law), { numRuns: 600 })
  })

  it('the value is refused as a trust file, or says one thing', () => {
    fc.assert(fc.property(valueChange(texts), law), { numRuns: 600 })
  })

  it('a change of what it says changes its digest', () => {
    fc.assert(
      fc.property(valueChange(texts), (text) => {
        const [other] = texts
        if (text === other || other === undefined) return
        try {
          expect(parseTrust(nodeCrypto, utf8(text)).sha256).not.toBe(parseTrust(nodeCrypto, utf8(other)).sha256)
        } catch (error) {
          if (!(error instanceof TrustError)) throw error
        }
      }),
      { numRuns: 200 },
    )
  })
})
