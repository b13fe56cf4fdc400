import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs, defaultLimits, Retryable, retry } from './retry.ts'
import { testMachine } from './testing.ts'

const signal = new AbortController().signal

describe('retry', () => {
  it('returns the first success, after waits that grow', async () => {
    const { machine, slept } = testMachine({ random: () => 0.999 })
    const run = retry(async (tries) => (tries < 3 ? Promise.reject(new Retryable('down')) : tries), {
      machine,
      signal,
      limits: defaultLimits,
    })
    expect(await run).toBe(3)
    expect(slept).toEqual([249, 499, 999])
  })

  it('stops at once at an error that time does not heal', async () => {
    const { machine, slept } = testMachine()
    const run = retry(() => Promise.reject(new Error('no')), { machine, signal, limits: defaultLimits })
    await expect(run).rejects.toThrow('no')
    expect(slept).toEqual([])
  })

  it('waits as long as the other side asks', async () => {
    const { machine, slept } = testMachine()
    const busy = new Retryable('busy', { retryAfterMs: 7000 })
    await retry(async (tries) => (tries === 0 ? Promise.reject(busy) : tries), {
      machine,
      signal,
      limits: defaultLimits,
    })
    expect(slept).toEqual([7000])
  })

  it.each([
    ['the time is up', 0],
    ['the other side asks for more time than there is', 600_000],
  ])('gives the last failure when %s', async (_, retryAfterMs) => {
    const { machine, elapsed } = testMachine({ random: () => 0.5 })
    const run = retry(() => Promise.reject(new Retryable('down', { retryAfterMs })), {
      machine,
      signal,
      limits: defaultLimits,
    })
    await expect(run).rejects.toThrow('down')
    expect(elapsed()).toBeLessThan(defaultLimits.totalMs)
  })

  it('ends with the reason of an abort', async () => {
    const { machine } = testMachine()
    const controller = new AbortController()
    controller.abort(new Error('stop'))
    const run = retry(() => Promise.reject(new Retryable('down')), {
      machine,
      signal: controller.signal,
      limits: defaultLimits,
    })
    await expect(run).rejects.toThrow('stop')
  })

  it('never waits past the ceiling, however many tries', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (tries, random) => {
        const wait = backoffMs(defaultLimits, tries, random)
        expect(wait).toBeGreaterThanOrEqual(0)
        expect(wait).toBeLessThan(defaultLimits.mostMs)
      }),
    )
  })
})
