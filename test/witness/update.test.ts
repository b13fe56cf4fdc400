/** Witnessed all the way: one policy for log and product, a release, and a client that counts the witnesses itself. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseUpdateBundle } from '@samebits/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Loopback, serve } from '../../updater/test-support/loopback.ts'
import { build, type Ended } from '../publish/kit.ts'
import { createLogFolder, type LogFolder, type LogProcess, startLog } from '../support/log-process.ts'
import { newWitness, type WitnessProcess } from '../support/witness-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

let home: string
let folder: LogFolder
let log: LogProcess
let witnesses: WitnessProcess[]
let web: Loopback
let flags: string[]

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'samebits-witnessed-'))
  await promisify(execFile)(process.execPath, [join(root, 'scripts/build-cli.mjs'), join(home, 'cli')])
  folder = await createLogFolder('example.com/witnessed')
  const names = ['witness.example/w1', 'witness.example/w2', 'witness.example/w3']
  witnesses = await Promise.all(names.map((name) => newWitness(name, folder.vkeys)))
  web = await serve((request, response) => {
    readFile(join(home, 'feed', decodeURIComponent(request.url ?? ''))).then(
      (bytes) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  const policy = join(folder.path, 'policy')
  await writeFile(policy, policyText(''))
  flags = ['--log-level', 'error', '--policy', policy]
  flags.push('--witness-timeout-ms', '1500', '--witness-min-interval-ms', '50')
  // `samebits-build init` makes the admission file, and wants to see the log before.
  log = await startLog(folder, [...flags, '--mode', 'raw'])
  flags.push('--mode', 'product', '--admission-file', join(home, 'admission.json'), '--port', String(log.port))
  await writeFile(join(home, 'policy'), policyText(log.url))
}, 120_000)
afterAll(async () => {
  await log?.kill('SIGKILL')
  await Promise.all((witnesses ?? []).map((witness) => witness.remove()))
  await web?.close()
  await folder?.remove()
  await rm(home, { recursive: true, force: true })
}, 60_000)

function policyText(logUrl: string): string {
  const lines = witnesses.map(({ vkeys, url }, at) => `witness w${at + 1} ${vkeys[1]} ${url}\n`)
  return `log ${folder.vkeys[1]} ${logUrl}\n${lines.join('')}group two 2 w1 w2 w3\nquorum two\n`
}

async function builds(...args: string[]): Promise<void> {
  const { status, stderr } = await build(home, ...args)
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
}

async function publish(version: string, content: string): Promise<Ended> {
  await mkdir(join(home, 'dist'), { recursive: true })
  await writeFile(join(home, 'dist/notes'), content)
  return build(home, 'publish', 'dist/notes', '--version', version)
}

const update = (into: string) => samebits('update', '--into', into)

async function samebits(command: string, ...more: string[]): Promise<Ended> {
  const args = [join(home, 'cli/samebits.cjs'), command, '--trust', join(home, 'trust.json'), ...more]
  const child = spawn(process.execPath, args, {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
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

test('a release is published and installed under two of three witnesses', async () => {
  await builds('init', '--product', 'example.com/notes', '--policy', 'policy', '--feed-url', `${web.url}/`)
  await log.kill('SIGTERM')
  log = await startLog(folder, flags)
  await witnesses[2]?.kill()
  expect(await publish('1.0.0', 'one\n')).toMatchObject({ status: 0 })
  const [view] = parseUpdateBundle(await readFile(join(home, 'dist/notes.samebits.json'))).views
  expect(view?.checkpoint.match(/^— witness\.example\/w[12] /gm)).toHaveLength(2)
  expect(await update('app')).toMatchObject({ status: 0, stdout: expect.stringContaining('installed notes') })
  expect(await readFile(join(home, 'app/notes'), 'utf8')).toBe('one\n')
}, 120_000)

test('a bundle with a cosignature too few is refused', async () => {
  const bundle = JSON.parse(await readFile(join(home, 'dist/notes.samebits.json'), 'utf8')) as {
    views: { checkpoint: string }[]
  }
  const path = join(home, 'thin.samebits.json')
  const thin = (checkpoint: string) => checkpoint.replace(/^— witness\.example\/w1 .*\n/m, '')
  const views = bundle.views.map((view) => ({ ...view, checkpoint: thin(view.checkpoint) }))
  await writeFile(path, JSON.stringify({ ...bundle, views }))
  const refused = await samebits('verify', join(home, 'dist/notes'), '--bundle', path)
  expect(refused).toMatchObject({ status: 10, stderr: expect.stringContaining('WITNESS_QUORUM') })
})

test('below the quorum a client takes nothing new, whatever the log publishes; with it, it goes on', async () => {
  await log.kill('SIGTERM')
  log = await startLog(folder, [...flags, '--witness-fail-open', '--resign-seconds', '1'])
  await witnesses[1]?.kill()
  const published = publish('1.1.0', 'two\n')
  const checkpoint = async () => (await fetch(`${log.url}/checkpoint`)).text()
  await expect.poll(checkpoint, { timeout: 20_000 }).toMatch(/^[^\n]+\n2\n/)
  expect((await checkpoint()).match(/^— witness\.example/gm)).toHaveLength(1)
  const dropped = expect.stringContaining('WITNESS_QUORUM, cosigned by witness.example/w1, 1 of 3 listed')
  expect(await update('app')).toMatchObject({ stdout: expect.stringContaining('nothing newer'), stderr: dropped })
  expect(await readFile(join(home, 'app/notes'), 'utf8')).toBe('one\n')
  await witnesses[1]?.start()
  expect(await published).toMatchObject({ status: 0 })
  expect(await update('app')).toMatchObject({ status: 0 })
  expect(await readFile(join(home, 'app/notes'), 'utf8')).toBe('two\n')
}, 120_000)
