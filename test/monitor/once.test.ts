/** `samebits-monitor run --once`: its exit status says whether everything was read. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatVkey, utf8 } from '@samebits/core'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runCommandLine } from '../../monitor/src/commands/program.ts'
import { ServedLog } from '../support/served-log.ts'
import { MemoryLog } from '../support/world.ts'

let home: string
let served: ServedLog
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'samebits-once-'))
  served = await ServedLog.start(new MemoryLog('log.example.com/once'))
  served.log.add(...Array.from({ length: 300 }, (_, at) => utf8(`entry ${at}`)))
  served.publish()
})
afterEach(async () => {
  await served.close()
  await rm(home, { recursive: true, force: true })
})

async function runOnce() {
  let said = ''
  const stream = { write: (text: string) => (said += text) }
  const now = () => Math.floor(Date.now() / 1000)
  const timing = { now, clock: () => performance.now() / 1000, defer: setImmediate, every: () => () => undefined }
  const io = { cwd: home, stdout: stream, stderr: { write: () => 0 }, timing, fetch, json: true }
  const key = formatVkey(served.log.signer.key)
  const args = ['run', '--once', '--url', served.url, '--key', key, '--log-level', 'silent', '--json']
  const status = await runCommandLine(args, { ...io, signal: new AbortController().signal }, '0.0.0')
  const answer = said.split('\n').find((line) => line.startsWith('{"logs"'))
  return { status, log: JSON.parse(answer ?? '{}').logs?.[0] }
}

it('is 0 where all was read', async () => {
  expect(await runOnce()).toMatchObject({ status: 0, log: { size: 300, readTo: 300, failure: null } })
})

it('is 20 where entries were withheld, and 0 again when they come', async () => {
  served.instead.set('tile/entries/001.p/44', null)
  expect(await runOnce()).toMatchObject({ status: 20, log: { size: 300, failure: expect.any(String) } })
  served.instead.clear()
  expect(await runOnce()).toMatchObject({ status: 0, log: { readTo: 300 } })
})

it('is 20 where the log does not answer', async () => {
  served.checkpoint = null
  expect(await runOnce()).toMatchObject({ status: 20 })
})
