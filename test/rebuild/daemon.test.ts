/**
 * The rebuilder as a daemon, in a real process against a real log: killed at every step and started again, it votes once on every
 * release; what fails for its own reasons is no vote. Without a container here (unboxed.ts), so that it runs everywhere, and
 * at one step; vitest's mode `rebuild` has it in containers, at every step, and fifty times at random.
 */
import { watch } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { httpTileSource, parseEntry, parseSignedCheckpoint, treeReader } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asksBuild } from '../support/build-here.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { allEngines, type BuiltProduct, newBuiltProduct } from './kit.ts'
import { publishUnboxed } from './publish-unboxed.ts'

const long = process.env['MODE'] === 'rebuild'
const boxed = long && (await allEngines()).length > 0

let product: BuiltProduct
let daemon: Daemon
const folder = () => product.rebuilders[0]?.folder ?? ''
beforeAll(async () => {
  product = await newBuiltProduct({
    // Without a container a step sees where it runs: `fail` makes it fail at the rebuilder's alone.
    run: ['[ ! -e fail ] || case $PWD in */state/scratch/*) exit 3;; esac', 'mkdir -p out', 'cp app.txt out/app'],
    threshold: 1,
    rebuilders: [{ everySeconds: 1 }],
    ...(boxed ? {} : { unboxed: true }),
  })
  daemon = await startDaemon(folder(), boxed)
})
afterAll(async () => {
  await daemon.end('SIGKILL')
  await product.remove()
})

/** Every rebuild that the log holds: of which version, and what it says. */
async function loggedVotes(): Promise<string[]> {
  const source = httpTileSource({ prefix: product.log.url, fetch, allowHttpLoopback: true })
  const { size, root } = parseSignedCheckpoint(Buffer.from(await source.checkpoint()).toString()).checkpoint
  const versions = new Map<string, string>()
  const votes: string[] = []
  for await (const { entry } of treeReader({ hasher: nodeCrypto, source, size, root }).readEntries(0, size)) {
    const { statement, id } = parseEntry(nodeCrypto, entry)
    if (statement.kind === 'release') versions.set(id, statement.version)
    if (statement.kind === 'rebuild') votes.push(versions.get(statement.release ?? '') ?? 'unknown')
  }
  return votes
}

const published: string[] = []

/** Publishes one more version. @returns it */
async function publishNext(): Promise<string> {
  const version = `1.0.${published.length}`
  await writeFile(product.at('app.txt'), `${version}\n`)
  await product.commit(version)
  if (boxed) expect(await product.publishBuild(version)).toMatchObject({ status: 0 })
  else await publishUnboxed(product.folder, version)
  published.push(version)
  return version
}

/** Kills the daemon at the first step that matches, once a new version is out; starts it again. @returns whether there was one */
async function killedAt(pattern: RegExp): Promise<boolean> {
  const counts = new Map<string, number>()
  let seen = false
  const killed = daemon
  const step = (what: string): boolean => {
    const count = (counts.get(what) ?? 0) + 1
    counts.set(what, count)
    if (!seen && pattern.test(`${what} #${count}`)) {
      seen = true
      killed.child.kill('SIGKILL')
    }
    return seen
  }
  const version = await publishNext()
  const watcher = watch(join(folder(), 'state'), { recursive: true }, (_, name) => void step(`file ${name}`))
  product.proxy.before = (request) => step(`request ${request.method} ${request.url}`)
  product.proxy.after = (request) => step(`answer ${request.method} ${request.url}`)
  try {
    await Promise.race([killed.ended, killed.until(version, 'positive').catch(() => undefined)])
  } finally {
    watcher.close()
    product.proxy.before = () => false
    product.proxy.after = () => false
  }
  if (seen) daemon = await startDaemon(folder(), boxed)
  await daemon.until(version, 'positive')
  return seen
}

const steps: Readonly<Record<string, RegExp>> = {
  'after the log has the vote': /^answer POST \/add #2/,
  ...(long
    ? {
        'while it builds': /^file scratch\/.*\/build-[^/]+\//,
        'once the signed vote is kept': /^file votes\/[0-9a-f]{64} /,
        'while it fetches the source': /^file sources\//,
        'with the archive of the source': /^file builds\/.*source\.tar/,
        'with the outputs of the build': /^file builds\/.*\/outputs\/app/,
        'while it keeps the signed vote': /^file votes\/\.[0-9a-f]+\.tmp/,
        'before it sends the vote': /^request POST \/add #1/,
        'before it sends the list of dependencies': /^request PUT \/v1\/blob/,
        'before it sends the vote again': /^request POST \/add #2/,
        'at its end': /^file votes\/[0-9a-f]{64}\/\.?logged\.json/,
      }
    : {}),
}

