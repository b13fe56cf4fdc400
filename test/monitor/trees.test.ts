import { checkEvidence, parseEvidence, parseVkey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterEach, describe, expect, it } from 'vitest'
import { originHash, ServedLog } from '../support/served-log.ts'
import { MemoryLog } from '../support/world.ts'
import { cosignedAt, day, hour, MonitorScene, ORIGIN, type SceneOptions, witnessKey } from './scene.ts'

let scene: MonitorScene
const extra: ServedLog[] = []
afterEach(async () => {
  await scene.close()
  for (const served of extra.splice(0)) await served.close()
})

async function open(options: SceneOptions = {}, entries = 300): Promise<MonitorScene> {
  scene = await MonitorScene.open({ raw: true, ...options })
  scene.log.pad(entries)
  scene.publish()
  return scene
}

async function another(log: MemoryLog = new MemoryLog('other')): Promise<ServedLog> {
  const served = await ServedLog.start(log)
  extra.push(served)
  return served
}

/** Judges what the monitor kept, as anybody would. */
function convicted(): string[] {
  const { store } = scene.monitor
  const keys = ['w1.example', 'w2.example', 'w3.example'].map((name) => parseVkey(nodeCrypto, witnessKey(name)))
  return store.evidenceList(null, 100).map(({ id, kind }) => {
    const evidence = parseEvidence(store.evidence(id) ?? new Uint8Array())
    const found = checkEvidence({ crypto: nodeCrypto, evidence, keys: [scene.log.signer.key, ...keys] })
    return `${kind}: ${found.verdict} ${found.convicted?.name}`
  })
}

describe('following a log', () => {
  it('reads every entry, goes on where it was, and has nothing to tell', async () => {
    await open({}, 33_000)
    await scene.start()
    expect(scene.monitor.store.log(ORIGIN)).toMatchObject({ readTo: 33_000, failure: null })
    scene.log.pad(7)
    scene.publish()
    await scene.restart()
    expect(scene.monitor.store.log(ORIGIN)).toMatchObject({ readTo: 33_007 })
    expect(scene.monitor.store.sizes(ORIGIN, 10).map(({ size }) => size)).toEqual([33_000, 33_007])
    expect(scene.rules()).toEqual([])
    expect(scene.defects).toEqual([])
  })

  it('tells of a log that went silent, once, and when it is back', async () => {
    await open()
    await scene.start()
    scene.served.checkpoint = null
    await scene.poll(hour)
    await scene.poll()
    expect(scene.alerts('log-silent')).toHaveLength(1)
    expect(scene.lines.map((line) => JSON.parse(line).rule)).toEqual(['log-silent'])
    scene.publish()
    await scene.poll()
    expect(scene.alerts('log-silent')[0]?.endedAt).toBe(scene.now)
  })

  it('tells of bytes that do not belong to the tree, and reads on when they do', async () => {
    await open()
    scene.served.instead.set('tile/entries/000', 'x'.repeat(5000))
    await scene.start()
    scene.served.instead.set('tile/entries/001.p/44', null)
    await scene.poll()
    const [bad] = scene.alerts()
    expect([bad?.rule, scene.monitor.store.log(ORIGIN)?.readTo]).not.toContain(300)
    scene.served.instead.clear()
    await scene.poll()
    expect(scene.monitor.store.log(ORIGIN)?.readTo).toBe(300)
  })

  it('calls an entry that does not hash to its tile damage, and never a fork', async () => {
    await open()
    const bundle = new MemoryLog(ORIGIN)
    bundle.pad(299)
    bundle.leaves.push(new TextEncoder().encode('another 299'))
    const liar = await another(bundle)
    const wrong = await (await fetch(`${liar.url}/tile/entries/001.p/44`)).text()
    scene.served.instead.set('tile/entries/001.p/44', wrong)
    await scene.start()
    expect(scene.rules()).toEqual(['damaged'])
    expect(scene.monitor.store.log(ORIGIN)?.readTo).toBe(0)
    expect(convicted()).toEqual([])
  })
})

