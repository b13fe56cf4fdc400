import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { dieWhileInstalling } from '../test-support/die.ts'
import { me } from '../test-support/folders.ts'
import { digest, house, one, release, two } from '../test-support/house.ts'
import type { HealthCheck } from './health-check.ts'
import type { InstallStep } from './install-job.ts'
import { createInstaller } from './installer.ts'
import { openFolder } from './paths.ts'

const first = release(1, one).record

describe('an installation', () => {
  test('puts files and record in place', async () => {
    await using it = await house()
    await it.install(1, one, null)
    expect(await it.seen()).toEqual({ files: one, version: '1.1.0' })
    expect(it.commits).toEqual(['1.1.0'])
    expect((await readdir(it.workspace)).sort()).toEqual(['lock', 'manifest.json', 'previous', 'staged'])
  })

  test('replaces, removes what is no longer brought, and keeps the former version', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await it.install(2, two, first)
    expect(await it.seen()).toEqual({ files: two, version: '1.2.0' })
    expect(await readFile(join(it.workspace, 'previous', 'notes'), 'utf8')).toBe(one.notes)
    expect(await readFile(join(it.workspace, 'previous', 'helper'), 'utf8')).toBe(one.helper)
  })

  test('leaves files alone that it did not bring', async () => {
    await using it = await house()
    await writeFile(join(it.folder, 'mine.txt'), 'mine')
    await it.install(1, one, null)
    await it.install(2, two, first)
    expect((await it.seen()).files['mine.txt']).toBe('mine')
  })

  test('keeps a foreign file of the same name as the former version', async () => {
    await using it = await house()
    await writeFile(join(it.folder, 'notes'), 'foreign')
    await it.install(1, one, null)
    expect(await readFile(join(it.workspace, 'previous', 'notes'), 'utf8')).toBe('foreign')
  })

  test.each([
    ['is not runnable unless asked', {}, 0o644],
    ['is runnable where asked', { executable: true }, 0o755],
  ])('%s', async (_, over, mode) => {
    await using it = await house()
    await it.install(1, one, null, over)
    expect((await stat(join(it.folder, 'notes'))).mode & 0o777).toBe(mode)
  })

  test('stays runnable where the former file was', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await chmod(join(it.folder, 'notes'), 0o700)
    await it.install(2, two, first)
    expect((await stat(join(it.folder, 'notes'))).mode & 0o777).toBe(0o755)
  })
})

describe('a health check', () => {
  const check = (...command: [string, ...string[]]) => ({ healthCheck: { command, timeoutMs: 2000 } })

  test('that ends well ends the installation', async () => {
    await using it = await house()
    await it.install(1, one, null, check('sh', '{file}'))
    expect((await it.seen()).version).toBe('1.1.0')
  })

  test('runs in a private folder, without the environment of the caller', async () => {
    await using it = await house()
    process.env['LD_PRELOAD_PROBE'] = 'planted'
    const script =
      'test -z "$LD_PRELOAD_PROBE$NODE_OPTIONS$LD_PRELOAD" && test "$(pwd)" != "$OLDPWD" && test "$(ls -A | wc -l)" = 0'
    await it.install(1, one, null, check('sh', '-c', script))
    delete process.env['LD_PRELOAD_PROBE']
    expect((await it.seen()).version).toBe('1.1.0')
  })

  test.each([
    ['fails', check('sh', '-c', 'exit 3'), /ended with status 3; the former version is back/],
    ['is killed', check('sh', '-c', 'kill -9 $$'), /ended with SIGKILL/],
    ['does not start', check('/nonexistent'), /did not start/],
    [
      'does not end',
      { healthCheck: { command: ['sh', '-c', 'sleep 60 & wait'] as const, timeoutMs: 200 } },
      /within 0.2 s/,
    ],
    ['is a relative path, which something planted could answer', check('./notes'), /neither absolute/],
  ])('that %s brings the former version back and holds the new one', async (_, over, detail) => {
    await using it = await house()
    await it.install(1, one, null)
    const failure = await it.install(2, two, first, over).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'INSTALL_FAILED',
      swapBegan: true,
      hold: true,
      detail: expect.stringMatching(detail),
    })
    expect(await it.seen()).toEqual({ files: one, version: '1.1.0' })
    expect(it.commits).toEqual(['1.1.0'])
  })

  test('that fails on a first installation leaves nothing', async () => {
    await using it = await house()
    await expect(it.install(1, one, null, check('sh', '-c', 'exit 1'))).rejects.toMatchObject({ hold: true })
    expect(await it.seen()).toEqual({ files: {}, version: null })
  })
})

