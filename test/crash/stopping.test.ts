/** The process as its operator meets it: asked to stop under load, started twice, out of room. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createLogFolder, runFsck, startLog } from '../support/log-process.ts'
import { type SmallDisk, smallDisk } from '../support/small-disk.ts'
import { History } from './history.ts'
import { startStorm } from './storm.ts'

const flags = ['--mode', 'raw', '--log-level', 'error']

it.each(['SIGTERM', 'SIGINT'] as const)('answers everybody and exits 0 on %s', async (signal) => {
  const folder = await createLogFolder()
  let log = await startLog(folder, flags)
  const history = new History(folder.origin, folder.vkeys)
  const storm = startStorm(history, log.url, 24)
  await sleep(300)
  expect(await log.kill(signal)).toBe(0)
  expect(log.stderr()).toBe('')
  log = await startLog(folder, flags)
  storm.url = log.url
  await sleep(100)
  await storm.stop()
  await history.judge(log.url)
  await log.kill('SIGKILL')
  await folder.remove()
})

it('refuses a second server on the same folder with one line, and leaves the first one alone', async () => {
  const folder = await createLogFolder()
  const log = await startLog(folder, flags)
  await expect(startLog(folder, flags)).rejects.toThrow(/^serve ended: LOG_BUSY: [^\n]+\n$/)
  expect((await fetch(`${log.url}/add`, { method: 'POST', body: 'x' })).status).toBe(200)
  await log.kill('SIGKILL')
  const next = await startLog(folder, flags)
  expect(await (await fetch(`${next.url}/add`, { method: 'POST', body: 'x' })).text()).toBe('0')
  await next.kill('SIGTERM')
  await folder.remove()
})

it('stops writing and goes on reading on a full disk, and writes again once there is room', {
  timeout: 60_000,
}, async ({ skip }) => {
  const disk = smallDisk(6 << 20)
  if (disk === null) return skip('mounting a small disk takes root on Linux')
  try {
    await fillDisk(disk)
  } finally {
    disk.remove()
  }
})

async function fillDisk(disk: SmallDisk): Promise<void> {
  const folder = await createLogFolder('example.com/full', disk.path)
  const log = await startLog(folder, flags)
  const history = new History(folder.origin, folder.vkeys)
  const add = (at: number) => fetch(`${log.url}/add`, { method: 'POST', body: leafOf(at) })
  const leafOf = (at: number) => `${at} ${'x'.repeat(40_000)}`
  try {
    let at = 0
    let answer = await add(at)
    for (; answer.status === 200; answer = await add(at)) history.acknowledge(leafOf(at++), Number(await answer.text()))
    expect(at).toBeGreaterThan(20)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await answer.json()).toMatchObject({ code: 'read-only' })
    const ready = await fetch(`${log.url}/readyz`)
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('STORAGE_FULL')])
    await history.judge(log.url)
    disk.grow(64 << 20)
    const readiness = async () => (await fetch(`${log.url}/readyz`)).status
    await expect.poll(readiness, { timeout: 20_000, interval: 200 }).toBe(200)
    for (const end = at + 30; at < end; at++) history.acknowledge(leafOf(at), Number(await (await add(at)).text()))
    expect(await history.judge(log.url)).toBe((await runFsck(folder)).entries)
  } finally {
    await log.kill('SIGKILL')
  }
}
