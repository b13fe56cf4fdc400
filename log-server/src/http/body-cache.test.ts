import { describe, expect, it } from 'vitest'
import { BodyCache } from './body-cache.ts'

describe('body cache', () => {
  it('keeps bodies, and lets the one go that was unused for longest', () => {
    const cache = new BodyCache(3 * 2000)
    for (const key of ['a', 'b', 'c']) cache.set(key, new Uint8Array(1400))
    cache.get('a')
    cache.set('d', new Uint8Array(1400))
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true, true])
  })

  it('never costs more than it may, however small the bodies', () => {
    const cache = new BodyCache(100_000)
    for (let at = 0; at < 10_000; at++) cache.set(`/tile/0/${at}`, new Uint8Array(1))
    expect(cache.bytes).toBeLessThanOrEqual(100_000)
    expect(Array.from({ length: 10_000 }, (_, at) => cache.get(`/tile/0/${at}`)).filter(Boolean).length).toBeLessThan(
      200,
    )
  })

  it('keeps no larger buffer alive than the body', () => {
    const cache = new BodyCache(10_000)
    cache.set('a', new Uint8Array(8192).subarray(0, 32))
    expect(cache.get('a')?.buffer.byteLength).toBe(32)
  })

  it('passes over what is larger than itself, and keeps nothing when it may not', () => {
    const cache = new BodyCache(1000)
    cache.set('a', new Uint8Array(1001))
    new BodyCache(0).set('b', new Uint8Array(0))
    expect([cache.get('a'), cache.bytes]).toEqual([undefined, 0])
  })
})
