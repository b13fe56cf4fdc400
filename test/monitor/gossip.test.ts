import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { formatEvidence, formatUpdateBundle, toBase64, utf8 } from '@samebits/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryLog } from '../support/world.ts'
import { cosignedAt, MonitorScene, ORIGIN } from './scene.ts'

const mediaType = 'application/vnd.samebits.gossip+json;version=1'
const listen = { host: '127.0.0.1', port: 0 }

let scene: MonitorScene
const others: MonitorScene[] = []
beforeEach(async () => {
  scene = await MonitorScene.open({ raw: true, config: { listen } })
  scene.log.pad(300)
  scene.publish()
  await scene.start()
})
afterEach(async () => {
  await scene.close()
  for (const other of others.splice(0)) await other.close()
})

const url = () => `http://127.0.0.1:${scene.monitor.port}`
async function post(body: object | string): Promise<[number, string]> {
  const text = typeof body === 'string' ? body : JSON.stringify({ mediaType, ...body })
  const answer = await fetch(`${url()}/v1/gossip`, { method: 'POST', body: text })
  return [answer.status, (await answer.text()).trim()]
}

/** The same keys, and another entry at index 250. */
function forked(size: number): MemoryLog {
  const other = scene.log.fork(250)
  other.add(utf8('only for some'))
  other.pad(size - other.size)
  return other
}
const kinds = () => scene.monitor.store.evidenceList(ORIGIN, 10).map(({ kind, from }) => `${kind} by ${from}`)

describe('what is handed in', () => {
  it('a checkpoint of a fork convicts at once, where the history tells', async () => {
    expect(await post({ checkpoints: [forked(280).checkpoint()] })).toEqual([200, '{"kept":1,"refused":0}'])
    expect(kinds()).toEqual(['fork by monitor'])
    expect(scene.rules()).toEqual(['fork', 'view-contradicts'])
  })

  it('just before the end is in its file after it', async () => {
    await post({ checkpoints: [forked(280).checkpoint()] })
    const kept = scene.monitor.store.evidenceList(ORIGIN, 10).map(({ kind, id }) => `${kind}-${id.slice(0, 32)}.json`)
    await scene.monitor.stop()
    expect(readdirSync(join(scene.folder, 'data', 'evidence'))).toEqual(kept)
    expect(scene.defects).toEqual([])
    await scene.start()
  })

  it('a larger one whose tiles nobody serves is a question; its bundle shows the entry that was swapped', async () => {
    const fork = forked(400)
    expect(await post({ checkpoints: [fork.checkpoint()] })).toEqual([200, '{"kept":1,"refused":0}'])
    expect(kinds()).toEqual([])
    const bundle = formatUpdateBundle({ views: [fork.view({ indices: [250] })], trust: [] })
    expect(await post({ bundles: [toBase64(bundle)] })).toEqual([200, '{"kept":1,"refused":0}'])
    expect(kinds()).toEqual(['leaf-conflict by monitor'])
    expect(scene.rules()).toEqual(['fork'])
  })

  it('a bundle of the one history says nothing against anybody', async () => {
    const bundle = formatUpdateBundle({ views: [scene.log.view({ indices: [250], size: 280 })], trust: [] })
    expect(await post({ bundles: [toBase64(bundle)] })).toEqual([200, '{"kept":1,"refused":0}'])
    expect(scene.rules()).toEqual([])
  })

  it('evidence is judged anew: what convicts is kept, and a question is asked', async () => {
    const [a, b] = [scene.log.checkpoint(), forked(300).checkpoint()]
    const file = (kind: 'split' | 'unproven') => toBase64(formatEvidence({ kind, origin: ORIGIN, a, b }))
    expect(await post({ evidence: [file('split')] })).toEqual([200, '{"kept":1,"refused":0}'])
    expect(kinds()).toEqual(['split by gossip'])
    await post({ evidence: [file('unproven')] })
    expect(scene.rules()).toEqual(['fork', 'view-contradicts'])
    const lie = toBase64(formatEvidence({ kind: 'split', origin: ORIGIN, a, b: a }))
    expect(await post({ evidence: [lie] })).toEqual([200, '{"kept":0,"refused":1}'])
  })

  it('what does not verify, or is about logs that nobody follows here, is refused and not kept', async () => {
    const stranger = new MemoryLog('log.example.org/other')
    stranger.pad(3)
    const mallory = scene.log.checkpoint({ signedBy: stranger.signer })
    const checkpoints = [stranger.checkpoint(), mallory, 'no checkpoint\n']
    expect(await post({ checkpoints })).toEqual([200, '{"kept":0,"refused":3}'])
    expect(scene.monitor.store.openTrees(ORIGIN)).toEqual([])
    expect(scene.rules()).toEqual([])
  })

  it.each<[string, object | string]>([
    ['no JSON', 'x'],
    ['another type', { mediaType: 'text/plain' }],
    ['an unknown member', { checkpoint: [] }],
    ['a list that is none', { checkpoints: 'x' }],
    ['a number for a checkpoint', { checkpoints: [7] }],
    ['too many', { checkpoints: Array.from({ length: 65 }, () => 'x') }],
    ['evidence that is none', { evidence: ['e30='] }],
    ['bad base64', { bundles: ['*'] }],
  ])('%s is 400', async (_what, body) => {
    expect((await post(body))[0]).toBe(400)
  })

  it('is limited in size and in rate', async () => {
    expect((await post('x'.repeat((2 << 20) + 1)))[0]).toBe(413)
    const answers: number[] = []
    for (let at = 0; at < 25; at++) answers.push((await post({}))[0])
    expect(answers.filter((status) => status === 429).length).toBeGreaterThan(0)
    expect((await fetch(`${url()}/v1/gossip`)).status).toBe(200)
    expect((await fetch(`${url()}/v1/gossip`, { method: 'DELETE' })).status).toBe(405)
  })
})

