/**
 * `publish`, killed at every step and run again: published once, and at no moment is anything handed out that is not true.
 *
 * A step is whatever can be seen from outside: a file that appears or changes in the workspace, a request before the log gets
 * it, an answer before the client gets it. Each run is killed (SIGKILL) at another one.
 */
import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import {
  type BundleView,
  httpTileSource,
  openLoggedEntry,
  parseEntry,
  parseSignedCheckpoint,
  parseUpdateBundle,
  treeReader,
  verifyOffline,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newProduct, type Product, startBuild } from './kit.ts'

let product: Product
beforeAll(async () => {
  product = await newProduct()
})
afterAll(() => product.remove())

/** Runs publish and kills it at the first step that matches. @returns whether there was one before the end */
async function killAt(pattern: RegExp, args: readonly string[]): Promise<boolean> {
  let seen = false
  const run = startBuild(product.folder, args)
  const step = (what: string): boolean => {
    if (!seen && pattern.test(what)) {
      seen = true
      run.child.kill('SIGKILL')
    }
    return seen
  }
  const watcher: FSWatcher = watch(product.folder, { recursive: true }, (_, name) => void step(`file ${name}`))
  product.proxy.before = (request) => step(`request ${request.method} ${request.url}`)
  product.proxy.after = (request) => step(`answer ${request.method} ${request.url}`)
  try {
    await run.ended
    return seen
  } finally {
    watcher.close()
    product.proxy.before = () => false
    product.proxy.after = () => false
  }
}

/** What a client would meet at this moment: a feed is absent, or complete and accepted. */
async function checkFeed(): Promise<string | null> {
  const bundle = await readFile(product.at('feed/stable.samebits.json')).catch(() => null)
  if (bundle === null) return null
  const [view] = parseUpdateBundle(bundle).views
  const { statement, id } = releaseIn(view)
  const [artifact] = statement.artifacts
  const bytes = await readFile(product.at(`feed/${id}/${artifact?.name}`))
  const result = verifyOffline({
    crypto: nodeCrypto,
    now: Math.floor(Date.now() / 1000),
    want: { channel: 'stable', platform: 'linux-x64', artifact: artifact?.name ?? '', mediaType: null, maxAge: null },
    trust: await readFile(product.at('trust.json')),
    anchor: null,
    bundle,
    file: { size: bytes.length, sha256: Buffer.from(nodeCrypto.sha256(bytes)).toString('hex') },
  })
  expect(result.kind).toBe('verified')
  return statement.version
}

function releaseIn(view: BundleView | undefined) {
  const { size, root } = parseSignedCheckpoint(view?.checkpoint ?? '').checkpoint
  for (const logged of view?.entries ?? []) {
    const { statement, id } = openLoggedEntry(nodeCrypto, logged, { size, root })
    if (statement.kind === 'release') return { statement, id }
  }
  throw new Error('the bundle shows no release')
}

/** Every version that the log holds, in order, from its own tiles. */
async function loggedVersions(): Promise<string[]> {
  const source = httpTileSource({ prefix: product.log.url, fetch, allowHttpLoopback: true })
  const { size, root } = parseSignedCheckpoint(Buffer.from(await source.checkpoint()).toString()).checkpoint
  const versions: string[] = []
  for await (const { entry } of treeReader({ hasher: nodeCrypto, source, size, root }).readEntries(0, size)) {
    const { statement } = parseEntry(nodeCrypto, entry)
    if (statement.kind === 'release') versions.push(statement.version)
  }
  return versions
}

/** Anchors and stapled sizes are in sizes.json before anything that names them is handed out. */
async function checkSizes(): Promise<void> {
  const sizes = (await product.json('sizes.json')) as { anchors: { size: number }[] }
  const anchor = (await product.json('example.com_notes.anchor.json')) as { checkpoint: string }
  const shipped = parseSignedCheckpoint(anchor.checkpoint).checkpoint.size
  if (shipped > 0) expect(sizes.anchors.map(({ size }) => size)).toContain(shipped)
}

const steps: Readonly<Record<string, RegExp>> = {
  'before it asks for the checkpoint': /^request GET \/checkpoint/,
  'while it keeps the signed bytes': /^file \.samebits\/publish\/\.[0-9a-f]+\.tmp/,
  'once they are kept': /^file \.samebits\/publish\/[0-9a-f]{64}$/,
  'before the entry reaches the log': /^request POST \/add/,
  'after the log has the entry': /^answer POST \/add/,
  'before it hears of the sizes': /^answer GET \/v1\/sizes/,
  'while it writes sizes.json': /^file \.sizes\.json/,
  'with sizes.json': /^file sizes\.json/,
  'while it writes the bundle': /^file dist\/\..*\.samebits\.json/,
  'with the bundle': /^file dist\/notes.*\.samebits\.json/,
  'while it copies into the feed': /^file feed\/[0-9a-f]{64}\/\./,
  'while it moves the feed': /^file feed\/\.stable\.samebits\.json/,
  'with the feed': /^file feed\/stable\.samebits\.json/,
  'with the anchor': /^file example\.com_notes\.anchor\.json/,
  'at its end': /^file \.samebits\/publish\/[0-9a-f]{64}\/published\.json/,
}
const versions = ['1.0.0']
/** `npm test` kills three times, vitest's mode `crash` a hundred. */
const randomKills = process.env['MODE'] === 'crash' ? 100 : 3

it('has a first release', async () => {
  const file = await product.artifact('notes-1.0.0.tgz', '1.0.0')
  expect((await product.build('publish', file, '--version', '1.0.0')).status).toBe(0)
})

/** One version, killed at the step, checked, run again, checked. @returns whether the step was seen before the end */
async function publishKilledAt(pattern: RegExp): Promise<boolean> {
  const version = `1.0.${versions.length}`
  const file = await product.artifact(`notes-${version}.tgz`, version)
  const args = ['publish', file, '--version', version]
  const seen = await killAt(pattern, args)
  expect([versions.at(-1), version]).toContain(await checkFeed())
  await checkSizes()
  const { status, stderr } = await product.build(...args)
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  versions.push(version)
  expect(await checkFeed()).toBe(version)
  await checkSizes()
  return seen
}

/** Some steps last less than a millisecond, and a watcher of folders may miss them: then with the next version. */
const attempts = 8

it.each(Object.entries(steps))('killed %s and run again, it goes on', async (_, pattern) => {
  let seen = false
  for (let attempt = 0; attempt < attempts && !seen; attempt++) seen = await publishKilledAt(pattern)
  expect(seen).toBe(true)
})

it(`killed ${randomKills} times at random moments and run again, it goes on`, async () => {
  for (let count = 0; count < randomKills; count++) {
    const version = `1.0.${versions.length}`
    const file = await product.artifact(`notes-${version}.tgz`, version)
    const args = ['publish', file, '--version', version]
    const run = startBuild(product.folder, args)
    const afterMs = Math.floor(Math.random() * 1500)
    const timer = setTimeout(() => run.child.kill('SIGKILL'), afterMs)
    await run.ended
    clearTimeout(timer)
    expect([versions.at(-1), version]).toContain(await checkFeed())
    const { status, stderr } = await product.build(...args)
    expect({ afterMs, status, stderr: status === 0 ? '' : stderr }).toEqual({ afterMs, status: 0, stderr: '' })
    versions.push(version)
  }
  const left = await readdir(product.at('feed'), { recursive: true })
  expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([])
}, 600_000)

it('and every version was logged once, in order', async () => {
  expect(await loggedVersions()).toEqual(versions)
})
