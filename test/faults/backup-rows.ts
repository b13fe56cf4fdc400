/**
 * Rows about old copies of the storage: the log must notice before it signs anything, and comes back by `restore` from a mirror.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { concat } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { expect } from 'vitest'
import { runIn } from '../../log-server/src/commands/testing.ts'
import { growEdge, readEdge } from '../../log-server/src/edge.ts'
import { noExtension } from '../../log-server/src/sql.ts'
import { openSqliteStore } from '../../log-server/src/sqlite-store.ts'
import type { Row } from './row.ts'
import { TappedLog } from './tapped-log.ts'

/** Adds entries under names that nobody used before. */
async function grow(log: TappedLog, name: string, count: number): Promise<void> {
  for (let at = 0; at < count; at++) expect(await log.add(`${name} ${at}`)).toBe(200)
}

/** Leaves a backup of some entries ago, a mirror of everything, and the log stopped. */
async function prepare(log: TappedLog, strike: number): Promise<{ backup: string; mirror: string }> {
  const [backup, mirror] = ['backup', 'mirror'].map((name) => join(log.folder, `${name}${strike}`)) as [string, string]
  await log.start()
  await grow(log, `before ${strike}`, 5)
  await log.stop('SIGTERM')
  cpSync(log.dataDir, backup, { recursive: true })
  await log.start()
  await grow(log, `after ${strike}`, 7)
  await log.stop('SIGTERM')
  cpSync(log.dataDir, mirror, { recursive: true })
  return { backup, mirror }
}

/** The log signs nothing, says why, and takes nothing. */
async function demandReadOnly(log: TappedLog, code: RegExp): Promise<void> {
  expect(await log.ready()).toMatch(code)
  expect(await log.add('not now')).toBe(503)
}

/** Brings everything back from a mirror that is served by a process of its own. */
async function restoreFrom(log: TappedLog, mirror: string): Promise<void> {
  const { folder } = log
  const keys = '--keys-dir keys --mode raw --json'
  const served = await runIn(
    folder,
    `serve ${keys} --data-dir ${mirror} --port 0 --log-level silent`,
    {},
    async (url) => {
      const ran = await runIn(folder, `restore ${keys} --data-dir data --from ${url}`)
      expect([ran.status, ran.stderr]).toEqual([0, ''])
    },
  )
  expect(served.status).toBe(0)
}

async function withOldCopies(strikes: number, strike: (log: TappedLog, at: number) => Promise<void>) {
  const log = await TappedLog.create()
  try {
    for (let at = 0; at < strikes; at++) await strike(log, at)
    await log.start()
    await grow(log, 'the last ones', 3)
    return await log.judge(strikes)
  } finally {
    await log.remove()
  }
}

export const backupRows: readonly Row[] = [
  {
    name: 'an old backup is restored, then what is missing from a mirror',
    strikes: 5,
    run: (strikes) =>
      withOldCopies(strikes, async (log, at) => {
        const { backup, mirror } = await prepare(log, at)
        log.copyDatabase(backup, log.dataDir)
        await log.start()
        await demandReadOnly(log, /STORAGE_BEHIND/)
        await log.stop()
        await restoreFrom(log, mirror)
      }),
  },
  {
    name: 'an old backup is restored and has since grown past the marker',
    strikes: 5,
    run: (strikes) =>
      withOldCopies(strikes, async (log, at) => {
        const { backup, mirror } = await prepare(log, at)
        log.copyDatabase(backup, log.dataDir)
        await growUnsigned(join(log.dataDir, 'log.db'), 40)
        await log.start()
        await demandReadOnly(log, /TREE_MISMATCH|STORAGE_BEHIND/)
        await log.stop()
        log.copyDatabase(mirror, log.dataDir)
      }),
  },
  {
    name: 'an old backup is put under a running server, in place or by new files, which is then started again',
    strikes: 5,
    run: (strikes) =>
      withOldCopies(strikes, async (log, at) => {
        const { backup, mirror } = await prepare(log, at)
        await log.start()
        await expect.poll(() => log.hasPublished(), { timeout: 20_000 }).toBe(true)
        if (at % 2 === 0) log.copyDatabase(backup, log.dataDir)
        else writeFileSync(join(log.dataDir, 'log.db'), readFileSync(join(backup, 'log.db')))
        expect(await log.add(`under it ${at}`)).toBe(503)
        expect(await log.ready()).toContain('STORAGE_FAILED')
        await log.stop()
        await log.start()
        await demandReadOnly(log, /STORAGE_BEHIND|TREE_MISMATCH|STORAGE_DAMAGED|STORAGE_FAILED/)
        await log.stop()
        log.copyDatabase(backup, log.dataDir)
        await restoreFrom(log, mirror)
      }),
  },
]

/** Grows a log's database by entries that no key of it signed, as a process with another marker would. */
async function growUnsigned(path: string, count: number): Promise<void> {
  const store = openSqliteStore({ path, extension: noExtension, mustExist: true })
  try {
    const before = await store.head()
    if (before === null) throw new RangeError('there is a log')
    const head = await store.takeLease(before.epoch, before.epoch + 50)
    const edge = await readEdge(nodeCrypto, store, head.size)
    const entries = Array.from({ length: count }, (_, at) => Buffer.from(`elsewhere ${at}`))
    const hashes = nodeCrypto.leafHashes(entries)
    const { tiles, root } = growEdge(nodeCrypto, edge, hashes)
    await store.commit(head, (tx) => tx.append({ entries, leafHashes: concat(...hashes), tiles, root }))
  } finally {
    await store.close()
  }
}