describe('a fork', () => {
  it('is proven where the log shows another tree of the same size', async () => {
    await open()
    await scene.start()
    const other = scene.log.fork(200)
    other.add(new TextEncoder().encode('only for some'))
    other.pad(99)
    scene.served.log = other
    scene.publish()
    await scene.poll()
    expect(convicted()).toEqual([`split: convicts ${ORIGIN}`])
    expect(scene.rules()).toEqual(['fork', 'view-contradicts'])
    expect(scene.monitor.store.log(ORIGIN)?.head?.size).toBe(300)
    await scene.poll()
    expect(scene.alerts('fork')).toHaveLength(1)
  })

  it.each([
    ['a larger tree', 500],
    ['a smaller one', 250],
    ['one at a power of two', 256],
  ])('is proven where the log shows %s that is of another history', async (_what, size) => {
    await open({}, size === 256 ? 512 : 300)
    await scene.start()
    const other = scene.log.fork(100)
    other.add(new TextEncoder().encode('only for some'))
    other.pad(size - other.size)
    const honest = scene.log
    scene.served.log = other
    const bad = scene.publish()
    if (size < honest.size) {
      scene.served.log = honest
      scene.served.checkpoint = bad
    }
    await scene.poll()
    expect(convicted()).toEqual([`fork: convicts ${ORIGIN}`])
    expect(scene.rules()).toContain('fork')
  })

  it('is a question while the tiles of the larger tree are withheld, and proven once they are had', async () => {
    await open()
    await scene.start()
    const other = scene.log.fork(100)
    other.add(new TextEncoder().encode('only for some'))
    other.pad(400)
    const bad = other.checkpoint({ witnesses: cosignedAt(scene.now) })
    scene.served.checkpoint = bad
    await scene.poll()
    await scene.poll()
    expect(scene.rules()).toEqual(['open-tree'])
    expect(convicted()).toEqual([])
    // The honest side grows past it: its own tiles tell now.
    scene.log.pad(400)
    scene.publish()
    await scene.poll()
    expect(convicted()).toEqual([`fork: convicts ${ORIGIN}`])
    expect(scene.monitor.store.openTrees(ORIGIN)).toEqual([])
    expect(scene.alerts('open-tree')[0]?.endedAt).toBe(scene.now)
  })

  it('is proven by an empty tree that is not empty', async () => {
    await open()
    await scene.start()
    scene.served.checkpoint = scene.log.checkpoint({ size: 0, root: new Uint8Array(32) })
    await scene.poll()
    expect(convicted()).toEqual([`empty-root: convicts ${ORIGIN}`])
  })

  it('shows at a mirror, which is then one that contradicts', async () => {
    const liar = await another(new MemoryLog(ORIGIN))
    await open({ log: { mirrors: [liar.url] } })
    liar.log.pad(299)
    liar.log.add(new TextEncoder().encode('only for some'))
    liar.publish()
    await scene.start()
    expect(convicted()).toEqual([`split: convicts ${ORIGIN}`])
    expect(scene.monitor.store.views(ORIGIN).map(({ name, standing }) => [name, standing])).toEqual([
      ['log', 'agrees'],
      [`mirror ${liar.url}`, 'contradicts'],
    ])
  })
})

describe('other things that the log does', () => {
  it('a smaller tree than before is a rollback, once it lasts', async () => {
    await open()
    await scene.start()
    scene.publish({ size: 200 })
    await scene.poll(0)
    expect(scene.rules()).toEqual([])
    await scene.poll()
    expect(scene.rules()).toEqual(['rollback'])
    scene.publish()
    await scene.poll()
    expect(scene.alerts('rollback')[0]?.endedAt).toBe(scene.now)
  })

  it('a checkpoint by another key is refused', async () => {
    await open()
    await scene.start()
    scene.publish({ signedBy: new MemoryLog('stranger').signer })
    await scene.poll()
    expect(scene.rules()).toEqual(['bad-checkpoint'])
  })

  it('a head that no quorum signs any more is stale', async () => {
    await open({ raw: false, log: { entries: 'raw' } })
    await scene.start()
    await scene.poll(7 * day)
    expect(scene.rules()).toEqual(['stale-log'])
    scene.publish()
    await scene.poll()
    expect(scene.alerts('stale-log')[0]?.endedAt).toBe(scene.now)
  })

  it('a view that is held back while others are fresh is slowed', async () => {
    const slow = await another(new MemoryLog(ORIGIN))
    await open({ raw: false, log: { entries: 'raw', mirrors: [slow.url] } })
    slow.log.pad(300)
    slow.publish({ witnesses: cosignedAt(scene.now) })
    await scene.start()
    for (let days = 0; days < 8; days++) {
      scene.now += day
      scene.log.pad(1)
      scene.publish()
      await scene.poll(0)
    }
    expect(scene.rules()).toEqual(['slow-view', 'view-behind'])
  })
})

describe('witnesses', () => {
  const witnesses = (url: string) => ({ config: { witnesses: [{ keys: [witnessKey('w1.example')], url }] } })
  const copy = `${originHash(ORIGIN)}/checkpoint`

  it('whose copy is of another history are shown the other side of a fork', async () => {
    const served = await another()
    await open(witnesses(served.url))
    const other = scene.log.fork(299)
    other.add(new TextEncoder().encode('only for some'))
    served.instead.set(copy, other.checkpoint({ witnesses: { 'w1.example': scene.now } }))
    await scene.start()
    // It signed the honest tree too: both the log and the witness stand convicted.
    expect(convicted().sort()).toEqual([`split: convicts ${ORIGIN}`, 'witness-split: convicts w1.example'])
    expect(scene.rules()).toEqual(['fork', 'view-contradicts', 'witness-contradiction'])
  })

  it('that signed a smaller tree later convict themselves', async () => {
    const served = await another()
    await open(witnesses(served.url))
    await scene.start()
    served.instead.set(copy, scene.log.checkpoint({ size: 200, witnesses: { 'w1.example': scene.now + 50 } }))
    await scene.poll()
    expect(convicted()).toEqual(['witness-rollback: convicts w1.example'])
    expect(scene.rules()).toEqual(['witness-contradiction'])
  })

  it('that lag behind are told of, and those whose copy they did not sign', async () => {
    const served = await another()
    await open(witnesses(served.url))
    served.instead.set(copy, scene.log.checkpoint({ size: 200, witnesses: { 'w1.example': scene.now } }))
    scene.publish({ witnesses: {} })
    await scene.start()
    await scene.poll(2 * hour)
    expect(scene.rules()).toEqual(['view-behind'])
    served.instead.set(copy, scene.log.checkpoint({ witnesses: {} }))
    await scene.poll()
    expect(scene.rules()).toEqual(['bad-checkpoint', 'view-behind'])
  })
})