describe('what is refused', () => {
  test('a staged file that was altered', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await it.stage(two)
    await writeFile(join(it.staging, digest(two.notes)), 'evil')
    const job = { next: release(2, two), unpack: null, installed: first, commit: async () => undefined }
    const installer = createInstaller({
      folder: await openFolder(it.folder, me),
      workspace: await openFolder(it.workspace, me),
      platform: 'linux',
    })
    await expect(installer.install(job)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    expect((await it.seen()).version).toBe('1.1.0')
  })

  test.each([
    [
      'exchanged',
      (path: string) => {
        writeFileSync(`${path}.evil`, 'evil')
        renameSync(`${path}.evil`, path)
      },
    ],
    ['written to', (path: string) => appendFileSync(path, 'evil')],
  ])('a staged file that is %s between hashing and renaming', async (_, attack) => {
    await using it = await house()
    await it.install(1, one, null)
    const onStep = (step: InstallStep) => {
      if (step === 'kept') attack(join(it.staging, digest(two.notes)))
    }
    await expect(it.install(2, two, first, { onStep })).rejects.toMatchObject({
      code: 'INSTALL_FAILED',
      swapBegan: true,
      hold: false,
      detail: expect.stringMatching(/exchanged between verification and installation; the former version is back/),
    })
    expect(await it.seen()).toEqual({ files: one, version: '1.1.0' })
  })

  test('a link where the artifact will be', async () => {
    await using it = await house()
    await symlink('/etc/hostname', join(it.folder, 'notes'))
    await expect(it.install(1, one, null)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })

  test('a folder where the artifact will be', async () => {
    await using it = await house()
    await mkdir(join(it.folder, 'notes'))
    await expect(it.install(1, one, null)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })

  test('a second run while one is at work', async () => {
    await using it = await house()
    let second: Promise<unknown> = Promise.resolve()
    const onStep = (step: InstallStep) => {
      if (step === 'kept') second = it.recover().catch((error: unknown) => error)
    }
    await it.install(1, one, null, { onStep })
    expect(await second).toMatchObject({ code: 'STATE_BUSY' })
  })

  test('a kept version that was altered before the way back', async () => {
    await using it = await house()
    await it.install(1, one, null)
    const onStep = (step: InstallStep) => {
      if (step === 'swapped') writeFileSync(join(it.workspace, 'keeping', 'notes'), 'evil')
    }
    const over = { onStep, healthCheck: { command: ['sh', '-c', 'exit 1'] as const, timeoutMs: 2000 } }
    await expect(it.install(2, two, first, over)).rejects.toMatchObject({
      detail: expect.stringMatching(/kept notes was altered and is not restored/),
    })
    expect((await it.seen()).files['notes']).toBe(two.notes)
  })
})

describe('recovery', () => {
  test('finds nothing after an installation that ended', async () => {
    await using it = await house()
    await it.install(1, one, null)
    expect(await it.recover()).toEqual({ kind: 'none' })
  })

  test.each([
    '',
    '{}',
    'null',
    '{"format":2}',
    '[]',
    '{"format":1,"step":"swapped","next":{},"previous":{},"healthCheck":false}',
  ])('removes a journal that no updater wrote: %j', async (text) => {
    await using it = await house()
    await it.install(1, one, null)
    await writeFile(join(it.workspace, 'journal.json'), text)
    expect((await it.recover()).kind).toBe('rejected')
    expect((await it.recover()).kind).toBe('none')
    expect((await it.seen()).version).toBe('1.1.0')
  })

  test('does not act on a planted journal that the state does not know', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await mkdir(join(it.workspace, 'keeping'))
    await writeFile(join(it.workspace, 'keeping', 'notes'), 'evil')
    const files = [{ name: 'notes', sha256: digest('evil'), size: 4 }]
    const journal = {
      format: 1,
      step: 'kept',
      next: { ...release(2, two), tree: null },
      previous: { record: first, files, tree: null },
      healthCheck: false,
    }
    await writeFile(join(it.workspace, 'journal.json'), JSON.stringify(journal))
    expect((await it.recover({}, 'unknown')).kind).toBe('rejected')
    expect(await it.seen()).toEqual({ files: one, version: '1.1.0' })
  })
})

describe('SIGKILL', () => {
  const dieAt = (folder: string, step: string, healthCheck?: HealthCheck) =>
    dieWhileInstalling(folder, step, { next: release(2, two), installed: first, healthCheck })

  const steps = [
    'verified',
    'prepared',
    'kept',
    'placed notes',
    'placed library',
    'recorded',
    'swapped',
    'healthy',
    'checked',
    'committed',
    'tidied',
  ]
  const healthCheck = { command: ['sh', '{file}'] as const, timeoutMs: 5000 }

  test('the table below has every step', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await it.stage(two)
    const run = await dieAt(it.folder, 'never', { command: ['sh', '{file}'], timeoutMs: 5000 })
    expect(run).toEqual({ status: 0, signal: null, steps })
  })

  test.each(steps.map((step, at) => [step, at < steps.indexOf('swapped') ? 'old' : 'new'] as const))(
    'after "%s" leaves the %s version whole, and the next run finishes',
    async (step, expected) => {
      await using it = await house()
      await it.install(1, one, null)
      await it.stage(two)
      expect((await dieAt(it.folder, step, { command: ['sh', '{file}'], timeoutMs: 5000 })).signal).toBe('SIGKILL')
      await it.recover({ healthCheck })
      expect(await it.seen()).toEqual(
        expected === 'old' ? { files: one, version: '1.1.0' } : { files: two, version: '1.2.0' },
      )
      expect(await it.recover({ healthCheck })).toEqual({ kind: 'none' })
      if (expected === 'old') await it.install(2, two, first, { healthCheck })
      expect(await it.seen()).toEqual({ files: two, version: '1.2.0' })
      expect(
        (await readdir(it.workspace)).filter((name) => !['lock', 'manifest.json', 'previous', 'staged'].includes(name)),
      ).toEqual([])
    },
  )

  test('after the swap, with a health check that this run does not know, goes back', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await it.stage(two)
    await dieAt(it.folder, 'swapped', { command: ['true'], timeoutMs: 5000 })
    expect(await it.recover()).toMatchObject({ kind: 'restored', hold: false })
    expect(await it.seen()).toEqual({ files: one, version: '1.1.0' })
  })

  test('after the swap, with a version that does not run, goes back and holds it', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await it.stage(two)
    await dieAt(it.folder, 'swapped', { command: ['true'], timeoutMs: 5000 })
    expect(await it.recover({ healthCheck: { command: ['false'], timeoutMs: 5000 } })).toMatchObject({
      kind: 'restored',
      hold: true,
    })
    expect(await it.seen()).toEqual({ files: one, version: '1.1.0' })
  })

  test.each(['swapped', 'checked'])('after "%s", with a version that is refused by now, goes back', async (step) => {
    await using it = await house()
    await it.install(1, one, null)
    await it.stage(two)
    await dieAt(it.folder, step)
    expect(await it.recover({}, 'refused')).toMatchObject({ kind: 'restored', hold: false })
    expect(await it.seen()).toEqual({ files: one, version: '1.1.0' })
  })

  test('after the swap, with a file altered meanwhile, goes back', async () => {
    await using it = await house()
    await it.install(1, one, null)
    await it.stage(two)
    await dieAt(it.folder, 'swapped')
    await writeFile(join(it.folder, 'library'), 'evil')
    expect((await it.recover()).kind).toBe('restored')
    expect(await it.seen()).toEqual({ files: { ...one, library: 'evil' }, version: '1.1.0' })
  })
})
