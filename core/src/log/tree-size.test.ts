import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitLength, demandSize, half, isOdd, isPowerOfTwo, isSize, leftHalf } from './tree-size.ts'

/** Sizes where 32-bit operators and floating-point logarithms go wrong. */
const edges = [31, 32, 33, 52, 53].flatMap((power) => [2 ** power - 1, 2 ** power, 2 ** power + 1]).filter(isSize)
const sizes = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(...edges))

test('arithmetic agrees with BigInt', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      const exact = BigInt(size)
      const digits = exact === 0n ? 0 : exact.toString(2).length
      expect(bitLength(size)).toBe(digits)
      expect(half(size)).toBe(Number(exact >> 1n))
      expect(isOdd(size)).toBe((exact & 1n) === 1n)
      expect(isPowerOfTwo(size)).toBe(exact > 0n && (exact & (exact - 1n)) === 0n)
    }),
    { numRuns: 1000 },
  )
})

test.each(edges)('%i', (size) => {
  expect(bitLength(size)).toBe(BigInt(size).toString(2).length)
  const left = leftHalf(size)
  expect(isPowerOfTwo(left)).toBe(true)
  expect(left < size && left >= size - left).toBe(true)
})

test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)])('%d is no size', (value) => {
  expect(isSize(value)).toBe(false)
  expect(() => demandSize('size', value)).toThrow(RangeError)
})
