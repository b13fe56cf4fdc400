import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareBytes,
  concat,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  parseDecimal,
  toBase64,
  toHex,
  utf8,
} from './bytes.ts'
import { FormatError } from './errors.ts'

const bytes = fc.uint8Array({ maxLength: 100 })
/** Unicode scalar values: code points but for the surrogates. */
const scalarValue = fc.oneof(fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10ffff }))

describe('round trips', () => {
  test('hex, as Node writes it', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(toHex(data)).toBe(Buffer.from(data).toString('hex'))
        expect(fromHex(toHex(data))).toEqual(data)
      }),
    )
  })

  test('base64, as Node writes it', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(toBase64(data)).toBe(Buffer.from(data).toString('base64'))
        expect(fromBase64(toBase64(data))).toEqual(data)
      }),
    )
  })

  test('decimals', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(parseDecimal(String(value))).toBe(value)
      }),
    )
  })

  test('text', () => {
    fc.assert(
      fc.property(fc.array(scalarValue), (codes) => {
        const text = String.fromCodePoint(...codes)
        expect(fromUtf8(utf8(text))).toBe(text)
      }),
    )
  })

  test('a byte order mark stays', () => {
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\u{feff}a')
  })
})

describe('what is read is what would have been written', () => {
  const anyText = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[A-Za-z0-9+/=]{0,12}$/),
    fc.stringMatching(/^[0-9a-f]{0,9}$/),
  )
  const accepted = (parse: (text: string) => unknown, text: string): boolean => {
    try {
      parse(text)
      return true
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError)
      return false
    }
  }

  test('base64', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(accepted(fromBase64, text)).toBe(Buffer.from(text, 'base64').toString('base64') === text)
      }),
    )
  })

  test('hex', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(accepted(fromHex, text)).toBe(Buffer.from(text, 'hex').toString('hex') === text)
      }),
    )
  })

  test('decimals', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const value = Number(text)
        expect(accepted(parseDecimal, text)).toBe(Number.isSafeInteger(value) && value >= 0 && String(value) === text)
      }),
    )
  })
})

describe('refused', () => {
  test.each([
    ['no padding', 'YQ'],
    ['half the padding', 'YQ='],
    ['too much padding', 'YWI=='],
    ['padding alone', '===='],
    ['padding first', '=YWI'],
    ['padding inside', 'YQ==YQ=='],
    ['unused bits set, two of padding', 'YR=='],
    ['unused bits set, one of padding', 'YWJ='],
    ['URL alphabet, minus', '-w=='],
    ['URL alphabet, underscore', '_w=='],
    ['line feed at the end', 'YWJj\n'],
    ['line feed inside', 'YWJj\nYWJj'],
    ['a blank', 'YWJ '],
    ['a letter outside ASCII', 'YWJé'],
    ['a character whose code ends in that of A', 'YWJ\u0141'],
    ['NUL', 'YWJ\0'],
  ])('base64 with %s', (_, text) => {
    expect(() => fromBase64(text)).toThrow(FormatError)
  })

  test.each([
    ['upper case', 'AB'],
    ['an odd length', 'abc'],
    ['0x', '0xab'],
    ['a line feed', 'ab\n'],
    ['two line feeds', '\n\n'],
    ['a blank', 'a b '],
    ['a letter past f', '0g'],
    ['full-width digits', '００'],
  ])('hex with %s', (_, text) => {
    expect(() => fromHex(text)).toThrow(FormatError)
  })

  test.each([
    ['nothing', ''],
    ['a leading zero', '01'],
    ['two zeros', '00'],
    ['a plus', '+1'],
    ['a minus', '-0'],
    ['hex', '0x10'],
    ['an exponent', '1e3'],
    ['a fraction', '1.0'],
    ['a blank before', ' 1'],
    ['a blank after', '1 '],
    ['a line feed', '1\n'],
    ['a separator', '1_000'],
    ['2^53', '9007199254740992'],
    ['2^53 + 1, which would round', '9007199254740993'],
    ['16 nines', '9999999999999999'],
    ['2^64', '18446744073709551616'],
    ['digits of another script', '١'],
    ['a bigint suffix', '1n'],
    ['infinity', 'Infinity'],
  ])('a decimal that is %s', (_, text) => {
    expect(() => parseDecimal(text)).toThrow(FormatError)
  })

  test.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['a truncated sequence', [0xe2, 0x82]],
    ['a code point past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a byte that UTF-8 never has', [0xff]],
  ])('UTF-8 with %s', (_, data) => {
    expect(() => fromUtf8(Uint8Array.from(data))).toThrow(FormatError)
  })

  test('text with a lone surrogate', () => {
    expect(() => utf8('a\ud800b')).toThrow(FormatError)
  })

  test('2^53-1 is the last decimal', () => {
    expect(parseDecimal('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('bytes', () => {
  test('compare and equal agree with Node', () => {
    const few = fc.uint8Array({ maxLength: 4, max: 2 })
    fc.assert(
      fc.property(few, few, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
      }),
    )
  })

  test('concat joins in order', () => {
    fc.assert(
      fc.property(fc.array(bytes), (parts) => {
        expect(concat(...parts)).toEqual(new Uint8Array(Buffer.concat(parts)))
      }),
    )
  })
})
