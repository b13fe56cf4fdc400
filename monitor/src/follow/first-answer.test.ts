import { describe, expect, it } from 'vitest'
import { firstAnswer } from './first-answer.ts'

const never = new AbortController().signal
const silent = () => new Promise<null>(() => undefined)

describe('the first answer', () => {
  it('of places that have something counts, and nobody after it is asked', async () => {
    const asked: string[] = []
    const place = (name: string, answer: string | null) => async () => {
      asked.push(name)
      return answer
    }
    const asks = [place('a', null), place('b', 'b'), place('c', 'c')]
    expect(await firstAnswer(asks, { perPlace: 60_000, until: never })).toBe('b')
    expect(asked).toEqual(['a', 'b'])
  })

  it('is not waited for behind a place that is silent', async () => {
    expect(await firstAnswer([silent, async () => 'b'], { perPlace: 1, until: never })).toBe('b')
  })

  it('may come from a place that was silent at first', async () => {
    let give: (answer: string) => void = () => undefined
    const slow = () =>
      new Promise<string>((resolve) => {
        give = resolve
      })
    const last = async () => {
      give('a')
      return null
    }
    expect(await firstAnswer([slow, last], { perPlace: 1, until: never })).toBe('a')
  })

  it('is none where time is over, and none where nobody has one', async () => {
    expect(await firstAnswer([silent, silent], { perPlace: 1, until: AbortSignal.timeout(20) })).toBeNull()
    expect(await firstAnswer([silent], { perPlace: 60_000, until: AbortSignal.abort() })).toBeNull()
    expect(await firstAnswer([], { perPlace: 1, until: never })).toBeNull()
  })

  it('of a place that has a defect is the defect', async () => {
    const defect = async () => {
      throw new RangeError('on purpose')
    }
    await expect(firstAnswer([defect], { perPlace: 1, until: never })).rejects.toThrow('on purpose')
  })
})
