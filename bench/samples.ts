/** What a benchmark says of its samples. */

/** The middle one, of an even number the later of the two; NaN of none. */
export function median(sample: readonly number[]): number {
  return sample.toSorted((a, b) => a - b)[sample.length >> 1] ?? Number.NaN
}

/** Of a sample, which it sorts. NaN where the sample is too small to tell. */
export function quantiles(sample: number[]): (q: number) => number {
  sample.sort((a, b) => a - b)
  return (q) => (sample.length * (1 - q) < 1 ? Number.NaN : (sample[Math.floor(sample.length * q)] ?? Number.NaN))
}
