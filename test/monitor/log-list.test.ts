/** Logs of a list in the witness network's format, followed beside those that the configuration names itself. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatVkey, utf8 } from '@samebits/core'
import { afterEach, expect, it } from 'vitest'
import { ServedLog } from '../support/served-log.ts'
import { MemoryLog } from '../support/world.ts'
import { MonitorScene, ORIGIN } from './scene.ts'

let scene: MonitorScene
let listed: ServedLog | null = null
afterEach(async () => {
  await scene.close()
  await listed?.close()
})

const lines = (...logs: readonly MemoryLog[]) =>
  `logs/v0\n${logs.map(({ signer }) => `\nvkey ${formatVkey(signer.key)}\norigin none\nqpd 86400\n`).join('')}`

it('follows the logs of the list: hashed where there is a URL, looked for elsewhere where there is none', async () => {
  listed = await ServedLog.start(new MemoryLog('listed.example/log'))
  listed.log.pad(300)
  listed.publish()
  const nowhere = new MemoryLog('nowhere.example/log')
  scene = await MonitorScene.open({
    config: { logList: { file: 'log-list.txt', urls: { 'listed.example/log': `${listed.url}/` } } },
  })
  writeFileSync(join(scene.folder, 'log-list.txt'), lines(listed.log, nowhere, scene.log))
  scene.log.add(utf8('no statement'))
  scene.publish()
  await scene.start()
  const { store } = scene.monitor
  expect(store.logs().map(({ origin, readTo }) => [origin, readTo])).toEqual([
    ['listed.example/log', 300],
    [ORIGIN, 1],
    ['nowhere.example/log', 0],
  ])
  expect(scene.alerts('entry-refused')).toHaveLength(1) // its own entry, with a trust file, goes before the list's

  // The listed log forks: as good a conviction as of any other.
  const fork = listed.log.fork(200)
  fork.add(utf8('only for some'))
  listed.checkpoint = fork.checkpoint()
  await scene.poll()
  expect(scene.monitor.store.evidenceList('listed.example/log', 10).map(({ kind }) => kind)).toEqual(['fork'])
})

it('does not start on a list that cannot be read', async () => {
  scene = await MonitorScene.open({ config: { logList: { file: 'log-list.txt' } } })
  writeFileSync(join(scene.folder, 'log-list.txt'), 'logs/v0\nvkey nobody\n')
  await expect(scene.start()).rejects.toThrow('log-list.txt')
})
