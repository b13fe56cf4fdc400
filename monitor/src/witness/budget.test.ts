import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Budget } from './budget.ts'

const day = 86_400

function start({ globalPerSecond = 1000, minBurst = 2 } = {}) {
  const time = { now: 100 }
  const budget = new Budget({ clock: () => time.now, globalPerSecond, minBurst })
  const spend = (origin: string, queriesPerDay: number, purpose: 'growth' | 'repeat' = 'growth') => {
    const wait = budget.admit({ origin, queriesPerDay }, purpose)
    if (wait === null) budget.spend({ origin, queriesPerDay }, purpose)
    return wait
  }
  return { budget, time, spend }
}

describe('the budget of a log', () => {
  it('lets an hour of requests through at once, then as many as the day allows', () => {
    const { spend, time } = start()
    const many = () => Array.from({ length: 20 }, () => spend('a', 240)).filter((wait) => wait === null).length
    expect(many()).toBe(10)
    expect(spend('a', 240)).toBe(360)
    time.now += 359
    expect(spend('a', 240)).toBe(1)
    time.now += 1
    expect(spend('a', 240)).toBeNull()
    time.now += 10 * day
    expect(many()).toBe(10)
  })

  it('lets a log that may ask once a day ask again after a conflict', () => {
    const { spend } = start()
    expect([spend('a', 1), spend('a', 1), spend('a', 1)]).toEqual([null, null, day])
  })

  it('is not touched by what was not cosigned', () => {
    const { budget, spend } = start()
    for (let i = 0; i < 50; i++) expect(budget.admit({ origin: 'a', queriesPerDay: 1 }, 'growth')).toBeNull()
    expect(spend('a', 1)).toBeNull()
  })

  it('keeps growth apart from repeating, and logs apart from each other', () => {
    const { spend } = start()
    while (spend('a', 1, 'repeat') === null);
    expect(spend('a', 1, 'growth')).toBeNull()
    expect(spend('b', 1, 'repeat')).toBeNull()
  })

  it('is closed for longer after it was overdrawn', () => {
    const { budget } = start()
    const log = { origin: 'a', queriesPerDay: day }
    for (let i = 0; i < 3600 + 9; i++) budget.spend(log, 'growth')
    expect(budget.admit(log, 'growth')).toBe(10)
  })

  it('follows a changed list: a log that left comes back with a full one', () => {
    const { budget, spend } = start()
    while (spend('a', 1) === null);
    budget.keep(new Map([['a', 0]]))
    expect(spend('a', 1)).toBe(day)
    budget.keep(new Map())
    expect(spend('a', 1)).toBeNull()
  })
})

describe('the budget of all', () => {
  it('counts every request that is looked at', () => {
    const { budget, time } = start({ globalPerSecond: 3 })
    const admit = (origin: string) => budget.admit({ origin, queriesPerDay: day }, 'growth')
    expect(['a', 'b', 'c', 'd'].map(admit)).toEqual([null, null, null, 1])
    time.now += 0.5
    expect(['a', 'b'].map(admit)).toEqual([null, 1])
  })

  it('counts who only looks, and takes nothing from a log for it', () => {
    const { budget, spend, time } = start({ globalPerSecond: 2 })
    expect([budget.look(), budget.look(), budget.look()]).toEqual([true, true, false])
    expect(spend('a', day)).toBe(1)
    time.now += 0.5
    expect(spend('a', day)).toBeNull()
    expect(budget.look()).toBe(false)
  })

  it('takes nothing from a log that it turns away', () => {
    const { spend, time } = start({ globalPerSecond: 1 })
    expect(spend('b', 1)).toBeNull()
    for (let i = 0; i < 10; i++) expect(spend('a', 1)).toBe(1)
    time.now += 1
    expect(spend('a', 1)).toBeNull()
  })
})

describe('for any times and rates', () => {
  it('no log gets more than its burst and its rate, and a wait that is kept is enough', () => {
    const steps = fc.array(fc.double({ min: 0, max: 20_000, noNaN: true }), { maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), steps, (queriesPerDay, steps) => {
        const { spend, time } = start()
        const begun = time.now
        let granted = 0
        for (const step of steps) {
          time.now += step
          const wait = spend('a', queriesPerDay)
          if (wait === null) granted++
          else {
            expect(wait).toBeGreaterThan(0)
            time.now += wait
            expect(spend('a', queriesPerDay)).toBeNull()
            granted++
          }
        }
        const most = Math.max(2, queriesPerDay / 24) + ((time.now - begun) * queriesPerDay) / day
        expect(granted).toBeLessThanOrEqual(most + 1e-5)
      }),
    )
  })
})
