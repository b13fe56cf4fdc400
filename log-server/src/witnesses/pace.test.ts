import { expect, it } from 'vitest'
import { Pace } from './pace.ts'

let now = 0
const paceOf = (minIntervalMs: number, requestsPerDay: number) => {
  now = 0
  return new Pace({ minIntervalMs, requestsPerDay }, () => now)
}

it('keeps the minimum interval between heads, not between requests about one head', () => {
  const pace = paceOf(1000, 86_400)
  expect(pace.waitMs).toBe(0)
  pace.sent()
  expect(pace.waitMs).toBe(1000)
  now = 400
  pace.sent(true)
  expect(pace.waitMs).toBe(600)
  now = 1000
  expect(pace.waitMs).toBe(0)
})

it('never sends more in a day than the budget and its burst', () => {
  const pace = paceOf(0, 2400)
  let sent = 0
  for (now = 0; now < 86_400_000; now += 1000) {
    while (pace.waitMs === 0) {
      pace.sent()
      sent++
    }
  }
  expect(sent).toBeGreaterThanOrEqual(2400)
  expect(sent).toBeLessThanOrEqual(2400 + 100)
})

it('says how long to wait for the next request', () => {
  const pace = paceOf(0, 1000)
  while (pace.waitMs === 0) pace.sent()
  const wait = pace.waitMs
  expect(wait).toBeGreaterThan(0)
  now += wait
  expect(pace.waitMs).toBeLessThan(1)
  now += 1
  expect(pace.waitMs).toBe(0)
})

it('backs off longer after each failure, at most a minute, and not at all after a success', () => {
  const pace = paceOf(0, 86_400)
  const lengths: number[] = []
  for (let failure = 0; failure < 9; failure++) {
    pace.failed(null)
    const failedAt = now
    while (pace.backingOff) now += 500
    lengths.push(now - failedAt)
  }
  expect(lengths).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  pace.failed(null)
  pace.succeeded()
  expect(pace.backingOff).toBe(false)
})

it('stays away for as long as the witness asks', () => {
  const pace = paceOf(0, 86_400)
  pace.failed(30)
  pace.succeeded()
  now = 29_999
  expect(pace.closed).toBe(true)
  now = 30_000
  expect(pace.closed).toBe(false)
})
