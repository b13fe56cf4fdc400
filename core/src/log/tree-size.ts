/**
 * Arithmetic on tree sizes and indices: safe integers up to 2^53-1, so no operator that works on 32 bits touches one
 * whole.
 */

/** A tree size or leaf index. */
export function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** Throws RangeError unless `value` is a tree size: a caller's mistake, not a hostile input. */
export function demandSize(name: string, value: number): void {
  if (!isSize(value)) throw new RangeError(`${name} is not an integer from 0 to 2^53-1`)
}

export function half(value: number): number {
  return Math.floor(value / 2)
}

export function isOdd(value: number): boolean {
  return value % 2 === 1
}

/** Number of binary digits; 0 has none. */
export function bitLength(value: number): number {
  const high = Math.floor(value / 2 ** 32)
  return high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(value)
}

/** The largest power of two below `size`, the size of the left half of a tree (RFC 6962 §2.1); `size` is at least 2. */
export function leftHalf(size: number): number {
  return 2 ** (bitLength(size - 1) - 1)
}

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && 2 ** (bitLength(value) - 1) === value
}
