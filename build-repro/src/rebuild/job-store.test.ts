import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inFolder } from '../testing.ts'
import { Trouble } from '../trouble.ts'
import { afterTrouble, jobStore } from './job-store.ts'

const fresh = { attempts: 0, retryAt: 0, trouble: null }

describe('what became of a job', () => {
  it('is there after a restart', () =>
    inFolder(async (folder) => {
      const store = jobStore(join(folder, 'jobs'))
      expect(await store.read('ab-0')).toEqual(fresh)
      const failed = afterTrouble(fresh, new Trouble('ours', 'SOURCE_UNAVAILABLE', 'no route'), 1000, 0)
      await store.write('ab-0', failed)
      expect(await jobStore(join(folder, 'jobs')).read('ab-0')).toEqual(failed)
      expect(failed).toEqual({
        attempts: 1,
        retryAt: 1030,
        trouble: { whose: 'ours', code: 'SOURCE_UNAVAILABLE', detail: 'no route', at: 1000 },
      })
    }))

  it.each([
    '',
    '{',
    '{}',
    '{"format":2,"attempts":0,"retryAt":0,"trouble":null}',
    '{"format":1,"attempts":-1,"retryAt":0,"trouble":null}',
  ])('is refused as %j', (text) =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'ab-0.json'), text)
      await expect(jobStore(folder).read('ab-0')).rejects.toMatchObject({ code: 'STATE_INVALID' })
    }),
  )

  it('is tried again later each time, soon where it is ours, never later than a day', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(
        fc.constantFrom('ours' as const, 'theirs' as const),
        fc.array(random, { minLength: 1, maxLength: 40 }),
        (whose, all) => {
          let record = afterTrouble(fresh, new Trouble(whose, 'X', 'x'), 0, all[0] ?? 0)
          const most = whose === 'ours' ? 6 * 3600 : 24 * 3600
          expect(record.retryAt).toBeLessThanOrEqual(whose === 'ours' ? 60 : 3600)
          for (const each of all.slice(1)) {
            const next = afterTrouble(record, new Trouble(whose, 'X', 'x'), record.retryAt, each)
            const waited = next.retryAt - record.retryAt
            expect(waited).toBeGreaterThanOrEqual(
              Math.min(most, (whose === 'ours' ? 60 : 3600) * 2 ** record.attempts) / 2,
            )
            expect(waited).toBeLessThanOrEqual(most)
            record = next
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})
