import { appendFileSync, copyFileSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backupSqlite, openSqliteReader, openSqliteStore } from './sqlite-store.ts'
import { CommitUnknownError, type OpenStore } from './store.ts'
import { type NoteTable, noteExtension } from './store-contract.ts'

let folder: string
let path: string
let store: OpenStore<NoteTable>
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-files-'))
  path = join(folder, 'log.db')
  store = openSqliteStore({ path, extension: noteExtension })
})
afterEach(async () => {
  await store.close().catch(() => undefined)
  rmSync(folder, { recursive: true, force: true })
})

const note = (key: string, value = '') => store.update((notes) => notes.put(key, value))

/** What another program may do to the files. */
const damage: readonly [string, () => void][] = [
  ['overwritten in place', () => writeFileSync(path, 'x'.repeat(statSync(path).size))],
  [
    'replaced by another file',
    () => {
      copyFileSync(path, join(folder, 'copy'))
      renameSync(join(folder, 'copy'), path)
    },
  ],
  ['deleted', () => rmSync(path)],
  ['without its write-ahead log', () => rmSync(`${path}-wal`)],
]

describe('a database under a running server', () => {
  it.each([...damage, ['continued in its write-ahead log', () => appendFileSync(`${path}-wal`, 'frame')] as const])(
    'that is %s takes nothing more',
    async (_what, strike) => {
      await note('before')
      strike()
      await expect(note('after')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    },
  )

  it.each(damage)('that is %s while a transaction writes acknowledges nothing of it', async (_what, strike) => {
    const during = store.update(async (notes) => {
      await notes.put('during', '')
      await sleep(2) // another program's turn
      strike()
    })
    await expect(during).rejects.toThrow(CommitUnknownError)
    await expect(during).rejects.toMatchObject({ cause: { code: 'STORAGE_FAILED' } })
    await expect(note('after')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  })

  it('is told from one into which this server itself moves what it has written', async () => {
    const written = 5 * (9 << 20)
    for (let at = 0; at < 5; at++) await note(`large ${at}`, 'x'.repeat(9 << 20))
    expect(statSync(path).size).toBeGreaterThan(written * 0.7)
    for (let at = 0; at < 5; at++) await note(`larger ${at}`, 'x'.repeat(9 << 20))
    expect(statSync(`${path}-wal`).size).toBeLessThan(written)
    expect(await store.tables.get('large 4')).toHaveLength(9 << 20)
  })

  it('goes on beside those that only read it', async () => {
    await note('one')
    const reader = openSqliteReader(path)
    await backupSqlite(path, join(folder, 'backup.db'), () => undefined)
    await note('two')
    await reader.close()
    await note('three')
    expect(await store.tables.get('three')).toBe('')
  })
})
