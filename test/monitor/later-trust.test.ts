/** A trust file comes to a log that is followed already: what was logged before counts as if it had been there from the start. */
import { utf8 } from '@samebits/core'
import { afterEach, describe, expect, it } from 'vitest'
import { entryBy } from '../support/world.ts'
import { idOf, member, PRODUCT, rebuild, release, trustFile, trustStatement } from '../support/world-statements.ts'
import { MonitorScene, ORIGIN, type SceneOptions } from './scene.ts'

const OTHER = 'example.com/other'
const [first, second] = [release(1, null), release(2, idOf(release(1, null)))]
const third = release(3, idOf(second))
const otherFirst = release(1, null, { product: OTHER })
const otherSecond = release(2, idOf(otherFirst), { product: OTHER })

let scene: MonitorScene
afterEach(() => scene.close())

async function logged(...leaves: readonly Uint8Array[]): Promise<void> {
  scene.log.add(...leaves)
  scene.publish()
  await scene.poll()
}

async function open(options: SceneOptions, ...before: readonly Uint8Array[]): Promise<void> {
  scene = await MonitorScene.open(options)
  scene.log.add(...before)
  scene.served.bodies.push(utf8('dependencies'))
  scene.log.add(entryBy('alice', first), entryBy('rob', rebuild(first)))
  scene.log.add(entryBy('alice', second), entryBy('rob', rebuild(second)))
  scene.publish()
  await scene.start()
}

const met = (product = PRODUCT) =>
  scene.monitor.store.statements(ORIGIN, product, 'release', 10).map(({ metAt }) => metAt)
const watching = async (options: SceneOptions) => {
  scene.options = options
  await scene.restart()
}

describe('a trust file that comes later', () => {
  it.each<[string, SceneOptions]>([
    ['without trust files', { log: { trust: [], entries: 'samebits' } }],
    ['as a raw log', { raw: true }],
  ])('to a log that was followed %s', async (_what, before) => {
    await open(before)
    await watching({})
    expect(met()).toEqual([2, 0])
    await logged(entryBy('alice', third), entryBy('rob', rebuild(third)))
    expect(met()).toEqual([4, 2, 0])
    expect(scene.rules()).toEqual([])
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)).toMatchObject({ watched: true, entries: 6, lastIndex: 5 })
    expect(scene.defects).toEqual([])
  })

  it('again, to a product that was not watched for a while', async () => {
    await open({})
    await watching({ log: { trust: [], entries: 'samebits' } })
    await logged(entryBy('alice', third), entryBy('rob', rebuild(third)))
    expect(met()).toEqual([null, 2, 0])
    await watching({})
    expect(met()).toEqual([4, 2, 0])
    await logged(entryBy('alice', release(4, idOf(third))))
    expect(scene.rules()).toEqual([])
  })

  it('judges another product, which was watched, by nothing that came after', async () => {
    await open({}, entryBy('oscar', otherFirst))
    const next = trustFile({
      ...{ log: scene.log, version: 2 },
      publishers: { threshold: 1, members: [member('carol'), member('alice', { until: 5 })] },
      rebuilders: { threshold: 0, members: [] },
    })
    scene.served.bodies.push(next)
    await logged(entryBy('root', trustStatement(next, 2)), entryBy('carol', third))
    expect(scene.rules()).toEqual(['trust-change'])
    const publishers = { threshold: 1, members: [member('oscar')] }
    const rebuilders = { threshold: 0, members: [] }
    const file = scene.write('other.json', trustFile({ log: scene.log, product: OTHER, publishers, rebuilders }))
    await watching({ log: { trust: [scene.trustPath, file] } })
    await logged(entryBy('oscar', otherSecond))
    expect(met(OTHER)).toEqual([7, 0])
    expect(scene.rules()).toEqual(['trust-change'])
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)).toMatchObject({ entries: 6, trust: { version: 2 } })
  })

  it('tells of what is wrong in the past', async () => {
    await open({ raw: true })
    await logged(entryBy('mallory', third))
    await watching({})
    expect(scene.rules()).toEqual(['unexpected-key'])
    await scene.restart()
    await scene.poll()
    expect(scene.alerts()).toHaveLength(1)
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)).toMatchObject({ entries: 5 })
  })
})
