/** The main rows once more with nothing made up: `samebits-log` serves, `samebits-build` publishes, a proxy lies in between. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeCrypto } from '@samebits/core/node'
import { createUpdater } from '@samebits/updater'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Loopback, serve } from '../../updater/test-support/loopback.ts'
import { type Hook, newProduct, type Product } from '../publish/kit.ts'
import { expectUntouched, lookAround } from './expectations.ts'
import { outcomeOf, packProgram, readEnd, run } from './programs.ts'

let home: string
let program: string
let web: Loopback
let product: Product
/** The feed as it was when the first release was the newest. */
let oldFeed: string
let feedFolder: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'samebits-real-'))
  program = await packProgram(join(home, 'dist'))
  web = await serve((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1)
    readFile(join(feedFolder, path)).then(
      (bytes) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  product = await newProduct({ initFlags: ['--feed-url', `${web.url}/`] })
  feedFolder = product.at('feed')
  await publish('1.0.0', 'notes one\n')
  oldFeed = join(home, 'old-feed')
  await cp(feedFolder, oldFeed, { recursive: true })
  expect((await update('app')).result).toBe('installed')
  await publish('1.1.0', 'notes two\n')
}, 120_000)
afterAll(async () => {
  await product?.remove()
  await web?.close()
  await rm(home, { recursive: true, force: true })
})

async function publish(version: string, content: string): Promise<void> {
  const artifact = await product.artifact('notes', content)
  const { status, stderr } = await product.build('publish', artifact, '--version', version)
  if (status !== 0) throw new Error(`publish ${version}: ${stderr}`)
}

async function update(into: string) {
  return readEnd(await run([program, 'update', '--trust', product.at('trust.json'), '--into', into], home))
}

async function updateByLibrary(into: string) {
  const anchor = (await readdir(product.folder)).find((name) => name.endsWith('.anchor.json')) ?? ''
  const installDir = join(home, into)
  const updater = createUpdater({
    trust: await readFile(product.at('trust.json')),
    anchor: await readFile(product.at(anchor)),
    stateDir: join(installDir, '.samebits', 'state'),
    installDir,
    channel: 'stable',
    platform: `${process.platform}-${process.arch}`,
    fetch,
    clock: () => Math.floor(Date.now() / 1000),
    stopwatch: () => performance.now(),
    random: Math.random,
    os: process.platform,
    uid: process.getuid?.(),
    crypto: nodeCrypto,
    retry: { attempts: 2, baseDelayMs: 1, maxDelayMs: 2 },
  })
  const found = await updater.check()
  if (found.kind !== 'accepted') return outcomeOf(found)
  const fetched = await updater.download()
  return outcomeOf(fetched.kind === 'stopped' ? fetched : await updater.apply())
}

/** Files of the feed that hold the second release's bytes. */
async function newestArtifact(): Promise<string> {
  for (const entry of await readdir(feedFolder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && (await readFile(path, 'utf8')) === 'notes two\n') return path
  }
  throw new Error('the feed does not hold the second release')
}

/** The log's answers to these paths replaced. */
const lying = (matches: RegExp, status: number, body = ''): (() => void) => {
  const hook: Hook = ({ url }, response) => {
    if (!matches.test(url ?? '')) return false
    response.writeHead(status).end(body)
    return true
  }
  product.proxy.before = hook
  return () => {
    product.proxy.before = () => false
  }
}

async function altered(change: (bytes: string) => string): Promise<() => Promise<void>> {
  const path = await newestArtifact()
  const bytes = await readFile(path, 'utf8')
  await writeFile(path, change(bytes))
  return () => writeFile(path, bytes)
}

function feedFrom(folder: string): () => void {
  const before = feedFolder
  feedFolder = folder
  return () => {
    feedFolder = before
  }
}

type Undo = () => void | Promise<void>
const rows: readonly (readonly [title: string, result: string, exit: number, attack: () => Undo | Promise<Undo>])[] = [
  ['an altered byte in the artifact', 'DIGEST_MISMATCH', 10, () => altered((text) => text.replace('two', 'TWO'))],
  ['a byte more in the artifact', 'SIZE_EXCEEDED', 10, () => altered((text) => `${text}!`)],
  ['a feed that offers the release before', 'DOWNGRADE', 10, () => feedFrom(oldFeed)],
  ['a feed that is empty', 'TRANSPORT', 20, () => feedFrom(join(home, 'nothing'))],
  ['entry bundles withheld by the log', 'HISTORY_INCOMPLETE', 20, () => lying(/\/tile\/entries\//, 404)],
  ['entry bundles of another tree', 'HISTORY_INCOMPLETE', 20, () => lying(/\/tile\/entries\//, 200, '\0\u0001x')],
  ['nothing at all', 'installed', 0, () => () => undefined],
]

test.each(rows)(
  '%s: %s, %i',
  async (_, result, exit, attack) => {
    for (const [way, by] of [
      ['library', updateByLibrary],
      ['cli', update],
    ] as const) {
      const copy = await mkdtemp(join(home, `${way}-`))
      await cp(join(home, 'app'), join(copy, 'app'), { recursive: true })
      const before = await lookAround(copy)
      const undo = await attack()
      const outcome = await by(join(copy.slice(home.length + 1), 'app'))
      await undo()
      expect([way, outcome.result, outcome.exit], outcome.said).toEqual([way, result, exit])
      const after = await lookAround(copy)
      if (result !== 'installed') expectUntouched(before, after)
      else expect(after.files['notes']).toBe('notes two\n')
    }
  },
  60_000,
)
