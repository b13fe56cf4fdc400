/** Logs that give their entries slowly, or never: what is signed is looked at all the same, of them and of all others. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { formatVkey, utf8 } from '@samebits/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { MemoryLog } from '../support/world.ts'
import { MonitorScene, ORIGIN } from './scene.ts'

let scene: MonitorScene
const servers: Server[] = []
afterEach(async () => {
  await scene.close() // what hangs holds no end up
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** Shows checkpoints; of tiles it gives nothing, and no end either. */
async function hanging(checkpoint: () => string): Promise<string> {
  const server = createServer((req, res) => {
    if (req.url === '/checkpoint') res.end(checkpoint())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('a log whose tiles hang', () => {
  it('holds no other log up, and neither what is handed in', async () => {
    const slow = new MemoryLog('slow.example/log')
    slow.pad(300)
    const url = await hanging(() => slow.checkpoint())
    const others = [{ keys: [formatVkey(slow.signer.key)], url }]
    scene = await MonitorScene.open({ raw: true, others, config: { listen: { host: '127.0.0.1', port: 0 } } })
    scene.log.pad(300)
    scene.publish()
    await scene.begin()
    const { store } = scene.monitor
    await vi.waitFor(() => expect(store.log(ORIGIN)?.readTo).toBe(300), { timeout: 10_000 })

    // Its first entries are still waited for: the other log grows meanwhile, and the slow one itself forks.
    scene.log.pad(10)
    scene.publish()
    const fork = slow.fork(299)
    fork.add(utf8('only for some'))
    const body = JSON.stringify({
      mediaType: 'application/vnd.samebits.gossip+json;version=1',
      checkpoints: [fork.checkpoint()],
    })
    void scene.monitor.pollAll()
    await vi.waitFor(() => expect(store.log(ORIGIN)?.readTo).toBe(310), { timeout: 10_000 })
    const answer = await fetch(`http://127.0.0.1:${scene.monitor.port}/v1/gossip`, { method: 'POST', body })
    expect([answer.status, await answer.text()]).toEqual([200, '{"kept":1,"refused":0}\n'])
    expect(scene.rules()).toEqual(['fork', 'view-contradicts'])
    expect(store.log('slow.example/log')?.readTo).toBe(0)
  })
})
