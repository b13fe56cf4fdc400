import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ByteStream } from './byte-stream.ts'

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const size of sizes) {
    yield bytes.slice(at, at + size)
    at += size
  }
  yield bytes.slice(at)
}

const take = (stream: ByteStream, length: number) =>
  stream.parse((all) => (all.length < length ? null : { used: length, value: all.slice(0, length) }))

it('hands out the same bytes however they came and however they are taken', async () => {
  const sizes = fc.array(fc.nat(40), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), sizes, sizes, async (bytes, came, taken) => {
      const stream = new ByteStream(chunksOf(bytes, came))
      let at = 0
      for (const length of taken) {
        const found = await take(stream, length)
        if (at + length > bytes.length) {
          expect(found).toBe(null)
          return
        }
        expect(found).toEqual(bytes.slice(at, at + length))
        at += length
      }
    }),
  )
})
