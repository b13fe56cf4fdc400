/**
 * `samebits verify` of a 50 MB artifact, cold, as users have it installed: packed by npm, installed from the tarball, run by its
 * name. The bundle carries three cosignatures, one of them ML-DSA-44, and three rebuild votes.
 *
 *     node --conditions=samebits-source bench/verify.ts [rounds] [--with-cosign]
 *
 * The bound is 1.5 times `node -e 0` plus `openssl dgst -sha256`, as medians of interleaved runs. Beside it, where it was built before
 * (`--with-cosign` builds it, for minutes), `cosign verify-blob` of a signature alone: it is told to ask for no proof of logging, and
 * knows of no history, rebuilders or freshness.
 */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { build, isBuilt, missingGo } from '../test/peers/go-programs.ts'
import { createPublisher } from '../updater/test-support/publisher.ts'
import { number, report } from './report.ts'
import { median } from './samples.ts'

const { values, positionals } = parseArgs({
  options: { 'with-cosign': { type: 'boolean', default: false } },
  allowPositionals: true,
})
const rounds = Number(positionals[0] ?? 15)
const size = 50_000_000
const bound = 1.5
const isMeant = values['with-cosign'] && (await missingGo()) === null
const cosign = isMeant || isBuilt('cosign') ? await build('cosign') : null
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

/** Signs the artifact with a key of its own, as cosign expects it; returns what verifies it once. */
async function verifyBlob(program: string, bytes: Uint8Array): Promise<() => number> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await writeFile(join(folder, 'cosign.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  await writeFile(join(folder, 'notes.sig'), sign('sha256', bytes, privateKey).toString('base64'))
  const args = [
    'verify-blob',
    '--key',
    'cosign.pub',
    '--signature',
    'notes.sig',
    '--insecure-ignore-tlog=true',
    'notes',
  ]
  return () => run(program, args)
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

  const programs: Record<string, () => number> = {
    'node -e 0': () => run(process.execPath, ['-e', '0']),
    'openssl dgst -sha256': () => run('openssl', ['dgst', '-sha256', 'notes']),
    'samebits verify': () =>
      run(join(folder, 'node_modules/.bin/samebits'), ['verify', 'notes', '--trust', 'trust.json']),
    ...(cosign === null ? {} : { 'cosign verify-blob': await verifyBlob(cosign, release.bytes) }),
  }
  const times = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++)
    for (const [name, program] of Object.entries(programs)) times.set(name, [...(times.get(name) ?? []), program()])
  const medianOf = (name: string) => median(times.get(name) ?? [])
  for (const name of times.keys()) console.log(`${name.padEnd(22)} ${medianOf(name).toFixed(1)} ms`)
  const ratio = medianOf('samebits verify') / (medianOf('node -e 0') + medianOf('openssl dgst -sha256'))
  const what = 'ms to verify 50 MB, cold'
  const ours = number(medianOf('samebits verify'))
  const floor = number(medianOf('node -e 0') + medianOf('openssl dgst -sha256'))
  report({ what, ours, peer: { name: 'node -e 0 + openssl dgst', value: floor }, ratio, atMost: bound })
  if (cosign === null)
    report({ what, ours, peer: null, missing: 'cosign is not built (--with-cosign builds it, for minutes)' })
  else {
    const value = number(medianOf('cosign verify-blob'))
    const peer = { name: 'cosign verify-blob, the signature alone', value }
    report({ what, ours, peer, ratio: medianOf('samebits verify') / medianOf('cosign verify-blob') })
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
