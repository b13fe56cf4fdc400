/** A publisher without a key: certified for the moment, stamped, logged, and verified offline by what the trust file pins. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { verifyOffline } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { sigstoreIdentities } from '@samebits/identity'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newProduct, type Product } from '../publish/kit.ts'
import { asksBuild } from '../support/build-here.ts'
import { type Authorities, openAuthorities } from '../support/sigstore-authorities.ts'

const issuer = 'https://issuer.example'
const san = 'https://ci.example/release'

describe('a publisher that is an identity', () => {
  let authorities: Authorities
  let others: Authorities
  let product: Product
  beforeAll(async () => {
    authorities = await openAuthorities()
    others = await openAuthorities()
    product = await newProduct({
      async prepare(folder) {
        const path = join(folder, 'trust.json')
        const trust = JSON.parse(await readFile(path, 'utf8'))
        // One member by two credentials: together they count once.
        trust.publishers.members[0].operator = 'we'
        trust.publishers.members.push({ id: 'ci', operator: 'we', identity: { issuer, san } })
        await writeFile(path, JSON.stringify({ ...trust, trustedRoot: authorities.trustedRoot }))
      },
    })
  })
  afterAll(async () => {
    await product?.remove()
    await Promise.all([authorities, others].map((each) => each?.close()))
  })

  async function publishes(
    version: string,
    { fulcioUrl, tsaUrl, token }: Authorities,
    who: readonly [string, string] = [issuer, san],
    more: readonly string[] = [],
  ) {
    await writeFile(product.at('token'), token(...who))
    const file = await product.artifact(`notes-${version}.tgz`, version)
    const urls = ['--fulcio-url', fulcioUrl, '--tsa-url', tsaUrl, '--oidc-token-file', 'token']
    return asksBuild(product.folder, 'publish', file, '--version', version, '--keyless', ...urls, ...more)
  }

  async function verifies(bundle: string, trust: Uint8Array, identities = true): Promise<string> {
    const result = verifyOffline({
      crypto: nodeCrypto,
      identities: identities ? sigstoreIdentities() : undefined,
      now: Math.floor(Date.now() / 1000),
      want: { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null, maxAge: null },
      trust,
      anchor: null,
      bundle: await readFile(product.at(bundle)),
      file: null,
    })
    return result.kind === 'verified' ? result.verdict.version : (result.refusal.code ?? '')
  }

  it('signs, is admitted, and its release installs by the pinned root alone', async () => {
    expect(await publishes('1.0.0', authorities)).toMatchObject({ status: 0, answer: { index: 0, fed: true } })
    const trust = await readFile(product.at('trust.json'))
    const bundle = 'feed/stable.samebits.json'
    expect(await verifies(bundle, trust)).toBe('1.0.0')
    expect(await verifies(bundle, trust, false)).toBe('SIGNATURE_INVALID')
    const pinned = { ...JSON.parse(trust.toString()), trustedRoot: others.trustedRoot }
    expect(await verifies(bundle, Buffer.from(JSON.stringify(pinned)))).toBe('SIGNATURE_INVALID')
    const named = JSON.parse(trust.toString())
    named.publishers.members[1].identity.san = 'https://ci.example/releases'
    expect(await verifies(bundle, Buffer.from(JSON.stringify(named)))).toBe('SIGNATURE_INVALID')
  })

  it.each<[string, () => Promise<{ status: number | null; answer: { error?: { code: string } } }>, string]>([
    [
      'another subject',
      () => publishes('1.1.0', authorities, [issuer, 'https://ci.example/fork']),
      'IDENTITY_MISMATCH',
    ],
    ['another issuer', () => publishes('1.1.0', authorities, ['https://other.example', san]), 'IDENTITY_MISMATCH'],
    ['authorities that nobody pinned', () => publishes('1.1.0', others), 'IDENTITY_MISMATCH'],
    [
      'a timestamp of another authority',
      () => publishes('1.1.0', { ...authorities, tsaUrl: others.tsaUrl }),
      'IDENTITY_MISMATCH',
    ],
    ['no timestamp', () => publishes('1.1.0', { ...authorities, tsaUrl: authorities.fulcioUrl }), 'KEYLESS'],
    [
      'a member that is none',
      () => publishes('1.1.0', authorities, [issuer, san], ['--as', 'publisher-1']),
      'NOT_A_PUBLISHER',
    ],
  ])('%s: nothing is logged', async (_, publish, code) => {
    const { status, answer } = await publish()
    expect({ status: status === 0, code: answer.error?.code }).toEqual({ status: false, code })
  })

  it('interrupted, it goes on with the entry that it signed; the key of the same operator adds nothing', async () => {
    product.proxy.before = ({ url }, response) => {
      if (url !== '/add') return false
      response.destroy()
      return true
    }
    expect(await publishes('1.1.0', authorities, [issuer, san], ['--timeout', '1'])).toMatchObject({ status: 20 })
    product.proxy.before = () => false
    expect(await publishes('1.1.0', others)).toMatchObject({ status: 0, answer: { index: 1, sequence: 2 } })
    const { answer } = await asksBuild(product.folder, 'publish', '--cosign', 'ab'.repeat(32), 'dist/notes-1.1.0.tgz')
    expect(answer.error?.code).toBe('NOT_FOUND')
  })
})
