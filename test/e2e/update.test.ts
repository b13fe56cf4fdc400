/** The whole way, with real processes: samebits-log serves, samebits-build publishes, the packed samebits installs. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Loopback, serve } from '../../updater/test-support/loopback.ts'
import { type Ended, newProduct, type Product } from '../publish/kit.ts'
import { type LogProcess, startLog } from '../support/log-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

let product: Product
let web: Loopback
let home: string
let program: string
let webIsAway = false

/** A plain web server over the feed folder. */
async function serveFeed(): Promise<Loopback> {
  return await serve((request, response) => {
    if (webIsAway) return void response.writeHead(503).end()
    const path = decodeURIComponent(request.url ?? '').replace(/^\/feed\//, '')
    readFile(product.at(join('feed', path))).then(
      (bytes) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes),
      () => response.writeHead(404).end(),
    )
  })
}

/** What `npm pack` makes, unpacked. */
async function packedProgram(folder: string): Promise<string> {
  await run(process.execPath, [join(root, 'scripts/build-cli.mjs'), join(folder, 'dist')])
  return join(folder, 'dist', 'samebits.cjs')
}

async function samebits(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [status, signal] = await once(child, 'close')
  return { status, signal, stdout, stderr }
}

const update = (...more: string[]) => samebits('update', '--trust', product.at('trust.json'), '--into', 'app', ...more)
const installed = () => readFile(join(home, 'app', 'notes'), 'utf8')

async function publish(version: string, content: string): Promise<void> {
  const artifact = await product.artifact('notes', content)
  const { status, stderr } = await product.build('publish', artifact, '--version', version)
  if (status !== 0) throw new Error(`publish ${version}: ${stderr}`)
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'samebits-e2e-'))
  program = await packedProgram(home)
  web = await serveFeed()
  product = await newProduct({ initFlags: ['--feed-url', `${web.url}/feed/`] })
}, 60_000)
afterAll(async () => {
  await product?.remove()
  await web?.close()
  await rm(home, { recursive: true, force: true })
}, 60_000)

describe('a release, from its publisher to a user', () => {
  test('is published, verified, installed, followed by the next and rolled forward', async () => {
    await publish('1.0.0', 'notes one\n')
    const verified = await samebits('verify', product.at('dist/notes'), '--trust', product.at('trust.json'))
    expect(verified).toMatchObject({ status: 0, stdout: expect.stringContaining('VERIFIED') })
    expect(await update()).toMatchObject({ status: 0, stdout: expect.stringContaining('installed notes') })
    expect(await installed()).toBe('notes one\n')
    expect(await update()).toMatchObject({ status: 0, stdout: expect.stringContaining('nothing newer') })
    await publish('1.1.0', 'notes two\n')
    expect(await update('--json')).toMatchObject({ status: 0 })
    expect(await installed()).toBe('notes two\n')
  }, 120_000)

  test('is refused with other bytes', async () => {
    await writeFile(join(home, 'notes'), 'notes evil\n')
    const bundle = product.at('dist/notes.samebits.json')
    const refused = await samebits('verify', 'notes', '--bundle', bundle, '--trust', product.at('trust.json'))
    expect(refused).toMatchObject({ status: 10, stderr: expect.stringContaining('DIGEST_MISMATCH') })
  })

  test('is refused where it was never logged', async () => {
    await writeFile(join(home, 'unlogged'), 'notes three\n')
    const refused = await samebits('verify', 'unlogged', '--trust', product.at('trust.json'))
    expect(refused).toMatchObject({ status: 10, stderr: expect.stringContaining('PROOF_MISSING') })
  })

  test('exports proofs that say where they come from', async () => {
    expect((await samebits('proof', 'export', product.at('dist/notes.samebits.json'), '--out', 'proofs')).status).toBe(
      0,
    )
    expect((await samebits('inspect', 'proofs/1.tlog-proof')).stdout).toContain('example.com/log')
  })

  test('is undecided while log and feed are away, and nothing changes', async () => {
    webIsAway = true
    product.proxy.before = (_, response) => {
      response.writeHead(503).end()
      return true
    }
    const away = await update()
    product.proxy.before = () => false
    webIsAway = false
    expect(away).toMatchObject({ status: 20, stderr: expect.stringContaining('UNDECIDED TRANSPORT') })
    expect(await installed()).toBe('notes two\n')
  }, 60_000)
})

describe('a log whose operator runs a second one with the same keys', () => {
  test('is convicted of a fork, with evidence, and stays convicted', async () => {
    const data = join(home, 'second-data')
    const keys = ['--keys-dir', join(product.logFolder.path, 'keys')]
    const main = join(root, 'log-server/src/main.ts')
    const node = ['--conditions=samebits-source', main]
    await run(process.execPath, [...node, 'init', '--origin', 'example.com/log', ...keys, '--data-dir', data])
    const second: LogProcess = await startSecond(data)
    try {
      for (const entry of ['a', 'b', 'c'])
        await fetch(`${second.url}/add`, { method: 'POST', body: entry }).then((response) => response.text())
      product.proxy.target = second.url
      const forked = await update()
      expect(forked).toMatchObject({ status: 11, stderr: expect.stringContaining('REFUSED FORK') })
      const evidence = /evidence {2}(.*)\n/.exec(forked.stderr)?.[1] ?? ''
      expect((await stat(evidence)).size).toBeGreaterThan(100)
      expect((await samebits('inspect', evidence)).stdout).toMatch(/evidence: (?:fork|split)/)
    } finally {
      product.proxy.target = product.log.url
      await second.kill('SIGTERM')
    }
    expect((await update()).status).toBe(11)
    expect(await installed()).toBe('notes two\n')
  }, 120_000)

  async function startSecond(data: string): Promise<LogProcess> {
    const folder = { ...product.logFolder }
    return await startLog({ ...folder, path: folder.path }, [
      '--mode',
      'raw',
      '--data-dir',
      data,
      '--log-level',
      'error',
    ])
  }
})
