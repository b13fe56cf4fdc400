import { describe, expect, it } from 'vitest'
import { waitForClock } from './wait-for-clock.ts'

const signal = new AbortController().signal

/** A clock that moves only while somebody waits. */
function clockAt(start: number, secondsPerWait: number) {
  let time = start
  let waits = 0
  const sleep = async (_ms: number, until: AbortSignal) => {
    until.throwIfAborted()
    waits++
    time += secondsPerWait
  }
  return { now: () => Math.floor(time), sleep, waits: () => waits }
}

describe('the build that varies nothing', () => {
  it('does not begin within the second in which the plain one ended', async () => {
    const clock = clockAt(100.9, 0.1)
    await waitForClock(100, clock, signal)
    expect(clock.now()).toBe(102)
  })

  it('does not wait where time has passed', async () => {
    const clock = clockAt(102, 0.1)
    await waitForClock(100, clock, signal)
    expect(clock.waits()).toBe(0)
  })

  it('does not wait for ever on a clock that stands still', async () => {
    const clock = clockAt(100, 0)
    await waitForClock(100, clock, signal)
    expect(clock.waits()).toBe(50)
  })

  it('stops on request', async () => {
    await expect(waitForClock(100, clockAt(100, 0), AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
})
