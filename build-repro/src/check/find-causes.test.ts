import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findCauses } from './find-causes.ts'

const variations = ['time', 'zone', 'locale', 'host', 'user', 'umask', 'path', 'home', 'cpus', 'order', 'env']

/** Each place comes out when all of one of its sets are varied. */
function world(rules: Readonly<Record<string, readonly (readonly string[])[]>>) {
  let builds = 0
  const differing = async (set: ReadonlySet<string>) => {
    builds++
    return new Set(
      Object.keys(rules).filter((place) => rules[place]?.some((all) => all.every((each) => set.has(each)))),
    )
  }
  return { experiment: { differing }, places: new Set(Object.keys(rules)), builds: () => builds }
}

describe('the cause of a difference', () => {
  it('is found by halving', async () => {
    const { experiment, places, builds } = world({ file: [['path']] })
    const { alone } = await findCauses(places, variations, experiment)
    expect([...alone]).toEqual([['file', ['path']]])
    expect(builds()).toBeLessThanOrEqual(8)
  })

  it('is tried first where the difference looks like it', async () => {
    const { experiment, places, builds } = world({ a: [['path']], b: [['path'], ['home']] })
    const { alone } = await findCauses(places, variations, experiment, ['path'])
    expect(Object.fromEntries(alone)).toEqual({ a: ['path'], b: ['path', 'home'] })
    const simple = world({ a: [['path']] })
    await findCauses(simple.places, variations, simple.experiment, ['path'])
    expect([simple.builds(), builds() > 2]).toEqual([2, true])
  })

  it('is found where it does not look like it', async () => {
    const { experiment, places } = world({ a: [['user']], b: [['time', 'env']] })
    const { alone, together } = await findCauses(places, variations, experiment, ['path', 'time'])
    expect([Object.fromEntries(alone), Object.fromEntries(together)]).toEqual([{ a: ['user'] }, { b: ['time', 'env'] }])
  })

  it('is found for each place', async () => {
    const { experiment, places } = world({ a: [['path']], b: [['time']], c: [['time']] })
    const { alone } = await findCauses(places, variations, experiment)
    expect(Object.fromEntries(alone)).toEqual({ a: ['path'], b: ['time'], c: ['time'] })
  })

  it('may take two variations together', async () => {
    const { experiment, places } = world({ a: [['time', 'env']], b: [['user']] })
    const { alone, together } = await findCauses(places, variations, experiment)
    expect(Object.fromEntries(alone)).toEqual({ b: ['user'] })
    expect(Object.fromEntries(together)).toEqual({ a: ['time', 'env'] })
  })

  it('stays open where the difference does not come again', async () => {
    const places = new Set(['a'])
    const { alone, together } = await findCauses(places, variations, { differing: async () => new Set() })
    expect([alone.size, together.get('a')]).toEqual([0, []])
  })

  it('is a single one for whatever single ones there are', async () => {
    const rule = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd'),
      fc.constantFrom(...variations).map((each) => [[each]]),
      { minKeys: 1 },
    )
    await fc.assert(
      fc.asyncProperty(rule, fc.subarray(variations, { maxLength: 3 }), async (rules, likely) => {
        const { experiment, places } = world(rules)
        const { alone } = await findCauses(places, variations, experiment, likely)
        expect(Object.fromEntries(alone)).toEqual(
          Object.fromEntries(Object.entries(rules).map(([place, [cause]]) => [place, cause])),
        )
      }),
      { numRuns: 50 },
    )
  })
})
