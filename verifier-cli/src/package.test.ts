/** The package that users install: runnable from its tarball, and the same bytes on each build. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
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
})

describe('compiled code', () => {
  /** The packed program, in as many builds as there are versions. */
  async function installed(...versions: readonly string[]) {
    const folder = await temporaryFolder()
    const of = (version: string) => join(folder.path, version)
    for (const version of versions) {
      await run(process.execPath, [script, join(of(version), 'dist'), version])
      await cp(join(room, 'bin'), join(of(version), 'bin'), { recursive: true })
    }
    const cache = join(folder.path, 'cache')
    const start = async (version: string, args = ['--version'], home = cache) => {
      const program = join(of(version), 'bin/samebits.cjs')
      return (await run(process.execPath, [program, ...args], { env: { XDG_CACHE_HOME: home } })).stdout
    }
    const compiled = join(cache, 'samebits', 'compiled')
    return { ...folder, start, compiled, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] }
  }

  test('is kept for each command in a folder that nobody else may enter, and used by the next run', async () => {
    await using it = await installed('0.1.0')
    await it.start('0.1.0')
    await it.start('0.1.0', ['explain', 'FORK'])
    expect((await stat(it.compiled)).mode & 0o777).toBe(0o700)
    expect((await readdir(it.compiled)).sort()).toEqual(['--version', 'explain'])
    const kept = join(it.compiled, '--version')
    const { ino, mode } = await stat(kept)
    expect(mode & 0o777).toBe(0o600)
    expect(await it.start('0.1.0')).toBe('samebits 0.1.0\n')
    // Were it not used, another would have taken its place.
    expect((await stat(kept)).ino).toBe(ino)
  }, 60_000)

  test('of another build, or not whole, is not used', async () => {
    await using it = await installed('0.1.0', '0.2.0')
    const kept = join(it.compiled, '--version')
    await it.start('0.1.0')
    expect(await it.start('0.2.0')).toBe('samebits 0.2.0\n')
    const whole = await readFile(kept)
    const flipped = Buffer.from(whole)
    flipped[whole.length >> 1] = (flipped[whole.length >> 1] ?? 0) ^ 1
    for (const rotten of [flipped, whole.subarray(0, -1), whole.subarray(0, 10), Buffer.alloc(0)]) {
      await writeFile(kept, rotten)
      expect(await it.start('0.2.0')).toBe('samebits 0.2.0\n')
      expect((await readFile(kept)).equals(rotten)).toBe(false)
    }
    expect(await readdir(it.compiled)).toEqual(['--version'])
  }, 60_000)

  test('is kept nowhere else', async () => {
    await using it = await installed('0.1.0')
    await expect(it.start('0.1.0', ['../evil'])).rejects.toMatchObject({ code: 64 })
    await expect(it.start('0.1.0', ['unknown'])).rejects.toMatchObject({ code: 64 })
    expect(await readdir(it.compiled).catch(() => [])).toEqual([])

    const open = join(it.path, 'open', 'samebits', 'compiled')
    await mkdir(open, { recursive: true })
    await chmod(open, 0o755)
    expect(await it.start('0.1.0', ['--version'], join(it.path, 'open'))).toBe('samebits 0.1.0\n')
    expect(await readdir(open)).toEqual([])

    const elsewhere = join(it.path, 'elsewhere')
    await mkdir(elsewhere, { mode: 0o700 })
    await mkdir(join(it.path, 'linked', 'samebits'), { recursive: true })
    await symlink(elsewhere, join(it.path, 'linked', 'samebits', 'compiled'))
    expect(await it.start('0.1.0', ['--version'], join(it.path, 'linked'))).toBe('samebits 0.1.0\n')
    expect(await readdir(elsewhere)).toEqual([])
  }, 60_000)
})
