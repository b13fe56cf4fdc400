/**
 * `samebits verify` of a 50 MB artifact, cold, as users have it installed: packed by npm, installed from the tarball, run by its
 * name. The bundle carries three cosignatures, one of them ML-DSA-44, and three rebuild votes.
 *
 *     node --conditions=samebits-source bench/verify.ts [rounds]
 *
 * The bound is 1.5 times `node -e 0` plus `openssl dgst -sha256`, as medians of interleaved runs.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createPublisher } from '../updater/test-support/publisher.ts'

const rounds = Number(process.argv[2] ?? 15)
const size = 50_000_000
const bound = 1.5
const root = dirname(import.meta.dirname)
const folder = await mkdtemp(join(tmpdir(), 'samebits-bench-'))
await using publisher = await createPublisher({ rebuilders: 3 })
publisher.now = Math.floor(Date.now() / 1000) - 60

function run(command: string, args: readonly string[], cwd: string = folder): number {
  const start = performance.now()
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`, { cause: error })
  return performance.now() - start
}

try {
  const release = await publisher.release('1.0.0', { bytes: randomBytes(size) })
  await writeFile(join(folder, 'trust.json'), publisher.trust())
  await writeFile(join(folder, 'example.com_notes.anchor.json'), await publisher.anchor())
  await writeFile(join(folder, 'notes'), release.bytes)
  await writeFile(join(folder, 'notes.samebits.json'), await publisher.bundle(release))
  run(process.execPath, [join(root, 'scripts/build-cli.mjs')], root)
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], join(root, 'verifier-cli'))
  run('npm', [
    'install',
    '--silent',
    '--offline',
    '--no-audit',
    '--no-fund',
    '--prefix',
    folder,
    join(folder, 'samebits-0.1.0.tgz'),
  ])

  const programs = {
    'node -e 0': () => run(process.execPath, ['-e', '0']),
    'openssl dgst -sha256': () => run('openssl', ['dgst', '-sha256', 'notes']),
    'samebits verify': () =>
      run(join(folder, 'node_modules/.bin/samebits'), ['verify', 'notes', '--trust', 'trust.json']),
  }
  const times = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++)
    for (const [name, program] of Object.entries(programs)) times.set(name, [...(times.get(name) ?? []), program()])
  const median = (name: string) => (times.get(name) ?? []).sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN
  for (const name of times.keys()) console.log(`${name.padEnd(22)} ${median(name).toFixed(1)} ms`)
  const ratio = median('samebits verify') / (median('node -e 0') + median('openssl dgst -sha256'))
  console.log(`ratio                  ${ratio.toFixed(2)} (bound ${bound})`)
  process.exitCode = ratio <= bound ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
