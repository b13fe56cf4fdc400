import { describe, expect, it } from 'vitest'
import { joined, Slots, Underway } from './slots.ts'

/** Work that ends when it is told to. */
function held() {
  const gates: (() => void)[] = []
  const started: string[] = []
  const work = (name: string) => () => {
    started.push(name)
    return new Promise<void>((resolve) => void gates.push(resolve))
  }
  return { started, work, end: (at: number) => gates[at]?.() }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('slots', () => {
  it('let so much run at once, in the order in which it came, and go on after a failure', async () => {
    const slots = new Slots(2)
    const { started, work, end } = held()
    const all = ['a', 'b', 'c'].map((name) => slots.use(work(name)))
    await turn()
    expect(started).toEqual(['a', 'b'])
    end(1)
    await turn()
    expect(started).toEqual(['a', 'b', 'c'])
    for (const at of [0, 2]) end(at)
    await Promise.all(all)
    await expect(slots.use(() => Promise.reject(new RangeError('on purpose')))).rejects.toThrow('on purpose')
    expect(await slots.use(async () => 'still free')).toBe('still free')
  })

  it('are not given twice where one frees while another comes', async () => {
    const slots = new Slots(1)
    const { started, work, end } = held()
    const first = slots.use(work('a'))
    const second = slots.use(work('b'))
    end(0)
    await first
    const third = slots.use(work('c'))
    await turn()
    expect(started).toEqual(['a', 'b'])
    end(1)
    await second
    await turn()
    end(2)
    await third
  })
})

describe('joined work', () => {
  it('is begun once while it is under way, and anew after it', async () => {
    const { started, work, end } = held()
    const once = joined(work('a'))
    const both = [once(), once()]
    expect(started).toEqual(['a'])
    end(0)
    await Promise.all(both)
    const again = once()
    expect(started).toEqual(['a', 'a'])
    end(1)
    await again
  })
})

describe('work for which nobody waits', () => {
  it('is waited for at the end, with what was added meanwhile, and whether it fails or not', async () => {
    const { work, end } = held()
    const under = new Underway()
    const ended: string[] = []
    const first = under.add(work('a')().then(() => under.add(work('b')().then(() => void ended.push('b')))))
    const failing = under.add(Promise.reject(new Error('on purpose')))
    const all = under.end().then(() => void ended.push('all'))
    await expect(failing).rejects.toThrow('on purpose')
    await turn()
    expect(ended).toEqual([])
    end(0)
    await turn()
    expect(ended).toEqual([])
    end(1)
    await Promise.all([first, all])
    expect(ended).toEqual(['b', 'all'])
    await under.end()
  })
})
