/** A backlog that threads read, beside the same log read bit by bit in one thread: what is known and told afterwards is the same. */
import { utf8 } from '@samebits/core'
import { afterEach, expect, it } from 'vitest'
import { entryBy } from '../support/world.ts'
import { idOf, member, PRODUCT, rebuild, release, trustFile, trustStatement } from '../support/world-statements.ts'
import { MonitorScene, ORIGIN } from './scene.ts'

const scenes: MonitorScene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.close()
})
async function open(processors: number): Promise<MonitorScene> {
  const scene = await MonitorScene.open({ processors })
  scenes.push(scene)
  return scene
}

/** A chain of releases with all that can be wrong between them; half-way another key signs. */
function* entries(count: number, body: Uint8Array): Generator<Uint8Array> {
  let [last, signer]: [string | null, string] = [null, 'alice']
  for (let sequence = 1; sequence <= count; sequence++) {
    const next = release(sequence, last)
    const leaf = entryBy(signer, next)
    yield leaf
    if (sequence % 97 === 0) yield utf8(`stray ${sequence}`)
    if (sequence % 101 === 0) yield entryBy('mallory', release(sequence + 1, idOf(next), { version: '9.9.9' }))
    if (sequence % 103 === 0) yield utf8(new TextDecoder().decode(leaf).replace(/"sig":"..../, '"sig":"AAAA'))
    if (sequence % 107 === 0) yield entryBy('rob', rebuild(next))
    if (sequence % 109 === 0) yield entryBy(signer, release(sequence, last, { version: '8.8.8' }))
    if (sequence === count >> 1) {
      yield entryBy('root', trustStatement(body, 2))
      signer = 'carol'
    }
    last = idOf(next)
  }
}

/** All that a monitor knows of the product, and what it has told. */
function known({ monitor: { store } }: MonitorScene): object {
  const statements = [...store.statements(ORIGIN, PRODUCT, null, 10_000)]
  return {
    product: store.product(ORIGIN, PRODUCT),
    statements: statements.map(({ metSeenAt: _, ...one }) => one),
    entries: statements.map(({ id }) => store.entries(ORIGIN, id)),
    alerts: store.alerts({ limit: 10_000, after: 0 }).map(({ id, rule, title }) => `${rule} ${title} ${id}`),
  }
}

it('is the same, entry for entry and alert for alert', async () => {
  const [threads, single] = [await open(2), await open(1)]
  const body = trustFile({
    ...{ log: threads.log, version: 2 },
    publishers: { threshold: 1, members: [member('carol'), member('alice', { until: 1200 })] },
  })
  const leaves = [...entries(2100, body)] // more than one thread is given
  for (const { served } of [threads, single]) served.bodies.push(body)
  threads.log.add(...leaves)
  threads.publish()
  await threads.start()
  for (let at = 0; at < leaves.length; at += 700) {
    single.log.add(...leaves.slice(at, at + 700))
    single.publish()
    if (at === 0) await single.start()
    else await single.poll(0)
  }
  const rules = ['entry-refused', 'equivocation', 'rival-proposals', 'trust-change', 'unexpected-key']
  expect(threads.rules()).toEqual(expect.arrayContaining(rules))
  expect(known(threads)).toEqual(known(single))
  expect([...threads.defects, ...single.defects]).toEqual([])
})
