/** Which entries are read, and which are somebody else's at a glance. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { toBase64, utf8 } from '../bytes.ts'
import { productFilter } from './product-filter.ts'

const entry = (payload: string) => utf8(`{"dsseEnvelope":{"payload":"${toBase64(utf8(payload))}","payloadType":"x"}}`)

it('an entry that names the product is never taken for another, wherever the name stands', () => {
  const word = fc.stringMatching(/^[a-z0-9./-]{1,40}$/)
  fc.assert(
    fc.property(word, fc.string(), fc.string(), (product, before, after) => {
      expect(productFilter(product)(entry(before + product + after))).toBe(true)
    }),
  )
})

it.each([
  ['another product', entry('{"product":"example.com/other"}'), false],
  ['a product that ends otherwise', entry('{"product":"example.com/note-s"}'), false],
  ['nothing', entry(''), false],
  ['what is no entry', utf8('junk'), true],
  ['an entry that begins otherwise', utf8(' {"dsseEnvelope":{"payload":""}}'), true],
  ['no text at all', Uint8Array.of(0xff, 0xfe), true],
])('%s', (_, leaf, mayBe) => {
  expect(productFilter('example.com/notes')(leaf)).toBe(mayBe)
})
