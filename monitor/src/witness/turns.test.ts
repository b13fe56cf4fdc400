import { expect, it } from 'vitest'
import { Turns } from './turns.ts'

it('gives one turn at a time for a name, in the order of asking, after failures too', async () => {
  const turns = new Turns()
  const seen: string[] = []
  const work =
    (label: string, fails = false) =>
    async () => {
      seen.push(`${label} begins`)
      await new Promise(setImmediate)
      seen.push(`${label} ends`)
      if (fails) throw new Error(label)
      return label
    }
  const asked = [turns.take('a', work('1')), turns.take('a', work('2', true)), turns.take('a', work('3'))]
  const settled = await Promise.allSettled(asked)
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(seen).toEqual(['1 begins', '1 ends', '2 begins', '2 ends', '3 begins', '3 ends'])
})

it('lets other names pass', async () => {
  const turns = new Turns()
  const { promise, resolve } = Promise.withResolvers<string>()
  const slow = turns.take('a', () => promise)
  expect(await turns.take('b', async () => 'b')).toBe('b')
  resolve('a')
  expect(await slow).toBe('a')
})
