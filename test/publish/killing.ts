/**
 * Killing a publisher at a step, and what must be true at that moment.
 *
 * A step is whatever can be seen from outside: a file that appears or changes in the workspace, a request before the log gets
 * it, an answer before the client gets it.
 */
import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
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
import { expect } from 'vitest'
import type { BuildRun, Product } from './kit.ts'

/** Some steps last less than a millisecond, and a watcher of folders may miss them: then with the next version. */
export const attempts = 8

/** Starts a run and kills it (SIGKILL) at the first step that matches. @returns whether there was one before the end */
export async function killAt(product: Product, pattern: RegExp, start: () => BuildRun): Promise<boolean> {
  let seen = false
  const run = start()
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

/** What a client would meet at this moment: a feed is absent, or complete and accepted. @returns the version that it shows */
export async function fedVersion(product: Product): Promise<string | null> {
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
export async function loggedVersions(product: Product): Promise<string[]> {
  const source = httpTileSource({ prefix: product.log.url, fetch, allowHttpLoopback: true })
  const { size, root } = parseSignedCheckpoint(Buffer.from(await source.checkpoint()).toString()).checkpoint
  const versions: string[] = []
  for await (const { entry } of treeReader({ hasher: nodeCrypto, source, size, root }).readEntries(0, size)) {
    const { statement } = parseEntry(nodeCrypto, entry)
    if (statement.kind === 'release') versions.push(statement.version)
  }
  return versions
}
