/** A base image made again from its lock: without any network, under another umask, zone and temporary folder, byte for byte. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { cacheFolder, reproImage } from './support.ts'

const whole = process.env['MODE'] === 'repro' && (process.env['SAMEBITS_REPRO'] ?? 'all') === 'all'
const program = join(import.meta.dirname, '..', '..', 'build-repro', 'src', 'main.ts')

it.runIf(whole)('is the same image, and the same archive', { timeout: 3_600_000 }, async () => {
  const { id, archive } = await reproImage('debian')
  const folder = await mkdtemp(join(cacheFolder, 'again-'))
  try {
    const again = join(folder, 'image.tar')
    const make = [
      process.execPath,
      '--conditions=samebits-source',
      program,
      'image',
      join(import.meta.dirname, 'images', 'debian.image.json'),
    ]
    const options = ['--offline', '--json', '--pool', join(cacheFolder, 'debian.pool'), '--output', again]
    const said = execFileSync(
      '/usr/bin/unshare',
      ['--net', 'sh', '-c', 'umask 077; exec "$@"', 'sh', ...make, ...options],
      {
        env: { ...process.env, TZ: 'Pacific/Chatham', TMPDIR: folder, LC_ALL: 'C' },
        encoding: 'utf8',
      },
    )
    expect(JSON.parse(said)).toMatchObject({ id })
    expect(await digestOf(again)).toBe(await digestOf(archive))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it.runIf(!whole)('a base image made again: not run (part of a whole npm run test:repro)', (context) => context.skip())

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
