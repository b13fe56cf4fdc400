/** What is handed in and cannot be answered yet is kept, whoever would like it forgotten; and what is known is not told again. */
import {
  type Evidence,
  formatEvidence,
  formatTlogProof,
  formatUpdateBundle,
  parseEvidence,
  parseTlogProof,
  toBase64,
  utf8,
} from '@samebits/core'
import { afterEach, describe, expect, it } from 'vitest'
import { ServedLog } from '../support/served-log.ts'
import { entryBy, type MemoryLog } from '../support/world.ts'
import { idOf, rebuild, release } from '../support/world-statements.ts'
import { MonitorScene, ORIGIN, type SceneOptions } from './scene.ts'

const mediaType = 'application/vnd.samebits.gossip+json;version=1'

let scene: MonitorScene
const extra: ServedLog[] = []
afterEach(async () => {
  await scene.close()
  for (const served of extra.splice(0)) await served.close()
})

async function open(options: SceneOptions): Promise<void> {
  scene = await MonitorScene.open({ ...options, config: { listen: { host: '127.0.0.1', port: 0 }, ...options.config } })
}
async function post(body: object): Promise<string> {
  const url = `http://127.0.0.1:${scene.monitor.port}/v1/gossip`
  return (await fetch(url, { method: 'POST', body: JSON.stringify({ mediaType, ...body }) })).text()
}
const kinds = () => scene.monitor.store.evidenceList(ORIGIN, 100).map(({ kind }) => kind)

/** The same keys, another entry at `from`, and tiles that nobody serves. */
function forked(from: number, size: number, entry = 'only for some'): MemoryLog {
  const fork = scene.log.fork(from)
  fork.add(utf8(entry))
  fork.pad(size - fork.size)
  return fork
}

describe('open questions', () => {
  it('are pushed out by nobody, and the log that tries is told of', async () => {
    await open({ raw: true, config: { limits: { openAfter: '2m' } } })
    scene.log.pad(10)
    scene.publish()
    await scene.start()
    const shown = forked(9, 20).checkpoint()
    await post({ checkpoints: [shown] })
    const junk = Array.from({ length: 64 }, (_, at) => forked(9, 30 + at).checkpoint())
    await post({ checkpoints: junk })
    await scene.poll()
    const { store } = scene.monitor
    expect(store.openTrees(ORIGIN)).toHaveLength(64)
    expect(store.openTrees(ORIGIN)[0]?.checkpoint).toBe(shown)
    expect(scene.rules()).toEqual(['too-many-questions'])
    await scene.poll()
    expect(scene.alerts('too-many-questions')).toHaveLength(1)
    expect(scene.alerts('open-tree').some(({ title }) => title.includes('tree of 20 entries'))).toBe(true)
    // The history grows past the first of them: it was a fork, and there is room again.
    scene.log.pad(15)
    scene.publish()
    await scene.poll()
    expect(scene.rules()).toContain('fork')
    expect(scene.alerts('too-many-questions')[0]?.endedAt).toBe(scene.now)
  })
})

describe('an entry of a bundle', () => {
  it('past the end of the history is compared when the history is long enough, also after a restart', async () => {
    await open({ raw: true })
    scene.log.pad(300)
    scene.publish()
    await scene.start()
    scene.log.pad(20) // which nobody is shown yet
    const fork = forked(310, 400)
    const bundle = formatUpdateBundle({ views: [fork.view({ indices: [310] })], trust: [] })
    await post({ bundles: [toBase64(bundle)] })
    expect(kinds()).toEqual([])
    expect(scene.monitor.store.handedEntries(ORIGIN)).toHaveLength(1)
    await scene.restart()
    scene.publish()
    await scene.poll()
    expect(kinds()).toEqual(['leaf-conflict'])
    expect(scene.monitor.store.handedEntries(ORIGIN)).toEqual([])
  })

  it('that the history holds too is forgotten once that is seen', async () => {
    await open({ raw: true })
    scene.log.pad(300)
    scene.publish()
    await scene.start()
    const fork = forked(310, 400)
    const bundle = formatUpdateBundle({ views: [fork.view({ indices: [305] })], trust: [] })
    await post({ bundles: [toBase64(bundle)] })
    expect(scene.monitor.store.handedEntries(ORIGIN)).toHaveLength(1)
    scene.log.leaves.push(...fork.leaves.slice(300, 310))
    scene.publish()
    await scene.poll()
    expect(kinds()).toEqual([])
    expect(scene.monitor.store.handedEntries(ORIGIN)).toEqual([])
  })

  it('is compared with what an honest mirror serves where the log serves other bytes', async () => {
    const mirror = await ServedLog.start((await MonitorScene.open()).log)
    extra.push(mirror)
    await open({ raw: true, log: { mirrors: [mirror.url] } })
    mirror.log = scene.log
    scene.log.pad(300)
    scene.publish()
    mirror.publish()
    await scene.start()
    expect(scene.rules()).toEqual([])
    scene.served.instead.set('tile/0/000', new Uint8Array(8192))
    scene.served.instead.set('tile/0/001.p/44', new Uint8Array(44 * 32))
    const bundle = formatUpdateBundle({ views: [forked(250, 400).view({ indices: [250] })], trust: [] })
    await post({ bundles: [toBase64(bundle)] })
    expect(kinds()).toEqual(['leaf-conflict'])
  })
})

