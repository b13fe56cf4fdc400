/**
 * An update of a large artifact on loopback: its speed beside `curl` to disk plus `sha256sum`, and its peak memory.
 *
 *     node --conditions=samebits-source bench/update.ts [--megabytes 2000] [--rounds 3]
 *
 * All three read from the same server, write to the same disk, and take turns; the best round of each counts.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { createPublisher } from '../updater/test-support/publisher.ts'
import { number, report } from './report.ts'

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '2000' }, rounds: { type: 'string', default: '3' } },
})
const size = Number(values.megabytes) * 1_000_000
const bounds = { speed: 0.9, megabytes: 120 }
const root = dirname(import.meta.dirname)
const folder = await mkdtemp(join(tmpdir(), 'samebits-bench-'))
await using publisher = await createPublisher()

/** Runs a program while this process serves. @returns what it printed, and how long it took */
async function run(command: string, args: readonly string[]): Promise<{ ms: number; stdout: string }> {
  const start = performance.now()
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`)
  return { ms: performance.now() - start, stdout }
}

/** A file that does not compress, made of one block and counters. */
async function makeFile(path: string): Promise<string> {
  const block = randomBytes(1_000_000)
  const hash = createHash('sha256')
  const handle = await open(path, 'wx')
  for (let at = 0; at < size; at += block.length) {
    block.writeUInt32LE(at / block.length)
    const piece = block.subarray(0, Math.min(block.length, size - at))
    hash.update(piece)
    await handle.writeFile(piece)
  }
  await handle.close()
  return hash.digest('hex')
}

async function byCurl(url: string): Promise<number> {
  const got = await run('curl', ['--silent', '--fail', '--output', 'got', url])
  const hashed = await run('sha256sum', ['got'])
  await rm(join(folder, 'got'))
  return got.ms + hashed.ms
}

interface Measured {
  readonly downloadMs: number
  readonly applyMs: number
  readonly downloadMb: number
  readonly peakMb: number
}

async function byLibrary(): Promise<Measured> {
  await mkdir(join(folder, 'app'))
  const args = [join(folder, 'client.mjs'), 'trust.json', 'anchor.json', join(folder, 'app')]
  const { stdout } = await run(process.execPath, [...args, String(publisher.now + 60)])
  await rm(join(folder, 'app'), { recursive: true })
  return JSON.parse(stdout)
}

/** The command line as it is packed; a module that it is started with tells its peak memory. */
async function byCommand(): Promise<number> {
  await mkdir(join(folder, 'app'))
  const tell = `process.on('exit', () => require('node:fs').writeFileSync('peak', String(process.resourceUsage().maxRSS)))`
  await writeFile(join(folder, 'tell.cjs'), tell)
  const args = ['--require', join(folder, 'tell.cjs'), join(folder, 'program/samebits.cjs'), 'update']
  await run(process.execPath, [...args, '--trust', 'trust.json', '--anchor', 'anchor.json', '--into', 'app', '--json'])
  await rm(join(folder, 'app'), { recursive: true })
  return Number(execFileSync('cat', [join(folder, 'peak')], { encoding: 'utf8' })) / 1024
}

try {
  publisher.now = Math.floor(Date.now() / 1000) - 60
  const file = join(folder, 'artifact')
  const sha256 = await makeFile(file)
  const release = await publisher.release('1.0.0', { file: { size, sha256 } })
  const path = `/feed/${release.id}/notes`
  publisher.hostile = (request, response) => {
    if (request.url !== path) return false
    response.writeHead(200, { 'content-length': size, etag: `"${sha256}"` })
    pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), response, () => undefined)
    return true
  }
  await writeFile(join(folder, 'trust.json'), publisher.trust())
  await writeFile(join(folder, 'anchor.json'), await publisher.anchor())
  await run(process.execPath, [join(root, 'scripts/build-cli.mjs'), join(folder, 'program')])
  await build({
    ...{ entryPoints: [join(root, 'bench/update-client.ts')], outfile: join(folder, 'client.mjs'), bundle: true },
    ...{ platform: 'node', format: 'esm', conditions: ['samebits-source'], logLevel: 'error' },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })

  const curl: number[] = []
  const library: Measured[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    curl.push(await byCurl(`${publisher.url}${path}`))
    library.push(await byLibrary())
  }
  const commandMb = await byCommand()
  const best = (list: readonly number[]) => Math.min(...list)
  const download = best(library.map(({ downloadMs }) => downloadMs))
  const speed = best(curl) / download
  const peak = Math.max(...library.map(({ peakMb }) => peakMb))
  const rate = (ms: number) => `${(size / 1000 / ms).toFixed(0)} MB/s`
  console.log(`curl to disk, then sha256sum        ${rate(best(curl))}`)
  console.log(`download, verified                  ${rate(download)}`)
  console.log(`ratio                               ${speed.toFixed(2)} (bound ${bounds.speed})`)
  console.log(`install, with a second hash         ${rate(best(library.map(({ applyMs }) => applyMs)))}`)
  console.log(
    `peak memory, library and command    ${peak.toFixed(0)} MB, ${commandMb.toFixed(0)} MB (bound ${bounds.megabytes})`,
  )
  report({
    what: `MB/s downloaded and verified, ${number(size / 1e6)} MB`,
    ours: `${number(size / 1000 / download)}, ${peak.toFixed(0)} MB of memory`,
    peer: { name: 'curl, then sha256sum', value: number(size / 1000 / best(curl)) },
    ...{ ratio: speed, atLeast: bounds.speed },
  })
  process.exitCode = speed >= bounds.speed && Math.max(peak, commandMb) < bounds.megabytes ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
