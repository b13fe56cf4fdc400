/** The dashboard of a monitor that follows a log over HTTP. */
import { afterEach, expect, it } from 'vitest'
import type { Status } from '../../monitor/src/dashboard/status.ts'
import { MonitorScene, ORIGIN } from '../monitor/scene.ts'
import { entryBy } from '../support/world.ts'
import { idOf, PRODUCT, rebuild, release, revocation } from '../support/world-statements.ts'

let scene: MonitorScene
afterEach(() => scene.close())

it('tells what the monitor has seen: trees, witnesses, releases with their votes', async () => {
  scene = await MonitorScene.open({ config: { listen: { port: 0 } } })
  const [first, second] = [release(1, null), release(2, idOf(release(1, null)))]
  scene.log.add(entryBy('alice', first), entryBy('rob', rebuild(first)), entryBy('alice', second))
  scene.log.add(entryBy('alice', revocation(idOf(first))))
  scene.publish()
  await scene.start()
  const url = `http://127.0.0.1:${scene.monitor.port}/`
  const status = (await (await fetch(`${url}v1/status`)).json()) as Status
  const [log] = status.logs
  expect(log).toMatchObject({ origin: ORIGIN, head: { size: 4 }, readTo: 4, failure: null, openTrees: [] })
  expect(log?.views.find(({ kind }) => kind === 'log')).toMatchObject({ size: 4, behind: 0, standing: 'agrees' })
  const [newest, oldest] = log?.products[0]?.releases ?? []
  expect([newest?.id, newest?.met, newest?.votes?.revoked]).toEqual([idOf(second), true, false])
  expect(newest?.votes?.artifacts).toEqual([expect.objectContaining({ positive: [], negative: [], enough: false })])
  expect([oldest?.id, oldest?.votes?.revoked]).toEqual([idOf(first), true])
  expect(oldest?.votes?.artifacts).toEqual([expect.objectContaining({ positive: [expect.any(String)], enough: true })])

  const page = await (await fetch(url)).text()
  for (const words of [PRODUCT, ORIGIN, '<span class="pill bad">revoked</span>', '>1 of 1<', '>0 of 1<'])
    expect(page).toContain(words)
  expect(status.verdict).toBe('attention') // a revocation is a warning
  expect(scene.defects).toEqual([])
})