describe('damage', () => {
  it('is told, and what an honest mirror has is read', async () => {
    const mirror = await ServedLog.start((await MonitorScene.open()).log)
    extra.push(mirror)
    await open({ raw: true, log: { mirrors: [mirror.url] } })
    mirror.log = scene.log
    scene.log.pad(300)
    scene.publish()
    mirror.publish()
    scene.served.instead.set('tile/0/001.p/44', new Uint8Array(44 * 32))
    await scene.start()
    expect(scene.rules()).toEqual(['damaged'])
    expect(scene.monitor.store.log(ORIGIN)?.readTo).toBe(300)
  })
})

describe('evidence in other bytes', () => {
  const gossiped = (evidence: Evidence) => toBase64(formatEvidence(evidence))

  it('about trees is kept once, without lines of keys that nobody knows', async () => {
    await open({ raw: true })
    scene.log.pad(300)
    scene.publish()
    await scene.start()
    const [a, b] = [scene.log.checkpoint(), forked(299, 300).checkpoint()]
    const line = (at: number) => `— junk.example ${toBase64(new Uint8Array(68).fill(at))}\n`
    const pairs = Array.from({ length: 16 }, (_, at) => ({
      kind: 'split' as const,
      origin: ORIGIN,
      a,
      b: b + line(at),
    }))
    const turned = { kind: 'split' as const, origin: ORIGIN, a: b, b: a }
    expect(await post({ evidence: pairs.map(gossiped) })).toBe('{"kept":16,"refused":0}\n')
    await post({ evidence: [gossiped(turned)] })
    const { store } = scene.monitor
    expect(kinds()).toEqual(['split'])
    expect(scene.alerts()).toHaveLength(1)
    const [kept] = store.evidenceList(ORIGIN, 1)
    expect(Buffer.from(store.evidence(kept?.id ?? '') ?? '').toString()).not.toContain('junk')
  })

  it('about statements is kept and told once, whatever the trust file and the extra line say', async () => {
    await open({})
    const first = release(1, null)
    const against = rebuild(first, { subjects: first.artifacts.map(({ name }) => ({ name, sha256: 'ab'.repeat(32) })) })
    scene.served.bodies.push(utf8('dependencies'))
    scene.log.add(entryBy('alice', first), entryBy('rob', against))
    scene.publish()
    await scene.start()
    await scene.poll()
    expect([kinds(), scene.rules()]).toEqual([['mismatch'], ['negative-vote']])
    const [record] = scene.monitor.store.evidenceList(ORIGIN, 1)
    const own = parseEvidence(scene.monitor.store.evidence(record?.id ?? '') ?? new Uint8Array())
    if (own.kind !== 'mismatch') throw new Error('another kind')
    const extra = (text: string, at: number) => formatTlogProof({ ...parseTlogProof(text), extra: utf8(`junk ${at}`) })
    const variants = Array.from({ length: 16 }, (_, at) => ({
      ...own,
      ...(at % 2 === 0 ? { trust: utf8(`junk ${at}`) } : { a: own.a.map((text) => extra(text, at)) }),
    }))
    expect(await post({ evidence: variants.map(gossiped) })).toBe('{"kept":16,"refused":0}\n')
    expect(kinds()).toEqual(['mismatch'])
    expect(scene.alerts()).toHaveLength(1)
  })

  it('is counted: two releases for one place are one alert, who ever says so', async () => {
    await open({})
    const [one, other] = [release(1, null), release(1, null, { version: '1.1.1' })]
    scene.log.add(entryBy('alice', one))
    scene.publish()
    await scene.start()
    scene.log.add(entryBy('bob', other))
    scene.publish()
    await scene.poll()
    expect(scene.alerts('equivocation')).toHaveLength(1)
    const [record] = scene.monitor.store.evidenceList(ORIGIN, 1)
    const file = toBase64(scene.monitor.store.evidence(record?.id ?? '') ?? new Uint8Array())
    const elsewhere = await MonitorScene.open({ config: { listen: { host: '127.0.0.1', port: 0 } } })
    try {
      elsewhere.log.add(entryBy('alice', one))
      elsewhere.publish()
      await elsewhere.start()
      const url = `http://127.0.0.1:${elsewhere.monitor.port}/v1/gossip`
      await fetch(url, { method: 'POST', body: JSON.stringify({ mediaType, evidence: [file] }) })
      elsewhere.log.add(entryBy('bob', other))
      elsewhere.publish()
      await elsewhere.poll()
      expect(elsewhere.alerts('equivocation')).toHaveLength(1)
      expect(idOf(one)).not.toBe(idOf(other))
    } finally {
      await elsewhere.close()
    }
  })
})
