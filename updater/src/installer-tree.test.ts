import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { InstallRecord } from '@samebits/core'
import { describe, expect, test } from 'vitest'
import { tarGz, zip } from '../test-support/archives.ts'
import { dieWhileInstalling } from '../test-support/die.ts'
import { digest, house, one, release } from '../test-support/house.ts'
import type { InstallStep } from './install-job.ts'

const contents = (version: string) => [
  { name: 'bin/notes', text: `#!/bin/sh\necho ${version}\n`, mode: 0o755 },
  { name: 'lib/Versions/Current', type: 'symlink' as const, to: `of-${version}` },
  { name: `lib/Versions/of-${version}/data`, text: `data of ${version}` },
  { name: 'lib/data', type: 'symlink' as const, to: 'Versions/Current/data' },
]
const first = { 'notes.tgz': await tarGz(contents('one')) }
const second = { 'notes.tgz': await tarGz(contents('two')) }
const firstRecord = release(1, first).record

type House = Awaited<ReturnType<typeof house>>

/** What runs, by what is found through the link. */
async function running({ folder }: House) {
  const record: InstallRecord | null = JSON.parse(
    await readFile(join(folder, 'installed.json'), 'utf8').catch(() => 'null'),
  )
  const read = (name: string) => readFile(join(folder, 'current', name), 'utf8').catch(() => null)
  return { version: record?.version ?? null, notes: await read('bin/notes'), data: await read('lib/data') }
}
const isOne = { version: '1.1.0', notes: '#!/bin/sh\necho one\n', data: 'data of one' }
const isTwo = { version: '1.2.0', notes: '#!/bin/sh\necho two\n', data: 'data of two' }
const unpack = { unpack: 'tar.gz' } as const
const versions = ({ folder }: House) => readdir(join(folder, 'versions'))
const folderOf = (sequence: number, n = 1) => `${digest(`release ${sequence}`).slice(0, 16)}-${n}`

describe('an unpacked version', () => {
  test('is put in place behind a link, and nothing else is', async () => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    expect(await running(it)).toEqual(isOne)
    expect((await readdir(it.folder)).sort()).toEqual(['.samebits', 'current', 'installed.json', 'versions'])
    expect(await readlink(join(it.folder, 'current'))).toBe(`versions/${folderOf(1)}`)
  })

  test('replaces the one before, which is kept, and the one before that goes', async () => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    await it.install(2, second, firstRecord, unpack)
    expect(await running(it)).toEqual(isTwo)
    expect((await versions(it)).sort()).toEqual([folderOf(1), folderOf(2)].sort())
    await it.install(3, { 'notes.tgz': await tarGz(contents('three')) }, release(2, second).record, unpack)
    expect((await versions(it)).sort()).toEqual([folderOf(2), folderOf(3)].sort())
  })

  test('may be a zip', async () => {
    await using it = await house()
    await it.install(1, { 'notes.zip': zip(contents('one')) }, null, { unpack: 'zip' })
    expect(await running(it)).toEqual(isOne)
  })

  test('takes the place of plain files, and plain files take its place', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await it.install(2, second, release(1, one).record, unpack)
    expect(await running(it)).toEqual(isTwo)
    expect(await readdir(it.folder)).not.toContain('notes')
    await it.install(3, one, release(2, second).record)
    expect((await readdir(it.folder)).sort()).toEqual(['.samebits', 'helper', 'installed.json', 'notes', 'versions'])
  })

  test('that is installed again gets a folder of its own', async () => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    await it.install(1, first, firstRecord, unpack)
    expect(await readlink(join(it.folder, 'current'))).toBe(`versions/${folderOf(1, 2)}`)
  })

  test('is asked for its health through the link, and one that fails goes', async () => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    const healthCheck = { command: ['sh', '-c', 'test "$({file}/bin/notes)" = one'] as const, timeoutMs: 5000 }
    await it.install(1, first, firstRecord, { ...unpack, healthCheck })
    await expect(it.install(2, second, firstRecord, { ...unpack, healthCheck })).rejects.toMatchObject({
      hold: true,
      swapBegan: true,
    })
    expect(await running(it)).toEqual(isOne)
    expect(await versions(it)).not.toContain(folderOf(2))
  })
})

function replaceLink(path: string, target: string | null): void {
  rmSync(path)
  if (target === null) writeFileSync(path, 'data of one')
  else symlinkSync(target, path)
}

