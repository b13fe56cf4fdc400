import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadVectors, outcome } from '../../../scripts/vectors/load.ts'
import { nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import {
  checkEd25519,
  formatNote,
  formatSignatureLines,
  isLineOf,
  MAX_NOTE_LENGTH,
  type Note,
  type NoteSignature,
  parseNote,
  parseSignatureLines,
  signatureLine,
  verifyNote,
} from './note.ts'
import { formatVkey, keyNameFault, makeVkey, parseVkey } from './vkey.ts'

interface Vectors {
  keys: Record<string, string>
  notes: { desc: string; note: string; verified?: string[]; error?: string }[]
  vkeys: { desc: string; vkey: string; name?: string; type?: number; keyId?: string; error?: string }[]
}
const vectors = loadVectors<Vectors>('note')
const accepted = vectors.notes.filter(({ error }) => error === undefined)

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('notes, %s', (_, crypto) => {
  const keys = Object.values(vectors.keys).map((text) => parseVkey(crypto, text))

  test.each(vectors.notes)('$desc', ({ note, verified, error }) => {
    const got = outcome(() => verifyNote(crypto, parseNote(note), keys).map(({ key }) => key.name))
    expect(got).toEqual(error === undefined ? verified : { error })
  })

  test.each(vectors.vkeys)('vkey: $desc', ({ vkey, name, type, keyId, error }) => {
    const got = outcome(() => parseVkey(crypto, vkey))
    if (error !== undefined) return expect(got).toEqual({ error })
    expect(got).toMatchObject({ name, type, keyId: Number.parseInt(keyId ?? '', 16) })
    if (!('error' in got)) expect(formatVkey(got)).toBe(vkey)
  })

  test('the example of C2SP signed-note, "Verifier keys", verifies', () => {
    const key = parseVkey(crypto, 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')
    const note = parseNote(
      'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
    )
    expect(verifyNote(crypto, note, [key])).toMatchObject([{ key, timestamp: null }])
  })
})

describe('parsing and formatting notes', () => {
  test('refuses more than it accepts', () => {
    expect(vectors.notes.length - accepted.length).toBeGreaterThan(accepted.length)
  })

  test.each(accepted)('format after parse is the identity: $desc', ({ note }) => {
    expect(formatNote(parseNote(note))).toBe(note)
  })

  test('the cap on signature lines is the caller’s', () => {
    const line = signatureLine({ name: 'a', keyId: 1, signature: Uint8Array.of(1) })
    const note = `text\n\n${line.repeat(3)}`
    expect(parseNote(note, 3).signatures).toHaveLength(3)
    expect(outcome(() => parseNote(note, 2))).toEqual({ error: 'TOO_MANY_SIGNATURES' })
  })

  test('the longest is read, a longer one is refused', () => {
    const row = signatureLine({ name: 'a', keyId: 1, signature: Uint8Array.of(1) })
    const longest = `${'x'.repeat(MAX_NOTE_LENGTH - row.length - 2)}\n\n${row}`
    expect(parseNote(longest).signatures).toHaveLength(1)
    expect(outcome(() => parseNote(`x${longest}`))).toEqual({ error: 'FORMAT_INVALID' })
    const full = `— ${'x'.repeat(MAX_NOTE_LENGTH - row.length + 1)}${row.slice(3)}`
    expect(parseSignatureLines(full)).toHaveLength(1)
    expect(outcome(() => parseSignatureLines(full.replace('x', 'xx')))).toEqual({ error: 'FORMAT_INVALID' })
  })

  const line: NoteSignature = { name: 'a', keyId: 1, signature: Uint8Array.of(1) }
  const unformattable: [string, Note][] = [
    ['no signatures', { text: 'a\n', signatures: [] }],
    ['text without a newline', { text: 'a', signatures: [line] }],
    ['empty text', { text: '', signatures: [line] }],
    ['carriage return', { text: 'a\r\n', signatures: [line] }],
    ['lone surrogate', { text: '\ud800\n', signatures: [line] }],
    ['empty name', { text: 'a\n', signatures: [{ ...line, name: '' }] }],
    ['name with a space', { text: 'a\n', signatures: [{ ...line, name: 'a b' }] }],
    ['name with a newline', { text: 'a\n', signatures: [{ ...line, name: 'a\nb' }] }],
    ['empty signature', { text: 'a\n', signatures: [{ ...line, signature: new Uint8Array(0) }] }],
    ['key ID past 32 bits', { text: 'a\n', signatures: [{ ...line, keyId: 2 ** 32 }] }],
    ['negative key ID', { text: 'a\n', signatures: [{ ...line, keyId: -1 }] }],
    ['fractional key ID', { text: 'a\n', signatures: [{ ...line, keyId: 0.5 }] }],
  ]
  test.each(unformattable)('what could not be parsed is not formatted: %s', (_, note) => {
    expect(outcome(() => formatNote(note))).toEqual({ error: 'FORMAT_INVALID' })
  })

  test.each([0, 0xffffffff])('the key ID %s is formatted', (keyId) => {
    expect(parseSignatureLines(signatureLine({ ...line, keyId }))).toEqual([{ ...line, keyId }])
  })

  test('another character in place of the last newline is not passed over', () => {
    const row = signatureLine(line)
    for (const end of ['', ' ', '=', 'A'])
      expect(outcome(() => parseSignatureLines(row.replace('\n', end)))).toEqual({ error: 'FORMAT_INVALID' })
  })

  test('two known keys of one name and ID are refused, the same key twice is not', () => {
    const key = makeVkey(nodeCrypto, 'a', 1, new Uint8Array(32))
    const other = { ...key, publicKey: new Uint8Array(32).fill(1) }
    const note = parseNote(`text\n\n${signatureLine(line)}`)
    expect(outcome(() => verifyNote(nodeCrypto, note, [key, other]))).toEqual({ error: 'AMBIGUOUS_KEY' })
    expect(outcome(() => verifyNote(nodeCrypto, note, [key, { ...key, type: 4 }]))).toEqual({ error: 'AMBIGUOUS_KEY' })
    expect(outcome(() => verifyNote(nodeCrypto, note, [key, { ...key }]))).toEqual({ error: 'UNSIGNED' })
  })

  test('keys of a type that is not supported are not made', () => {
    for (const type of [0, 2, 3, 5, 7, 255, 256]) {
      expect(outcome(() => makeVkey(nodeCrypto, 'a', type, new Uint8Array(32)))).toEqual({ error: 'FORMAT_INVALID' })
    }
  })

  test.each<[string, number]>([
    ['', 32],
    ['a b', 32],
    ['a+b', 32],
    ['a\n', 32],
    ['\ud800', 32],
    ['a'.repeat(256), 32],
    ['a', 0],
    ['a', 31],
    ['a', 33],
    ['a', 1312],
  ])('no key is made of the name %j and %s bytes', (name, bytes) => {
    expect(outcome(() => makeVkey(nodeCrypto, name, 1, new Uint8Array(bytes)))).toEqual({ error: 'FORMAT_INVALID' })
  })
})

const name = fc.string({ unit: fc.constantFrom(...'aZ09./:_-—ü漢😀\u007f'), minLength: 1, maxLength: 20 })
const signature = fc.record({
  name,
  keyId: fc.integer({ min: 0, max: 0xffffffff }),
  signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
})
const rows = fc.array(fc.string({ unit: fc.constantFrom(...'aZ0 +=—ü漢😀\ufeff\u0085'), maxLength: 20 }), {
  minLength: 1,
  maxLength: 5,
})
const note = fc.record({
  text: rows.map((lines) => `${lines.join('\n')}\n`),
  signatures: fc.array(signature, { minLength: 1, maxLength: 5 }),
})

describe('any note', () => {
  test('parse after format is the identity', () => {
    fc.assert(
      fc.property(note, (value) => {
        expect(parseNote(formatNote(value))).toEqual(value)
      }),
    )
  })

  test('signature lines alone, too', () => {
    fc.assert(
      fc.property(fc.array(signature, { minLength: 1, maxLength: 5 }), (lines) => {
        expect(parseSignatureLines(formatSignatureLines(lines))).toEqual(lines)
      }),
    )
  })

  test('changed anywhere is either refused or formats to itself', () => {
    const junk = fc.constantFrom('', '\n', '\n\n', ' ', '—', '— ', '=', '+', '\r', '\t', '\u00a0', 'A', '\ud800')
    fc.assert(
      fc.property(note, fc.nat(), fc.nat(3), junk, (value, position, deleted, inserted) => {
        const text = formatNote(value)
        const at = position % (text.length + 1)
        const changed = text.slice(0, at) + inserted + text.slice(at + deleted)
        const parsed = outcome(() => parseNote(changed))
        if ('error' in parsed) expect(parsed.error).toBe('FORMAT_INVALID')
        else expect(formatNote(parsed)).toBe(changed)
      }),
      { numRuns: 500 },
    )
  })
})

test('an Ed25519 signature of another length than 64 bytes is not even shown to the verifier', () => {
  const key = makeVkey(nodeCrypto, 'a', 1, new Uint8Array(32))
  const check = (bytes: number) => checkEd25519({ verify: () => true }, key, new Uint8Array(3), new Uint8Array(bytes))
  expect([63, 64, 65].map(check)).toEqual(['invalid', { timestamp: null }, 'invalid'])
})

describe('a line is of a key', () => {
  const key = { name: 'log.example', keyId: 7 } as never
  test.each([
    ['both agree', 'log.example', 7, true],
    ['the name differs', 'other.example', 7, false],
    ['the key ID differs', 'log.example', 8, false],
  ])('%s', (_, name, keyId, expected) => {
    expect(isLineOf({ name, keyId, signature: new Uint8Array(64) } as never, key)).toBe(expected)
  })
})

test.each([
  ['log.example/漢', null],
  ['', 'empty'],
  ['\ud800', 'not valid Unicode'],
  ['a b', 'space'],
  ['a\u0085', 'space'],
  ['a+b', 'plus sign'],
  ['a\u001f', 'control character'],
  ['a\u0021', null],
])('the fault of the name %j: %s', (text, fault) => {
  if (fault === null) expect(keyNameFault(text)).toBeNull()
  else expect(keyNameFault(text)).toContain(fault)
})
