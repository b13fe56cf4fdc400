/** Rows about the process, its disk and its clock. */
import { appendFileSync, closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { smallDisk } from '../support/small-disk.ts'
import { mayTrace, strace } from '../support/strace.ts'
import type { Row } from './row.ts'
import { TappedLog } from './tapped-log.ts'

async function underLoad(strikes: number, strike: (log: TappedLog, at: number) => Promise<void>) {
  const log = await TappedLog.create()
  try {
    await log.start()
    log.storm()
    for (let at = 0; at < strikes; at++) {
      await log.progress(5)
      await strike(log, at)
    }
    await log.progress(5)
    await log.calm()
    return await log.judge(strikes)
  } finally {
    await log.remove()
  }
}

export const processRows: readonly Row[] = [
  {
    name: 'SIGKILL under load, started again',
    strikes: 30,
    run: (strikes) =>
      underLoad(strikes, async (log) => {
        await sleep(Math.random() * 100)
        await log.stop('SIGKILL')
        await log.start()
      }),
  },
  {
    name: 'SIGSTOP, then SIGCONT',
    strikes: 20,
    run: (strikes) =>
      underLoad(strikes, async (log) => {
        log.server?.child.kill('SIGSTOP')
        await sleep(200)
        log.server?.child.kill('SIGCONT')
      }),
  },
  {
    name: 'the clock jumps, an hour or a year either way',
    strikes: 20,
    run: (strikes) =>
      underLoad(strikes, async (log, at) => {
        log.shiftClock([3600, -3600, 31_536_000, -31_536_000][at % 4] ?? 0)
        await log.progress(3)
      }),
  },
  {
    name: 'a torn write: half a frame at the end of the write-ahead log, the marker’s other slot half written',
    strikes: 20,
    short: 1,
    run: (strikes) =>
      underLoad(strikes, async (log) => {
        await log.stop('SIGKILL')
        tear(log.dataDir)
        await log.start()
      }),
  },
  {
    name: 'a full disk, then room',
    strikes: 3,
    missing: () => (probeDisk() ? null : 'mounting a small disk takes root on Linux'),
    run: fillDisk,
  },
  {
    name: 'a failing fsync, once or for ever, then a new process',
    strikes: 6,
    missing: () => (mayTrace() ? null : 'strace may not trace here'),
    run: failSync,
  },
]

/** What a power cut leaves of writes that no sync had covered. */
function tear(dataDir: string): void {
  appendFileSync(join(dataDir, 'log.db-wal'), Buffer.alloc(5000, 0xa5))
  const slot = 16_384
  const marker = readFileSync(join(dataDir, 'marker'))
  const generations = [0, slot].map((at) => marker.readBigUInt64BE(at + 'samebits-marker/1\n'.length))
  const older = (generations[0] ?? 0n) < (generations[1] ?? 0n) ? 0 : slot
  const file = openSync(join(dataDir, 'marker'), 'r+')
  writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, older + 30)
  closeSync(file)
}

function probeDisk(): boolean {
  const disk = smallDisk(1 << 20)
  disk?.remove()
  return disk !== null
}

async function fillDisk(strikes: number) {
  const disk = smallDisk(6 << 20)
  if (disk === null) throw new Error('no disk')
  const log = await TappedLog.create(disk.path)
  const leaf = (at: number) => `${at} ${'x'.repeat(40_000)}`
  try {
    await log.start()
    let at = 0
    for (let strike = 0; strike < strikes; strike++) {
      while ((await log.add(leaf(at))) === 200) at++
      expect(await log.ready()).toContain('STORAGE_FULL')
      disk.grow((strike + 3) * (6 << 20))
      await expect.poll(() => log.ready(), { timeout: 30_000, interval: 100 }).toBe('writing\n')
    }
    for (const end = at + 5; at < end; at++) expect(await log.add(leaf(at))).toBe(200)
    return await log.judge(strikes)
  } finally {
    await log.stop()
    disk.remove()
  }
}

async function failSync(strikes: number) {
  const log = await TappedLog.create()
  try {
    for (let strike = 0; strike < strikes; strike++) {
      const when = `${25 + 2 * strike}${strike % 2 === 0 ? '+' : ''}`
      const inject = ['-e', 'trace=fsync,fdatasync', '-e', `inject=fsync,fdatasync:error=EIO:when=${when}`]
      await log.start([strace, '-D', '-f', '-o', '/dev/null', ...inject])
      let at = 0
      while ((await log.add(`strike ${strike} entry ${at}`)) === 200) at++
      await expect.poll(() => log.ready(), { timeout: 10_000, interval: 50 }).toMatch(/STORAGE_FAILED|EIO/)
      expect(await log.add('after it')).toBe(503)
      await log.stop('SIGKILL')
    }
    await log.start()
    expect(await log.add('the last one')).toBe(200)
    return await log.judge(strikes)
  } finally {
    await log.remove()
  }
}
