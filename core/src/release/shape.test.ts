import { describe, expect, it } from 'vitest'
import {
  base64,
  faultOf,
  integer,
  list,
  literal,
  matching,
  nullable,
  object,
  opaque,
  type Read,
  record,
  ShapeError,
  text,
} from './shape.ts'

const person = object<{ name: string }, { age: number }>({ name: text(5) }, { age: integer(1, 99) })

const said = (read: Read<unknown>, value: unknown): string => {
  try {
    return `read ${JSON.stringify(read(value, 'x'))}`
  } catch (error) {
    if (error instanceof ShapeError) return `${error.fault} ${error.detail}`
    throw error
  }
}

describe('a closed object', () => {
  it.each([
    [{ name: 'Ann' }, 'read {"name":"Ann"}'],
    [{ name: 'Ann', age: 7 }, 'read {"name":"Ann","age":7}'],
    [{}, 'malformed x: name is missing'],
    [{ name: 'Ann', nick: 1 }, 'malformed x: unknown member "nick"'],
    [{ name: 'Ann', ['n'.repeat(99)]: 1 }, `malformed x: unknown member "${'n'.repeat(40)}"`],
    [{ name: 'Ann', age: undefined }, 'malformed x.age: not an integer within 2^53-1'],
    [JSON.parse('{"name":"Ann","__proto__":{"age":7}}'), 'malformed x: unknown member "__proto__"'],
    [JSON.parse('{"name":"Ann","constructor":1}'), 'malformed x: unknown member "constructor"'],
    [Object.create({ name: 'Ann' }), 'malformed x: name is missing'],
    [[], 'malformed x: not an object'],
    [null, 'malformed x: not an object'],
    ['Ann', 'malformed x: not an object'],
  ])('%j: %s', (value, expected) => {
    expect(said(person, value)).toBe(expected)
  })

  it('a member that fails says where', () => {
    const people = object<{ people: readonly { name: string }[] }>({ people: list(person, { max: 9 }) })
    expect(() => people({ people: [{ name: 'Ann' }, { name: 'Barbara' }] }, '')).toThrow(
      'people[1].name: longer than 5',
    )
  })
})

describe('values', () => {
  const short = list(integer(), { min: 1, max: 2 })
  const bytes = base64({ min: 1, max: 3 })
  const word = matching((value) => /^[a-z]+$/.test(value), 'a word', 'unsafe-name')
  it.each<[string, Read<unknown>, unknown, string]>([
    ['integer', integer(), 0, 'read 0'],
    ['integer', integer(), -0, 'malformed x: not an integer within 2^53-1'],
    ['integer', integer(), 1.5, 'malformed x: not an integer within 2^53-1'],
    ['integer', integer(), 2 ** 53, 'malformed x: not an integer within 2^53-1'],
    ['integer', integer(), '1', 'malformed x: not an integer within 2^53-1'],
    ['integer', integer(), Number.NaN, 'malformed x: not an integer within 2^53-1'],
    ['integer', integer(), -1, 'malformed x: not from 0 to 9007199254740991'],
    ['integer', integer(3, 4), 5, 'malformed x: not from 3 to 4'],
    ['integer', integer(3, 4), 2, 'malformed x: not from 3 to 4'],
    ['list', short, [1, 2], 'read [1,2]'],
    ['list', short, [], 'malformed x: fewer than 1 items'],
    ['list', short, [1, 2, 3], 'too-large x: more than 2 items'],
    ['list', short, { length: 1, 0: 1 }, 'malformed x: not a list'],
    ['text', text(2), 'ab', 'read "ab"'],
    ['text', text(2), 'abc', 'malformed x: longer than 2 characters'],
    ['text', text(2), '\ud800', 'malformed x: holds a lone surrogate'],
    ['text', text(2), ['a'], 'malformed x: not a string'],
    ['word', word, 'ab', 'read "ab"'],
    ['word', word, 'A', 'unsafe-name x: not a word'],
    ['word', word, 1, 'unsafe-name x: not a word'],
    ['literal', literal('a', 'b'), 'b', 'read "b"'],
    ['literal', literal('a', 'b'), 'c', 'malformed x: not a or b'],
    ['literal', literal(true), 1, 'malformed x: not true'],
    ['base64', bytes, 'AAAA', 'read {"0":0,"1":0,"2":0}'],
    ['base64', bytes, '', 'malformed x: not 1 to 3 bytes'],
    ['base64', bytes, 'AAAAAA==', 'malformed x: more than 3 bytes'],
    ['base64', bytes, 'AAA', 'malformed x: not canonical base64 (length is not a multiple of 4)'],
    ['base64', bytes, 'AB==', 'malformed x: not canonical base64 (unused bits are not zero)'],
    ['base64', bytes, 7, 'malformed x: not a string'],
    ['base64', base64({ min: 2, max: 2 }), 'AAAA', 'malformed x: not 2 bytes'],
    ['nullable', nullable(integer()), null, 'read null'],
    ['nullable', nullable(integer()), undefined, 'malformed x: not an integer within 2^53-1'],
    ['another fault', faultOf('proof', integer()), -1, 'proof x: not from 0 to 9007199254740991'],
    ['another fault', faultOf('proof', word), 'A', 'unsafe-name x: not a word'],
    ['opaque', opaque, { any: ['thing'] }, 'read {"any":["thing"]}'],
    ['opaque', opaque, ['thing'], 'malformed x: not an object'],
  ])('%s %j: %s %s', (_, read, value, expected) => {
    expect(said(read, value)).toBe(expected)
  })

  it('an object whose names are data is a Map', () => {
    const read = record(word, integer(), 2)
    expect(read({ constructor: 1, b: 2 }, 'x')).toEqual(
      new Map([
        ['constructor', 1],
        ['b', 2],
      ]),
    )
    expect(said(read, { A: 1 })).toBe('unsafe-name x name: not a word')
    expect(said(read, { a: -1 })).toBe('malformed x.a: not from 0 to 9007199254740991')
    expect(said(read, { a: 1, b: 1, c: 1 })).toBe('too-large x: more than 2 members')
  })
})
