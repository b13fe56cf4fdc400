import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limitConcurrency } from './limit.ts'

test('never more than the limit at a time, all run, in order, failures included', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.boolean(), { maxLength: 12 }),
      async (scheduler, limit, fates) => {
        const run = limitConcurrency(limit)
        let [running, most] = [0, 0]
        const started: number[] = []
        const results = fates.map((fails, at) =>
          run(async () => {
            started.push(at)
            most = Math.max(most, ++running)
            await scheduler.schedule(Promise.resolve())
            running--
            if (fails) throw new Error(`task ${at}`)
            return at
          }),
        )
        const settled = Promise.allSettled(results)
        await scheduler.waitFor(settled)
        const outcomes = (await settled).map(({ status }) => status)
        expect(outcomes).toEqual(fates.map((fails) => (fails ? 'rejected' : 'fulfilled')))
        expect(started).toEqual(fates.map((_, at) => at))
        expect(most).toBe(Math.min(limit, fates.length))
      },
    ),
  )
})

test.each([0, -1, 1.5, Number.NaN])('a limit of %d is refused', (limit) => {
  expect(() => limitConcurrency(limit)).toThrow(RangeError)
})
