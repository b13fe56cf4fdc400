import { ProgramError } from '@samebits/host'
import { describe, expect, it } from 'vitest'
import { stapleEvery } from './staple-service.ts'
import { testMachine } from './testing.ts'

const failure = (exitCode: number) => new ProgramError({ code: 'CODE', detail: 'seen', exitCode })

/** Runs these rounds, then ends the service. */
async function serve(rounds: readonly ('ok' | ProgramError)[]) {
  const { machine, slept, said } = testMachine()
  const end = new AbortController()
  let at = 0
  const done: number[] = []
  await stapleEvery({
    machine,
    signal: end.signal,
    everyMs: 3_600_000,
    async round() {
      const outcome = rounds[at++]
      if (at > rounds.length) end.abort(new Error('ended'))
      if (outcome instanceof ProgramError) throw outcome
      return at
    },
    done: (result) => done.push(result),
  })
  return { slept, said, done }
}

describe('stapling as a service', () => {
  it('waits a period between rounds, and ends by its signal', async () => {
    const { slept, done } = await serve(['ok', 'ok'])
    expect(slept).toEqual([3_600_000, 3_600_000])
    expect(done.slice(0, 2)).toEqual([1, 2])
  })

  it('tries again sooner after a failure that may pass, ever later, never later than its period', async () => {
    const { slept, said } = await serve(Array.from({ length: 12 }, () => failure(20)))
    expect(slept.slice(0, 4)).toEqual([15_000, 30_000, 60_000, 120_000])
    expect(Math.max(...slept)).toBeLessThanOrEqual(3_600_000)
    expect(said[0]).toBe('CODE: seen; the next try is in 15 s')
  })

  it('begins anew after a success', async () => {
    const { slept } = await serve([failure(20), failure(20), 'ok', failure(20)])
    expect(slept).toEqual([15_000, 30_000, 3_600_000, 15_000])
  })

  it.each([10, 11, 64, 74])('ends with what no later round can mend: exit %i', async (exitCode) => {
    await expect(serve(['ok', failure(exitCode)])).rejects.toMatchObject({ exitCode })
  })

  it('ended in the middle of a round, it ends without a complaint', async () => {
    const end = new AbortController()
    const { machine } = testMachine()
    const ended = stapleEvery({
      machine,
      signal: end.signal,
      everyMs: 1000,
      round: async () => {
        end.abort(new Error('ended'))
        throw end.signal.reason
      },
      done: () => undefined,
    })
    await expect(ended).resolves.toBeUndefined()
  })
})
