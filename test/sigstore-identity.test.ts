/** Entries signed with a certificate, made by `@sigstore/sign` with a certificate authority, a CT log and a timestamp authority of our own. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  canonicalJson,
  type Entry,
  formatStatement,
  fromUtf8,
  type JsonObject,
  mediaTypes,
  parseEntry,
  StatementError,
  utf8,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { sigstoreIdentities } from '@samebits/identity'
import { bundleToJSON } from '@sigstore/bundle'
import { initializeCA, initializeCTLog, initializeTSA } from '@sigstore/mock'
import { DSSEBundleBuilder, type Signer, type Witness } from '@sigstore/sign'
import { beforeAll, describe, expect, it } from 'vitest'

const HOUR_MS = 3_600_000
/** The authorities' own certificates are valid from the moment they are made. */
const SIGNED_AT = new Date(Math.ceil(Date.now() / 1000 + 60) * 1000)
const ISSUER_EXTENSION = '1.3.6.1.4.1.57264.1.8'
const identity = { issuer: 'https://issuer.example', san: 'https://ci.example/release' }

const payload = formatStatement({ kind: 'waiver', product: 'example.com/notes', id: 'ab'.repeat(32), reason: 'hotfix' })
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
const der = (key: KeyObject) => key.export({ type: 'spki', format: 'der' })
const bytes = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength)
const validFor = { start: new Date(SIGNED_AT.getTime() - HOUR_MS).toISOString() }

/** Everything that signs without a key of its own, at `signedAt`, with the timestamp of `stampedAt`. */
async function makeWorld(signedAt = SIGNED_AT, stampedAt = signedAt) {
  const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ctLog = await initializeCTLog(p256(), signedAt)
  const ca = await initializeCA(p256(), ctLog, signedAt)
  const tsa = await initializeTSA(p256(), stampedAt)
  const authority = (chain: readonly ArrayBufferView[]) => ({
    certChain: { certificates: chain.map((certificate) => ({ rawBytes: bytes(certificate).toString('base64') })) },
    validFor,
  })
  const trustedRoot: JsonObject = JSON.parse(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [],
      certificateAuthorities: [authority([ca.rootCertificate])],
      timestampAuthorities: [authority([tsa.intCertificate, tsa.rootCertificate])],
      ctlogs: [
        {
          baseUrl: 'https://ct.example',
          hashAlgorithm: 'SHA2_256',
          publicKey: { rawBytes: ctLog.publicKey.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
          logId: { keyId: bytes(ctLog.logID).toString('base64') },
        },
      ],
    }),
  )
  const { publicKey, privateKey } = p256()
  const certificate = await ca.issueCertificate({
    publicKey: der(publicKey),
    subjectAltName: identity.san,
    extensions: [{ oid: ISSUER_EXTENSION, value: identity.issuer }],
  })
  const toPem = `-----BEGIN CERTIFICATE-----\n${bytes(certificate).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  const signer: Signer = {
    sign: async (message) => ({
      signature: sign('sha256', message, privateKey),
      key: { $case: 'x509Certificate', certificate: toPem },
    }),
  }
  const stamp = async (signature: Buffer) => {
    const request = {
      artifactHash: createHash('sha256').update(signature).digest(),
      hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
      nonce: 7,
      policyOID: '1.3.6.1.4.1.57264.2',
      certReq: true,
    }
    return { rfc3161Timestamps: [{ signedTimestamp: bytes(await tsa.timestamp(request)) }] }
  }
  const authorityOfTime: Witness = {
    testify: async (content) =>
      content.$case === 'dsseEnvelope' ? stamp(content.dsseEnvelope.signatures[0]?.sig ?? Buffer.alloc(0)) : {},
  }
  return { trustedRoot, signer, authorityOfTime, ephemeral: pem(publicKey) }
}

type World = Awaited<ReturnType<typeof makeWorld>>

async function signedIn(
  { signer, authorityOfTime }: World,
  witnesses: Witness[] = [authorityOfTime],
): Promise<Uint8Array> {
  const bundle = await new DSSEBundleBuilder({ signer, witnesses }).create({
    data: Buffer.from(payload),
    type: mediaTypes.statement,
  })
  return canonicalJson(bundleToJSON(bundle))
}

describe('an entry signed with a certificate', () => {
  let world: World
  let other: World
  let leaf: Uint8Array
  let entry: Entry
  beforeAll(async () => {
    ;[world, other] = [await makeWorld(), await makeWorld()]
    leaf = await signedIn(world)
    entry = parseEntry(nodeCrypto, leaf)
  })
  const identify = (of: Entry, root = world.trustedRoot) => sigstoreIdentities().identify(of, root)
  const changed = (from: string, to: string) => parseEntry(nodeCrypto, utf8(fromUtf8(leaf).replace(from, to)))

  it('is a leaf as @sigstore/sign makes it', () => {
    expect(entry.signer).toMatchObject({ kind: 'certificate', timestamps: [expect.any(Uint8Array)] })
  })

  it('is by the identity of its certificate', () => {
    expect(identify(entry)).toEqual(identity)
  })

  it('is by nobody under the authorities of others', () => {
    expect(identify(entry, other.trustedRoot)).toBeNull()
  })

  it('is by nobody where only the timestamp authority is another', () => {
    const { timestampAuthorities } = other.trustedRoot
    expect(identify(entry, { ...world.trustedRoot, timestampAuthorities: timestampAuthorities ?? [] })).toBeNull()
  })

  it('is by nobody where its signature is of another payload', async () => {
    const elsewhere = { ...world, signer: { sign: (_: Buffer) => world.signer.sign(Buffer.from('other')) } }
    expect(identify(parseEntry(nodeCrypto, await signedIn(elsewhere)))).toBeNull()
  })

  it("is by nobody with another entry's timestamp", async () => {
    const again = parseEntry(nodeCrypto, await signedIn(world))
    if (entry.signer.kind !== 'certificate' || again.signer.kind !== 'certificate') throw new Error('not certificates')
    const [mine, theirs] = [entry.signer.timestamps[0], again.signer.timestamps[0]].map((stamp) =>
      Buffer.from(stamp ?? []).toString('base64'),
    )
    expect(identify(changed(mine ?? '', theirs ?? ''))).toBeNull()
  })

  it('is by nobody where its certificate or timestamp is no DER', () => {
    if (entry.signer.kind !== 'certificate') throw new Error('not a certificate')
    const certificate = Buffer.from(entry.signer.certificate).toString('base64')
    const stamp = Buffer.from(entry.signer.timestamps[0] ?? []).toString('base64')
    expect(identify(changed(certificate, 'AAAA'))).toBeNull()
    expect(identify(changed(stamp, 'AAAA'))).toBeNull()
  })

  it('is by nobody after its certificate has expired', async () => {
    const late = await makeWorld(SIGNED_AT, new Date(SIGNED_AT.getTime() + HOUR_MS))
    expect(identify(parseEntry(nodeCrypto, await signedIn(late)), late.trustedRoot)).toBeNull()
  })

  it('is none without a timestamp', async () => {
    const unstamped = await signedIn(world, [])
    expect(() => parseEntry(nodeCrypto, unstamped)).toThrow(StatementError)
  })
})
