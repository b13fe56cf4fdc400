import { describe, expect, it } from 'vitest'
import type { Difference, Kind } from './difference.ts'
import { explain } from './explain.ts'
import { type Variation, variationNames } from './variations.ts'

function differs(kind: Kind, where: readonly string[] = ['app']): Difference {
  return { where, aspect: 'bytes', kind, offset: 0, artifactOffset: 0, count: 1, a: 'a', b: 'b' }
}

type Varied = ReadonlySet<Variation>

/** What each build shows, by what it varies and by how many were built before it. */
async function explained(shows: (varied: Varied, before: number) => readonly Difference[]) {
  let builds = 0
  const rebuild = async (varied: Varied) => shows(varied, builds++)
  const found = shows(new Set(variationNames), 0)
  const all = await explain(found, variationNames, rebuild)
  const told = all.map(({ where, kind, cause }) => ({ where, kind, cause }))
  return { told, builds: () => builds }
}

const byTime = { kind: 'variation', variations: ['time'] }

describe('what a difference comes from', () => {
  it('is time where a stamp differs by itself', async () => {
    const { told } = await explained(() => [differs('timestamp')])
    expect(told).toEqual([{ where: ['app'], kind: 'timestamp', cause: byTime }])
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is time alone where a coarse stamp turns before build %i', async (turn) => {
    const { told, builds } = await explained((varied, before) =>
      varied.has('time') || before >= turn ? [differs('timestamp')] : [],
    )
    expect(told).toEqual([{ where: ['app'], kind: 'timestamp', cause: byTime }])
    expect(builds()).toBeLessThanOrEqual(8)
  })

  it('is the zone too where a stamp is in local time, whenever it turns', async () => {
    const { told } = await explained((varied, before) =>
      varied.has('time')
        ? [differs('timestamp')]
        : varied.has('timezone')
          ? [differs('timezone')]
          : before > 4
            ? [differs('timestamp')]
            : [],
    )
    expect(told).toEqual([
      { where: ['app'], kind: 'timestamp', cause: { kind: 'variation', variations: ['time', 'timezone'] } },
    ])
  })

  it('is found for what stands beside a stamp that turns', async () => {
    const { told } = await explained((varied, before) => [
      ...(varied.has('time') || before > 3 ? [differs('timestamp', ['app', 'stamp'])] : []),
      ...(varied.has('path') ? [differs('path', ['app', 'text'])] : []),
    ])
    expect(told).toEqual([
      { where: ['app', 'stamp'], kind: 'timestamp', cause: byTime },
      { where: ['app', 'text'], kind: 'path', cause: { kind: 'variation', variations: ['path'] } },
    ])
  })
})
