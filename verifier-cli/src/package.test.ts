/** The package that users install: runnable from its tarball, and the same bytes on each build. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../updater/test-support/folders.ts'

const run = promisify(execFile)
const room = join(import.meta.dirname, '..')
const script = join(room, '../scripts/build-cli.mjs')

const digest = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

describe('the packed command line', () => {
  test('is the same bytes on each build, wherever it is made', async () => {
    await using folder = await temporaryFolder()
    const digests = []
    for (const name of ['one', 'another']) {
      const out = join(folder.path, name, 'dist')
      await run(process.execPath, [script, out], {
        cwd: folder.path,
        env: { PATH: process.env['PATH'], TZ: name === 'one' ? 'UTC' : 'Asia/Tokyo' },
      })
      digests.push([await digest(join(out, 'samebits.cjs')), await digest(join(out, 'THIRD-PARTY-LICENSES'))])
    }
    expect(digests[0]).toEqual(digests[1])
  }, 60_000)

  test('installs from its tarball alone, and runs', async () => {
    await using folder = await temporaryFolder()
    const work = join(folder.path, 'work')
    await mkdir(work)
    for (const name of ['package.json', 'bin', 'README.md'])
      await cp(join(room, name), join(work, name), { recursive: true })
    await run(process.execPath, [script, join(work, 'dist')])
    const tarballs = []
    for (const name of ['a', 'b']) {
      await mkdir(join(folder.path, name))
      await run(
        'npm',
        ['pack', '--silent', '--ignore-scripts', '--offline', '--pack-destination', join(folder.path, name)],
        { cwd: work },
      )
      const [tarball = ''] = await readdir(join(folder.path, name))
      tarballs.push(join(folder.path, name, tarball))
    }
    const [first = '', second = ''] = tarballs
    expect(await digest(first)).toBe(await digest(second))
    await run('npm', ['install', '--silent', '--offline', '--no-audit', '--no-fund', '--prefix', folder.path, first])
    const { stdout } = await run(join(folder.path, 'node_modules/.bin/samebits'), ['--version'])
    expect(stdout).toBe('samebits 0.1.0\n')
  }, 120_000)

  test('keeps compiled code in a folder that nobody else may enter, or nowhere', async () => {
    await using folder = await temporaryFolder()
    await run(process.execPath, [script, join(folder.path, 'dist')])
    await cp(join(room, 'bin'), join(folder.path, 'bin'), { recursive: true })
    const cache = join(folder.path, 'cache')
    const start = () =>
      run(process.execPath, [join(folder.path, 'bin/samebits.cjs'), '--version'], { env: { XDG_CACHE_HOME: cache } })
    const compiled = join(cache, 'samebits', 'compiled')
    await start()
    expect((await stat(compiled)).mode & 0o777).toBe(0o700)
    const [version = ''] = await readdir(compiled)
    expect(await readdir(join(compiled, version))).toHaveLength(1)

    const open = join(folder.path, 'open')
    await mkdir(join(open, 'samebits', 'compiled'), { recursive: true })
    await chmod(join(open, 'samebits', 'compiled'), 0o755)
    await run(process.execPath, [join(folder.path, 'bin/samebits.cjs'), '--version'], { env: { XDG_CACHE_HOME: open } })
    expect(await readdir(join(open, 'samebits', 'compiled'))).toEqual([])
  }, 60_000)
})
