/** Whom clients believe, from one version to the next: proposed online, signed offline, published, followed. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { parseTrust, parseUpdateBundle, verifyOffline } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateKeyPair } from '../../build-repro/src/keygen.ts'
import { newProduct, type Product } from '../publish/kit.ts'
import { asksBuild } from '../support/build-here.ts'

const run = (product: Product, ...args: readonly string[]) => asksBuild(product.folder, ...args)

async function publishes(product: Product, version: string, ...flags: readonly string[]) {
  const file = await product.artifact(`notes-${version}.tgz`, version)
  return run(product, 'publish', file, '--version', version, ...flags)
}

/** What a client with this trust file makes of a bundle, offline and without memory. */
async function verifies(product: Product, trust: Uint8Array, bundle: string): Promise<string> {
  const result = verifyOffline({
    crypto: nodeCrypto,
    now: Math.floor(Date.now() / 1000),
    want: { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null, maxAge: null },
    trust,
    anchor: null,
    bundle: await readFile(product.at(bundle)),
    file: null,
  })
  return result.kind === 'verified'
    ? `${result.verdict.version} under ${result.state.trust.version}`
    : (result.refusal.code ?? '')
}

const digestOf = async (product: Product, path: string) =>
  parseTrust(nodeCrypto, await readFile(product.at(path))).sha256

/** The network is gone: whatever reaches the log fails the test. */
async function withoutNetwork<T>(product: Product, work: () => Promise<T>): Promise<T> {
  const asked: string[] = []
  product.proxy.before = ({ url }, response) => {
    asked.push(url ?? '')
    response.destroy()
    return true
  }
  try {
    return await work()
  } finally {
    product.proxy.before = () => false
    expect(asked).toEqual([])
  }
}

describe('a stolen publisher key, one authority', () => {
  let product: Product
  let first: Uint8Array
  beforeAll(async () => {
    product = await newProduct()
    await publishes(product, '1.0.0')
    first = await readFile(product.at('trust.json'))
  })
  afterAll(() => product.remove())

  it('what the thief published is found by its index, and revoked by the authority', async () => {
    const stolen = await publishes(product, '1.1.0')
    expect(stolen).toMatchObject({ status: 0, answer: { index: 1, fed: true } })
    const { status, answer } = await run(
      product,
      ...['revoke', '1.1.0', '--reason', 'not by us', '--severity', 'critical'],
      ...['--key', 'authority/authority.pem'],
    )
    expect({ status, answer }).toMatchObject({ status: 0, answer: { kind: 'revocation', met: true } })
    expect(await verifies(product, first, 'feed/stable.samebits.json')).toBe('1.0.0 under 1')
    expect(await verifies(product, first, 'dist/notes-1.1.0.tgz.samebits.json')).toBe('REVOKED')
  })

  it('a new version ends that key before the theft, adds another, and says what becomes of the releases', async () => {
    const { publicPem, privatePem } = generateKeyPair('ed25519')
    await writeFile(product.at('alice.pub.pem'), publicPem)
    await writeFile(product.at('alice.pem'), privatePem, { mode: 0o600 })
    const { status, answer } = await run(
      product,
      ...['trust', 'propose', '--until', 'publisher-1=1', '--add', 'publishers:alice=alice.pub.pem'],
    )
    expect({ status, answer }).toMatchObject({
      status: 0,
      answer: { version: 2, disowned: [{ version: '1.1.0', sequence: 2 }] },
    })
    const texts = (answer['changes'] as { text: string }[]).map(({ text }) => text)
    expect(texts).toEqual([
      expect.stringMatching(/^publishers: publisher-1 counts until entry 1, and not from there on$/),
      expect.stringMatching(/^publishers: alice is added, the ed25519 key [0-9a-f]{64}$/),
    ])
  })

  it('is signed without any network, by whoever read what changes', async () => {
    await withoutNetwork(product, async () => {
      const sign = ['trust', 'sign', 'trust-2.json', '--key', 'authority/authority.pem']
      expect(await run(product, ...sign)).toMatchObject({ status: 64, answer: { error: { code: 'USAGE' } } })
      const wrong = await run(product, ...sign, '--digest', 'ab'.repeat(32))
      expect(wrong).toMatchObject({ status: 10, answer: { error: { code: 'DIGEST_MISMATCH' } } })
      const thief = await run(
        product,
        ...['trust', 'sign', 'trust-2.json', '--key', 'keys/publisher.pem'],
        ...['--digest', await digestOf(product, 'trust-2.json')],
      )
      expect(thief).toMatchObject({ status: 10, answer: { error: { code: 'NOT_ADMITTED' } } })
      const signed = await run(product, ...sign, '--digest', await digestOf(product, 'trust-2.json'))
      expect(signed).toMatchObject({ status: 0, stderr: expect.stringContaining('counts until entry 1') })
    })
    expect((await readdir(product.folder)).filter((name) => name.endsWith('.entry.json'))).toHaveLength(1)
  })

  it('a file that was changed after it was signed is not published', async () => {
    const bytes = await readFile(product.at('trust-2.json'), 'utf8')
    await writeFile(product.at('trust-2.json'), `${bytes} `)
    const refused = await run(product, 'trust', 'publish', 'trust-2.json')
    expect(refused).toMatchObject({ status: 10, answer: { error: { code: 'ENTRY_INVALID' } } })
    await writeFile(product.at('trust-2.json'), bytes)
  })

  it('published it is in force here, and every client of before follows', async () => {
    const published = await run(product, 'trust', 'publish', 'trust-2.json')
    expect(published).toMatchObject({ status: 0, answer: { kind: 'in-force', version: 2 } })
    expect(await readFile(product.at('trust.json'))).toEqual(await readFile(product.at('trust-2.json')))
    expect(await readFile(product.at('trust-steps/1.json'))).toEqual(Buffer.from(first))
    const second = await readFile(product.at('trust.json'))
    for (const trust of [first, second])
      expect(await verifies(product, trust, 'feed/stable.samebits.json')).toBe('1.0.0 under 2')
    expect(parseUpdateBundle(await readFile(product.at('feed/v1/trust/example.com/notes/2'))).trust).toHaveLength(1)
  })

  it('run again it changes nothing; the stolen key is refused, and the new one goes on where the thief stood', async () => {
    expect(await run(product, 'trust', 'publish', 'trust-2.json')).toMatchObject({ status: 0 })
    const refused = await publishes(product, '1.2.0')
    expect(refused).toMatchObject({ status: 10, answer: { error: { code: 'LOG_REFUSED' } } })
    await run(product, 'publish', '--abandon', (await readdir(product.at('.samebits/publish'))).at(-1) ?? '')
    const next = await publishes(product, '1.2.1', '--key', 'alice.pem')
    expect(next).toMatchObject({ status: 0, answer: { sequence: 2, fed: true } })
    expect(await verifies(product, first, 'feed/stable.samebits.json')).toBe('1.2.1 under 2')
  })
})
