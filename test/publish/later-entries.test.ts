/** What the log gains after a release: trust steps, revocations, waivers. They travel with the next staple. */
import { readFile, writeFile } from 'node:fs/promises'
import {
  formatStatement,
  openLoggedEntry,
  parseSignedCheckpoint,
  parseTrust,
  parseUpdateBundle,
  type Statement,
  verifyOffline,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateKeyPair, readStatementKey } from '../../build-repro/src/keygen.ts'
import { openLog } from '../../build-repro/src/log-access.ts'
import { signStatement } from '../../build-repro/src/signing.ts'
import { submitEntry } from '../../build-repro/src/submit.ts'
import { newProduct, type Product } from './kit.ts'

const machine = {
  fetch,
  now: () => Math.floor(Date.now() / 1000),
  elapsedMs: () => performance.now(),
  random: Math.random,
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  say: () => undefined,
}

/** Logs a statement by the authority's key, with the bodies that the log asks for. */
async function logByAuthority(
  product: Product,
  statement: Statement,
  bodies: ReadonlyMap<string, Uint8Array> = new Map(),
) {
  const { policy } = parseTrust(nodeCrypto, await readFile(product.at('trust.json')))
  const log = openLog({ machine, policy, signal: new AbortController().signal })
  const key = await readStatementKey(product.at('authority/authority.pem'))
  return submitEntry(log, await signStatement(formatStatement(statement), key), bodies)
}

async function verifyWith(product: Product, trust: Uint8Array, bundlePath: string) {
  return verifyOffline({
    crypto: nodeCrypto,
    now: machine.now(),
    want: { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null, maxAge: null },
    trust,
    anchor: null,
    bundle: await readFile(product.at(bundlePath)),
    file: null,
  })
}

async function kindsIn(product: Product, bundlePath: string): Promise<readonly string[]> {
  const view = parseUpdateBundle(await readFile(product.at(bundlePath))).views.at(-1) // before it, views of trust steps
  const { checkpoint } = parseSignedCheckpoint(view?.checkpoint ?? '')
  return (view?.entries ?? []).map((entry) => openLoggedEntry(nodeCrypto, entry, checkpoint).statement.kind)
}

async function publishes(product: Product, version: string, ...flags: readonly string[]) {
  const file = await product.artifact(`notes-${version}.tgz`, version)
  const { status, stdout } = await product.build('publish', file, '--version', version, '--json', ...flags)
  return { status, answer: JSON.parse(stdout) as Readonly<Record<string, unknown>> & { readonly id: string } }
}

describe('a new trust version, and a revocation', () => {
  let product: Product
  let first: Uint8Array
  let second: Uint8Array
  let revoked = ''
  beforeAll(async () => {
    product = await newProduct()
    await publishes(product, '1.0.0')
    first = await readFile(product.at('trust.json'))
    second = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(first).toString()), version: 2, channels: ['stable', 'beta'] }),
    )
  })
  afterAll(() => product.remove())

  it('is not used before it is logged', async () => {
    await writeFile(product.at('trust.json'), second)
    expect(await publishes(product, '1.1.0')).toMatchObject({
      status: 10,
      answer: { error: { code: 'TRUST_INVALID', detail: expect.stringContaining('not in the log yet') } },
    })
  })

  it('once logged, its body uploaded on demand, the old one is not used any more', async () => {
    await writeFile(product.at('trust.json'), first)
    const { sha256, size } = parseTrust(nodeCrypto, second)
    const step: Statement = { kind: 'trust', product: product.name, version: 2, sha256, size }
    expect(await logByAuthority(product, step, new Map([[sha256, second]]))).toEqual({ kind: 'logged', index: 1 })
    expect(await publishes(product, '1.1.0')).toMatchObject({
      status: 10,
      answer: { error: { code: 'TRUST_INVALID', detail: expect.stringContaining('version 2') } },
    })
  })

  it('travels with the next release: a client with the old file follows', async () => {
    await writeFile(product.at('trust.json'), second)
    const { status, answer } = await publishes(product, '1.1.0')
    expect({ status, answer }).toMatchObject({ status: 0, answer: { index: 2, fed: true } })
    revoked = answer.id
    expect(await kindsIn(product, 'feed/stable.samebits.json')).toEqual(['trust', 'release'])
    expect(
      parseUpdateBundle(await readFile(product.at('feed/stable.samebits.json'))).trust.map((body) => Buffer.from(body)),
    ).toEqual([second])
    for (const trust of [first, second])
      expect((await verifyWith(product, trust, 'feed/stable.samebits.json')).kind).toBe('verified')
  })

  it('a revoked release leaves the feed with the next staple', async () => {
    const statement: Statement = {
      kind: 'revocation',
      product: product.name,
      ids: [revoked],
      reason: 'it eats notes',
      severity: 'high',
    }
    await logByAuthority(product, statement)
    const { stdout } = await product.build('staple', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      channels: [{ channel: 'stable', fed: { version: '1.0.0' } }, { fed: null }],
    })
    expect(await kindsIn(product, 'feed/stable.samebits.json')).toEqual(['release', 'trust', 'revocation'])
    const refused = await verifyWith(product, second, 'dist/notes-1.1.0.tgz.samebits.json')
    expect(refused).toMatchObject({ kind: 'stopped', refusal: { code: 'REVOKED' } })
  })

  it('and the next release takes its place', async () => {
    const { answer } = await publishes(product, '1.2.0')
    expect(answer).toMatchObject({ sequence: 3, fed: true })
  })
})

describe('a release that waits for rebuilders', () => {
  let product: Product
  beforeAll(async () => {
    product = await newProduct({
      async prepare(folder) {
        const path = `${folder}/trust.json`
        const trust = JSON.parse(await readFile(path, 'utf8'))
        const members = [{ id: 'rebuilder-1', publicKey: generateKeyPair('ed25519').publicPem }]
        await writeFile(path, JSON.stringify({ ...trust, rebuilders: { threshold: 1, members, onMismatch: 'refuse' } }))
      },
    })
  })
  afterAll(() => product.remove())
  let id = ''

  it('has its bundle at once, and is not in the feed', async () => {
    const { status, answer } = await publishes(product, '1.0.0')
    expect({ status, answer }).toMatchObject({
      status: 0,
      answer: { fed: false, waiting: expect.stringMatching(/^REBUILD_QUORUM/) },
    })
    id = answer.id
    await expect(readFile(product.at('feed/stable.samebits.json'))).rejects.toThrow('ENOENT')
    const refused = await verifyWith(
      product,
      await readFile(product.at('trust.json')),
      'dist/notes-1.0.0.tgz.samebits.json',
    )
    expect(refused).toMatchObject({ refusal: { code: 'REBUILD_QUORUM' } })
  })

  it('is fed by staple once the authority waives the rebuilders', async () => {
    expect(JSON.parse((await product.build('staple', '--json')).stdout)).toMatchObject({ channels: [{ fed: null }] })
    await logByAuthority(product, { kind: 'waiver', product: product.name, id, reason: 'a hotfix' })
    const { stdout } = await product.build('staple', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ channels: [{ fed: { version: '1.0.0' } }] })
    expect(await kindsIn(product, 'feed/stable.samebits.json')).toEqual(['release', 'waiver'])
    const trust = await readFile(product.at('trust.json'))
    expect((await verifyWith(product, trust, 'feed/stable.samebits.json')).kind).toBe('verified')
  })

  it('is fed at once by --feed-now', async () => {
    const { answer } = await publishes(product, '1.1.0', '--feed-now')
    expect(answer).toMatchObject({ sequence: 2, fed: true, waiting: null })
  })
})
