/**
 * A rotation that is killed (SIGKILL, by strace) at each of its syncs, renames and links in turn, and run again: it ends where it
 * would have ended, with the keys that were made first, one successor, and a log that is frozen once.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogFolder, type LogFolder, type LogProcess, runFsck, startLog } from '../support/log-process.ts'
import { mayTrace, strace } from '../support/strace.ts'
import { rotateLog } from './kit.ts'

const calls = 'fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat'

/** The n-th such call of a thread is its last. */
const killedAt = (n: number) => [
  ...[strace, '-f', '-o', '/dev/null', '-e', `trace=${calls}`],
  ...['-e', `inject=${calls}:signal=KILL:when=${n}`],
]

const title = 'a rotation that is killed at every step'
const runs = process.env['MODE'] === 'rotation' && mayTrace()
describe.skipIf(!runs)(mayTrace() ? title : `${title} (skipped: strace is not there, or may not trace)`, () => {
  let old: LogFolder
  let oldUrl = ''
  let serving: LogProcess | null = null
  const at = (...names: readonly string[]) => join(old.path, ...names)
  const flags = ['--mode', 'raw', '--log-level', 'error']
  const begin = () => [
    ...['--url', oldUrl, '--to-origin', 'example.org/log', '--to-url', 'http://127.0.0.1:9/'],
    ...['--to-keys-dir', at('next-keys'), '--to-data-dir', at('next-data')],
  ]
  const keysNow = () =>
    existsSync(at('next-keys'))
      ? readdirSync(at('next-keys'))
          .filter((name) => name.endsWith('.pem') && !name.startsWith('.'))
          .map((name) => [name, readFileSync(at('next-keys', name), 'utf8')])
      : []

  beforeAll(async () => {
    old = await createLogFolder('example.com/log')
    const log = await startLog(old, flags)
    oldUrl = log.url
    for (const entry of ['a', 'b', 'c']) await fetch(`${log.url}/add`, { method: 'POST', body: entry })
    await log.kill('SIGTERM')
  })
  afterAll(async () => {
    await serving?.kill('SIGKILL')
    await old?.remove()
  })

  it('while the successor is made', { timeout: 1_200_000 }, async () => {
    let kills = 0
    for (let n = 1; ; n++) {
      for (const name of ['next-keys', 'next-data', 'data/rotation.json'])
        rmSync(at(name), { recursive: true, force: true })
      const killed = await rotateLog(old, [...flags, ...begin()], killedAt(n))
      const before = keysNow()
      const again = await rotateLog(old, [...flags, ...begin()])
      expect([n, again.status, again.done, again.waits?.step]).toEqual([n, 20, ['keys', 'hand-out', 'init'], 'served'])
      expect(keysNow().filter(([name]) => before.some(([known]) => known === name))).toEqual(before)
      const vkeys = readFileSync(at('next-data/hand-out/vkeys'), 'utf8').trim().split('\n')
      expect((await runFsck({ ...old, vkeys }, at('next-data'))).entries).toBe(0)
      if (killed.status === 20) break
      expect([killed.status, killed.signal]).toContain(killed.signal ?? 137)
      kills++
    }
    expect(kills).toBeGreaterThan(8)
  })

  it('while the log is frozen', { timeout: 1_200_000 }, async () => {
    const vkeys = readFileSync(at('next-data/hand-out/vkeys'), 'utf8').trim().split('\n')
    serving = await startLog({ ...old, vkeys }, [
      ...['--config', at('next-data/serve.json'), '--keys-dir', at('next-keys'), '--data-dir', at('next-data')],
      ...flags,
    ])
    rmSync(at('data/rotation.json'))
    const there = begin().map((flag) => (flag === 'http://127.0.0.1:9/' ? (serving?.url ?? '') : flag))
    expect((await rotateLog(old, [...flags, ...there])).waits?.step).toBe('frozen')
    cpSync(at('data'), at('kept'), { recursive: true })
    let kills = 0
    for (let n = 1; ; n++) {
      rmSync(at('data'), { recursive: true })
      cpSync(at('kept'), at('data'), { recursive: true })
      const killed = await rotateLog(old, [...flags, '--confirm', old.origin], killedAt(n))
      const again = await rotateLog(old, [...flags, '--confirm', old.origin])
      expect([n, again.status, again.waits?.step, again.stderr]).toEqual([n, 20, 'told', ''])
      const log = await startLog(old, flags)
      const answers = await Promise.all(
        ['d', 'b'].map(async (body) => (await fetch(`${log.url}/add`, { method: 'POST', body })).status),
      )
      expect([n, answers]).toEqual([n, [410, 200]])
      await log.kill('SIGKILL')
      expect((await runFsck(old)).entries).toBe(3)
      if (killed.status === 20) break
      kills++
    }
    expect(kills).toBeGreaterThan(5)
  })
})
