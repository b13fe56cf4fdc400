import { beforeEach, describe, expect, it } from 'vitest'
import { Intake } from './intake.ts'

/** A loop whose turns are taken by hand. */
let turns: (() => void)[]
let done: number
let intake: Intake

beforeEach(() => {
  turns = []
  done = 0
  intake = new Intake((work) => void turns.push(work))
})

/** One turn; what came in it comes before the deferred work runs. */
function turn(came: { connections?: number; entries?: number } = {}): void {
  for (let at = 0; at < (came.connections ?? 0); at++) intake.connectionCame()
  for (let at = 0; at < (came.entries ?? 0); at++) intake.entryCame()
  for (const work of turns.splice(0)) work()
}

describe('a batch closes', () => {
  it('after one turn, where nothing came', () => {
    intake.whenRead(() => done++)
    expect(done).toBe(0)
    turn()
    expect(done).toBe(1)
    expect(turns).toEqual([])
  })

  it('only after a turn that brought neither an entry nor a connection', () => {
    intake.whenRead(() => done++)
    turn({ entries: 200 })
    turn({ connections: 1 })
    turn({ entries: 1 })
    expect(done).toBe(0)
    turn()
    expect(done).toBe(1)
  })

  it.each([
    ['four turns of entries', { entries: 100 }, 4],
    ['256 turns of connections', { connections: 1, entries: 1 }, 256],
  ])('after %s, and once', (_what, came, turnsTaken) => {
    intake.whenRead(() => done++)
    for (let taken = 1; taken < turnsTaken; taken++) turn(came)
    expect(done).toBe(0)
    turn(came)
    turn(came)
    expect(done).toBe(1)
  })
})
