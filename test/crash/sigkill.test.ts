/**
 * SIGKILL at random moments under load. `npm test` kills ten times, `npm run test:crash` (vitest's mode `crash`) two hundred.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createLogFolder, type LogFolder, type LogProcess, runFsck, startLog } from '../support/log-process.ts'
import { History } from './history.ts'
import { startStorm } from './storm.ts'

const kills = process.env['MODE'] === 'crash' ? 200 : 10
const flags = ['--mode', 'raw', '--log-level', 'error']

let folder: LogFolder
let log: LogProcess
beforeEach(async () => {
  folder = await createLogFolder()
  log = await startLog(folder, flags)
})
afterEach(async () => {
  await log.kill('SIGKILL')
  await folder.remove()
})

it(`keeps every promise through ${kills} kills`, { timeout: 60_000 + kills * 10_000 }, async () => {
  const history = new History(folder.origin, folder.vkeys)
  const storm = startStorm(history, log.url, 24)
  for (let kill = 0; kill < kills; kill++) {
    // Mostly while entries flow; every fifth time perhaps while it still starts, whatever the speed of the machine.
    const before = history.acknowledged
    while (kill % 5 !== 4 && history.acknowledged === before) await sleep(2)
    await sleep(Math.random() ** 2 * 300)
    await log.kill('SIGKILL')
    log = await startLog(folder, flags)
    storm.url = log.url
  }
  await sleep(300)
  await storm.stop()
  const size = await history.judge(log.url)
  expect(history.acknowledged).toBeGreaterThan(kills)
  expect(history.trees).toBeGreaterThan(kills)
  expect((await runFsck(folder)).entries).toBe(size)
  console.log(
    `${kills} kills: ${history.acknowledged} entries acknowledged, ${storm.failures} requests failed, ` +
      `${history.trees} signed trees seen, all on one history of ${size} entries`,
  )
})