describe('what is refused', () => {
  test('an archive that cannot be read leaves what is installed, and nothing else', async () => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    const before = (await readdir(it.workspace)).sort()
    await expect(it.install(2, { 'notes.tgz': 'no archive' }, firstRecord, unpack)).rejects.toMatchObject({
      code: 'INSTALL_FAILED',
    })
    expect(await running(it)).toEqual(isOne)
    expect((await readdir(it.workspace)).sort()).toEqual(before)
    expect(await versions(it)).toEqual([folderOf(1)])
  })

  test.each([
    ['a link of somebody else', (it: House) => symlink('/etc', join(it.folder, 'current'))],
    ['a folder of somebody else', (it: House) => mkdir(join(it.folder, 'current'))],
    ['a link in place of the versions', (it: House) => symlink('/tmp', join(it.folder, 'versions'))],
    ['a file in place of the versions', (it: House) => writeFile(join(it.folder, 'versions'), '')],
  ])('%s', async (_, plant) => {
    await using it = await house()
    await plant(it)
    await expect(it.install(1, first, null, unpack)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })

  test('a part that bears the name of the link', async () => {
    await using it = await house()
    await expect(it.install(1, { ...first, Current: 'evil' }, null, unpack)).rejects.toMatchObject({
      code: 'PATH_REFUSED',
    })
  })

  test('an archive that is written to between hashing and unpacking', async () => {
    await using it = await house()
    const onStep = (step: InstallStep) => {
      if (step === 'verified') writeFileSync(join(it.staging, digest(first['notes.tgz'])), second['notes.tgz'])
    }
    await expect(it.install(1, first, null, { ...unpack, onStep })).rejects.toMatchObject({ code: 'INSTALL_FAILED' })
    expect(await running(it)).toEqual({ version: null, notes: null, data: null })
  })

  test.each([
    ['altered', (path: string) => writeFileSync(join(path, 'lib/data'), 'evil')],
    ['given another link', (path: string) => replaceLink(join(path, 'lib/data'), 'Versions/of-one/data')],
    ['given a link out of it', (path: string) => replaceLink(join(path, 'lib/Versions/Current'), '/tmp')],
    ['given a file for a link', (path: string) => replaceLink(join(path, 'lib/data'), null)],
    ['added to', (path: string) => writeFileSync(join(path, 'bin/evil.so'), 'evil')],
  ])('a kept version that was %s is not put back', async (_, attack) => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    attack(join(it.folder, 'versions', folderOf(1)))
    const healthCheck = { command: ['sh', '-c', 'exit 1'] as const, timeoutMs: 5000 }
    await expect(it.install(2, second, firstRecord, { ...unpack, healthCheck })).rejects.toMatchObject({
      detail: expect.stringMatching(/was altered and is not restored/),
    })
    expect((await running(it)).notes).toBe(isTwo.notes)
  })
})

describe('SIGKILL', () => {
  const healthCheck = { command: ['sh', '-c', '{file}/bin/notes'] as const, timeoutMs: 5000 }
  const steps = [
    'verified',
    'unpacked',
    'prepared',
    'admitted',
    'kept',
    'placed current',
    'recorded',
    'swapped',
    'healthy',
    'checked',
    'committed',
    'tidied',
  ]
  /** `npm test` kills at the steps that only archives have, `npm run test:crash-install` at every one. */
  const everyStep = process.env['MODE'] === 'crash'
  const own: readonly string[] = ['admitted', 'placed current', 'swapped', 'committed']
  const job = { next: release(2, second), installed: firstRecord, unpack: 'tar.gz', healthCheck } as const

  test('the table below has every step', async () => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    await it.stage(second)
    expect(await dieWhileInstalling(it.folder, 'never', job)).toEqual({ status: 0, signal: null, steps })
  })

  const killedAt = steps.filter((step) => everyStep || own.includes(step))
  test.each(killedAt.map((step) => [step, steps.indexOf(step) < steps.indexOf('swapped') ? 'old' : 'new'] as const))(
    'after "%s": at once one version is whole, then the %s one, and the next run finishes',
    async (step, expected) => {
      await using it = await house()
      await it.install(1, first, null, unpack)
      await it.stage(second)
      expect((await dieWhileInstalling(it.folder, step, job)).signal).toBe('SIGKILL')
      const { notes, data } = await running(it)
      expect([isOne, isTwo]).toContainEqual({ version: notes === isOne.notes ? '1.1.0' : '1.2.0', notes, data })
      await it.recover({ healthCheck })
      expect(await running(it)).toEqual(expected === 'old' ? isOne : isTwo)
      expect(await it.recover({ healthCheck })).toEqual({ kind: 'none' })
      if (expected === 'old') await it.install(2, second, firstRecord, { ...unpack, healthCheck })
      expect(await running(it)).toEqual(isTwo)
      expect((await readdir(it.workspace)).sort()).toEqual(['lock', 'manifest.json', 'previous', 'staged'])
      expect((await versions(it)).sort()).toEqual([folderOf(1), folderOf(2)].sort())
    },
  )

  test('after the swap, with a file of the new version altered meanwhile, goes back', async () => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    await it.stage(second)
    await dieWhileInstalling(it.folder, 'swapped', job)
    await writeFile(join(it.folder, 'current/lib/data'), 'evil')
    expect(await it.recover({ healthCheck })).toMatchObject({ kind: 'restored', hold: false })
    expect(await running(it)).toEqual(isOne)
    expect(await versions(it)).toEqual([folderOf(1)])
  })

  test('before anything was moved, an altered version that still runs is left alone', async () => {
    await using it = await house()
    await it.install(1, first, null, unpack)
    await it.stage(second)
    await dieWhileInstalling(it.folder, 'kept', job)
    await writeFile(join(it.folder, 'current/lib/data'), 'mine')
    expect(await it.recover({ healthCheck })).toMatchObject({ kind: 'restored' })
    expect((await running(it)).data).toBe('mine')
  })
})
