/**
 * A disk that takes writes and fails to sync them, by strace's fault injection. After a failed sync nobody knows what is on the
 * disk: the process must not write again, whatever later syncs say; a new one goes on from what it finds.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createLogFolder, runFsck, startLog } from '../support/log-process.ts'
import { mayTrace, strace } from '../support/strace.ts'
import { History } from './history.ts'

const flags = ['--mode', 'raw', '--log-level', 'error']

it.skipIf(!mayTrace()).each([
  ['every sync from the 30th on', '30+'],
  ['the 31st sync alone', '31'],
  ['the 32nd sync alone', '32'],
])('stops writing for good when it fails: %s', { timeout: 120_000 }, async (_what, when) => {
  const folder = await createLogFolder('example.com/sync')
  const history = new History(folder.origin, folder.vkeys)
  const inject = `inject=fsync,fdatasync:error=EIO:when=${when}`
  let log = await startLog(folder, flags, [
    strace,
    '-D',
    '-f',

    '-o',
    '/dev/null',
    '-e',
    'trace=fsync,fdatasync',
    '-e',
    inject,
  ])
  const add = (at: number) => fetch(`${log.url}/add`, { method: 'POST', body: `entry ${at}` })
  let at = 0
  let answer = await add(at)
  for (; answer.status === 200 && at < 100; answer = await add(at))
    history.acknowledge(`entry ${at++}`, Number(await answer.text()))
  expect([answer.status, at > 1]).toEqual([503, true])
  await sleep(200)
  expect((await add(at)).status).toBe(503)
  const ready = await (await fetch(`${log.url}/readyz`)).text()
  expect(ready).toMatch(/STORAGE_FAILED|EIO/)
  await history.judge(log.url)
  await log.kill('SIGKILL')
  log = await startLog(folder, flags)
  for (const end = at + 5; at < end; at++) history.acknowledge(`entry ${at}`, Number(await (await add(at)).text()))
  expect(await history.judge(log.url)).toBe((await runFsck(folder)).entries)
  await log.kill('SIGKILL')
  await folder.remove()
})