describe('a monitor behind its proxy', () => {
  it('counts what clients hand in by their own address', async () => {
    const behind = await MonitorScene.open({ raw: true, config: { listen: { ...listen, trustedProxies: 1 } } })
    others.push(behind)
    behind.publish()
    await behind.start()
    const body = JSON.stringify({ mediaType })
    const statusFor = async (address: string) => {
      const headers = { 'x-forwarded-for': `203.0.113.1, ${address}` }
      return (await fetch(`http://127.0.0.1:${behind.monitor.port}/v1/gossip`, { method: 'POST', body, headers }))
        .status
    }
    let flood = 200
    for (let at = 0; at < 40 && flood === 200; at++) flood = await statusFor(`2001:db8:1:2::${at}`)
    expect(flood).toBe(429)
    expect(await statusFor('2001:db8:1:3::1')).toBe(200)
  })
})

describe('monitors among themselves', () => {
  it('pass on what they saw: one that was never shown the fork is convinced by the other', async () => {
    const other = await MonitorScene.open({ raw: true, config: { monitors: [url()] } })
    others.push(other)
    other.served.log = scene.log
    other.publish()
    await other.start()
    expect(other.rules()).toEqual([])
    await post({ checkpoints: [forked(300).checkpoint({ witnesses: cosignedAt(scene.now) })] })
    await other.poll()
    expect(other.rules()).toContain('fork')
    expect(other.monitor.store.views(ORIGIN).map(({ name }) => name)).toContain(`monitor ${url()}`)
  })

  it('serve evidence and a feed of what they told', async () => {
    await post({ checkpoints: [forked(300).checkpoint()] })
    const [record] = scene.monitor.store.evidenceList(ORIGIN, 1)
    const file = await fetch(`${url()}/v1/evidence/${record?.id}`)
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(scene.monitor.store.evidence(record?.id ?? ''))
    const feed = await (await fetch(`${url()}/v1/alerts.atom`)).text()
    expect(feed).toContain(`urn:samebits:alert:${scene.alerts('fork')[0]?.id}`)
    expect((await fetch(`${url()}/v1/evidence/${'0'.repeat(64)}`)).status).toBe(404)
  })
})
