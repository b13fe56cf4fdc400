import { expect, it } from 'vitest'
import { Gathered } from './gathered.ts'

it('keeps bytes apart from what they were cut from, and from each other', () => {
  const gathered = new Gathered()
  const source = new Uint8Array(300_000)
  const kept = Array.from({ length: 12 }, (_, at) => {
    source.fill(at)
    return gathered.keep(source.subarray(at, at + 250_000 + at))
  })
  source.fill(99)
  for (const [at, bytes] of kept.entries()) {
    expect(bytes).toHaveLength(250_000 + at)
    expect(bytes.every((byte) => byte === at)).toBe(true)
  }
})

it('gives a block of its own to what is larger than one, and everything to whoever takes it over', () => {
  const gathered = new Gathered()
  const kept = [
    gathered.keep(new Uint8Array(3 << 20).fill(1)),
    gathered.keep(Uint8Array.of(2)),
    gathered.keep(Uint8Array.of()),
  ]
  const taken = structuredClone(kept, { transfer: [...gathered.buffers] })
  expect(taken.map(({ length }) => length)).toEqual([3 << 20, 1, 0])
  expect([taken[0]?.[5], taken[1]?.[0]]).toEqual([1, 2])
  expect(kept[0]).toHaveLength(0)
})