/** Some steps last less than a millisecond, and a watcher of folders may miss them: then with the next version. */
const attempts = 8

describe('a rebuilder', () => {
  it.each(Object.entries(steps))('killed %s and started again, goes on', async (_, pattern) => {
    let seen = false
    for (let attempt = 0; attempt < attempts && !seen; attempt++) seen = await killedAt(pattern)
    expect(seen).toBe(true)
  })

  it.runIf(long)(
    'killed fifty times at random moments, goes on',
    async () => {
      for (let count = 0; count < 50; count++) {
        const version = await publishNext()
        await setTimeout(Math.random() * 2500)
        await daemon.end('SIGKILL')
        daemon = await startDaemon(folder(), boxed)
        await daemon.until(version, 'positive')
      }
    },
    3_600_000,
  )

  it('has voted once on every release', async () => {
    expect(await loggedVotes()).toEqual(published)
  })

  it.runIf(!boxed)('reports a build that fails, and does not vote', async () => {
    await writeFile(product.at('fail'), '')
    const version = await publishNext()
    await rm(product.at('fail'))
    const { trouble } = await daemon.until(version, 'unbuildable')
    expect(trouble).toMatchObject({ whose: 'theirs', code: 'BUILD_FAILED' })
    expect(await loggedVotes()).not.toContain(version)
  })

  it('does not vote while it cannot fetch the source, and says so', async () => {
    const config = join(folder(), 'samebits.rebuilder.json')
    const before = await readFile(config, 'utf8')
    await daemon.end('SIGTERM')
    await writeFile(config, JSON.stringify({ ...JSON.parse(before), protocols: ['https'] }))
    daemon = await startDaemon(folder(), boxed)
    // The one release is in the cache of sources already: another one has to be fetched.
    const version = await publishNext()
    const { trouble } = await daemon.until(version, 'retrying')
    expect(trouble).toMatchObject({ whose: 'ours', code: 'SOURCE_UNAVAILABLE' })
    const metrics = await (await fetch(`${daemon.url}metrics`)).text()
    expect(metrics).toMatch(/samebits_rebuilder_failures_total\{.*code="SOURCE_UNAVAILABLE"\} 1/)
    expect(await loggedVotes()).not.toContain(version)
    await writeFile(config, before)
  })

  it('follows the trust file that the log holds', async () => {
    const run = (...args: readonly string[]) => asksBuild(product.folder, 'trust', ...args)
    expect(await run('propose', '--threshold', 'rebuilders=0')).toMatchObject({ status: 0 })
    const digest = nodeCrypto.sha256(await readFile(product.at('trust-2.json')))
    const sign = ['sign', 'trust-2.json', '--key', 'authority/authority.pem', '--digest']
    expect(await run(...sign, Buffer.from(digest).toString('hex'))).toMatchObject({ status: 0 })
    expect(await run('publish', 'trust-2.json')).toMatchObject({ status: 0 })
    await daemon.end('SIGTERM')
    daemon = await startDaemon(folder(), boxed)
    await daemon.until(await publishNext(), 'positive')
    const followed = await readFile(join(folder(), 'state/products/example.com_notes/trust.json'))
    expect(followed).toEqual(await readFile(product.at('trust-2.json')))
  })

  it('told to stop, stops, and another one cannot work beside it', async () => {
    await expect(startDaemon(folder(), boxed)).rejects.toThrow('BUSY')
    expect(await daemon.end('SIGTERM')).toBe(0)
  })
})

describe('what is built without a container', () => {
  const source = ['--engine', 'host', '--source', 'https://example.com/x']
  it.each<[string, () => readonly string[]]>([
    ['published with --build', () => ['publish', '--build', '--version', '9.0.0', ...source]],
    ['attested', () => ['attest', ...source]],
    [
      'voted on',
      () => ['rebuild', '--config', join(folder(), 'samebits.rebuilder.json'), '--once', '1.0.0', '--engine', 'host'],
    ],
  ])('is never %s', async (_, args) => {
    const { status, answer } = await asksBuild(product.folder, ...args())
    expect({ status, code: answer.error?.code }).toEqual({ status: 10, code: 'NOT_ATTESTABLE' })
    expect(answer.error?.detail).toContain('NO_CONTAINER')
  })
})
