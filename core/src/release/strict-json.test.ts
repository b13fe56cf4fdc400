import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { fromUtf8, utf8 } from '../bytes.ts'
import { FormatError } from '../errors.ts'
import { canonicalJson, parseCanonicalJson, parseJson } from './strict-json.ts'

/** Properties take their time on a busy machine. */
vi.setConfig({ testTimeout: 60_000 })

const refusal = (read: typeof parseJson, text: string): string => {
  try {
    read('test', utf8(text))
    return 'accepted'
  } catch (error) {
    if (error instanceof FormatError) return error.detail
    throw error
  }
}

describe('JSON that people write', () => {
  it.each([
    ['{ "a" : [ 1 , -2 , "x" , null , true ] }\n', { a: [1, -2, 'x', null, true] }],
    ['\t[\r\n]', []],
    ['0', 0],
    ['"\\u00e9\\n\\"\\\\/"', 'é\n"\\/'],
    ['{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', { a: { a: { a: 1 } }, b: [{ a: 1 }, { a: 2 }] }],
    ['{"x":"{\\"x\\":1,\\"x\\":2}"}', { x: '{"x":1,"x":2}' }],
    ['{"":1," ":2}', { '': 1, ' ': 2 }],
    [`${'['.repeat(32)}${']'.repeat(32)}`, JSON.parse(`${'['.repeat(32)}${']'.repeat(32)}`)],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is read', (text, value) => {
    expect(parseJson('test', utf8(text))).toEqual(value)
  })

  it.each([
    ['', 'not JSON in UTF-8'],
    ['{"a":1,}', 'not JSON in UTF-8'],
    ["{'a':1}", 'not JSON in UTF-8'],
    ['{"a":1} {"a":1}', 'not JSON in UTF-8'],
    ['\ufeff{}', 'not JSON in UTF-8'],
    ['{"a":01}', 'not JSON in UTF-8'],
    ['{"a":+1}', 'not JSON in UTF-8'],
    ['{"a":NaN}', 'not JSON in UTF-8'],
    ['["\u0001"]', 'not JSON in UTF-8'],
    ['{"a":1,"a":1}', 'a member occurs twice'],
    ['{"a":1,"\\u0061":2}', 'a member occurs twice'],
    ['{"b":{},"a":[{"c":1,"d":[],"c":1}]}', 'a member occurs twice'],
    ['{"a":[1],"b":2,"a":3}', 'a member occurs twice'],
    ['{"__proto__":1,"__proto__":2}', 'a member occurs twice'],
    ['{"\\"":1,"\\"":2}', 'a member occurs twice'],
    ['1.0', 'a number is not a canonical integer within 2^53-1'],
    ['[1.5]', 'a number is not a canonical integer within 2^53-1'],
    ['[1e3]', 'a number is not a canonical integer within 2^53-1'],
    ['[1E-3]', 'a number is not a canonical integer within 2^53-1'],
    ['[-0]', 'a number is not a canonical integer within 2^53-1'],
    ['[9007199254740992]', 'a number is not a canonical integer within 2^53-1'],
    ['[-9007199254740993]', 'a number is not a canonical integer within 2^53-1'],
    ['["\\ud800"]', 'a string holds a lone surrogate'],
    ['["\\udc00\\ud800"]', 'a string holds a lone surrogate'],
    ['{"\\ud83d":1}', 'a string holds a lone surrogate'],
    [`${'['.repeat(33)}${']'.repeat(33)}`, 'nested deeper than 32'],
    [`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, 'nested deeper than 32'],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'nested deeper than 32'],
  ])('%.60s is refused: %s', (text, detail) => {
    expect(refusal(parseJson, text)).toBe(detail)
  })

  it('a long string costs no stack', () => {
    const text = JSON.stringify({ a: 'x\\'.repeat(1 << 18) })
    expect(parseJson('test', utf8(text))).toEqual(JSON.parse(text))
  })

  it('agrees with JSON.parse on what JSON.stringify writes of integers and text', () => {
    const integers = fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value))
    const leaf = fc.oneof(integers, fc.string({ unit: 'binary' }), fc.boolean(), fc.constant(null))
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value')), fc.dictionary(fc.string(), tie('value'))),
    }))
    fc.assert(
      fc.property(value, fc.nat(3), (of, indent) => {
        const text = JSON.stringify(of, null, indent)
        expect(parseJson('test', utf8(text))).toEqual(JSON.parse(text))
      }),
    )
  })

  it('refuses an object with any of its members repeated anywhere', () => {
    const members = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(members, fc.nat(), fc.nat(), (names, from, to) => {
        const written = names.map((name, at) => `${JSON.stringify(name)}:${at}`)
        expect(refusal(parseJson, `{${written.join(',')}}`)).toBe('accepted')
        written.splice(to % (names.length + 1), 0, `${JSON.stringify(names[from % names.length])}:"again"`)
        expect(refusal(parseJson, `{${written.join(',')}}`)).toBe('a member occurs twice')
      }),
    )
  })
})

describe('canonical JSON', () => {
  it.each([
    // RFC 8785 §3.2.2 and §3.2.3
    ['{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","x":1}'],
    ['{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin","€":"Euro","😂":"Smiley","\ufb33":"Hebrew"}'],
  ])('%s is its own form', (text) => {
    const value = parseCanonicalJson('test', utf8(text))
    expect(fromUtf8(canonicalJson(value))).toBe(text)
  })

  it.each([
    ['{"b":1,"a":2}'],
    ['{"a":1,"a":1}'],
    ['[ ]'],
    ['[1.0]'],
    ['[1e1]'],
    ['[-0]'],
    ['["\\u0041"]'],
    ['["\\/"]'],
    ['["\\u000A"]'],
    ['["\\u001F"]'],
    ['{"😂":1,"\ufb33":2,"ö":3}'],
    ['["\\ud800"]'],
    [''],
  ])('%s is not', (text) => {
    expect(refusal(parseCanonicalJson, text)).toMatch(/^not /)
  })

  it('what is accepted is exactly what would be written', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(3), (text, indent) => {
        const written = JSON.stringify(JSON.parse(text), null, indent)
        const accepted = refusal(parseCanonicalJson, written) === 'accepted'
        expect(accepted).toBe(fromUtf8(canonicalJson(JSON.parse(written))) === written)
      }),
    )
  })

  it.each([
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [undefined],
    ['\ud800'],
    [[new Map([['a', '\udfff']]), '\udfff']],
  ])('%s has none', (value) => {
    expect(() => canonicalJson(value)).toThrow(FormatError)
  })
})

describe('canonical text', () => {
  it('is what an RFC 8785 library would write, whatever JSON.stringify makes of it', () => {
    const value = fc.jsonValue({ stringUnit: 'binary' })
    fc.assert(
      fc.property(value, (any) => {
        const text = JSON.stringify(any)
        const canonical = fromUtf8(canonicalJson(JSON.parse(text)))
        expect(refusal(parseCanonicalJson, text)).toBe(
          text === canonical ? 'accepted' : 'not canonical JSON (RFC 8785)',
        )
      }),
    )
  })

  it.each(['{"b":1,"a":2}', '{"2":1,"10":2}', '["\\ud800"]', '{"a":{"b":1,"\\u0061":1}}', '["\\u00E9"]'])(
    '%s is not',
    (text) => {
      expect(refusal(parseCanonicalJson, text)).toBe('not canonical JSON (RFC 8785)')
    },
  )

  it.each(['{"10":2,"9":1}', '{"":0,"\u00e9":1,"\u{1f600}":2,"\ufb33":3}'])('%s is', (text) => {
    expect(refusal(parseCanonicalJson, text)).toBe('accepted')
  })
})
