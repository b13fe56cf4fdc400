/** A certificate authority, a CT log and a timestamp authority in the manner of Sigstore's, in memory. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { canonicalJson, type Identity, type JsonObject, mediaTypes } from '@samebits/core'
import { bundleToJSON } from '@sigstore/bundle'
import { initializeCA, initializeCTLog, initializeTSA } from '@sigstore/mock'
import { DSSEBundleBuilder, type Signer, type Witness } from '@sigstore/sign'

const HOUR_MS = 3_600_000
const issuerExtension = '1.3.6.1.4.1.57264.1.8'
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const bytes = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength)

export interface SigstoreWorld {
  readonly ca: Awaited<ReturnType<typeof initializeCA>>
  readonly tsa: Awaited<ReturnType<typeof initializeTSA>>
  /** What a trust file pins. */
  readonly trustedRoot: JsonObject
}

/** @param lateMs by how much the clock of the timestamp authority is ahead of the certificate authority's */
export async function sigstoreWorld(lateMs = 0): Promise<SigstoreWorld> {
  // A minute ahead: the authorities' own certificates are valid from the moment they are made.
  const made = new Date(Math.ceil(Date.now() / 1000 + 60) * 1000)
  const ctLog = await initializeCTLog(p256(), made)
  const ca = await initializeCA(p256(), ctLog, made)
  const tsa = await initializeTSA(p256(), new Date(made.getTime() + lateMs))
  const validFor = { start: new Date(made.getTime() - HOUR_MS).toISOString() }
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
  return { ca, tsa, trustedRoot }
}

/**
 * An entry of `payload`, certified by one world for `who`, and stamped by a world (that one unless told; null: not at all, which
 * makes no entry).
 */
export async function certifiedEntry(
  { ca, tsa }: SigstoreWorld,
  payload: Uint8Array,
  who: Identity,
  stampedBy: SigstoreWorld | null = { ca, tsa, trustedRoot: {} },
): Promise<Uint8Array> {
  const { publicKey, privateKey } = p256()
  const certificate = await ca.issueCertificate({
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    subjectAltName: who.san,
    extensions: [{ oid: issuerExtension, value: who.issuer }],
  })
  const witnesses = stampedBy === null ? [] : [timestamps(stampedBy)]
  const builder = new DSSEBundleBuilder({ signer: signerOf(certificate, privateKey), witnesses })
  return canonicalJson(bundleToJSON(await builder.create({ data: Buffer.from(payload), type: mediaTypes.statement })))
}

function signerOf(certificate: ArrayBufferView, privateKey: KeyObject): Signer {
  const base64 = bytes(certificate).toString('base64').replace(/.{64}/g, '$&\n')
  const pem = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
  return {
    sign: async (message) => ({
      signature: sign('sha256', message, privateKey),
      key: { $case: 'x509Certificate', certificate: pem },
    }),
  }
}

function timestamps({ tsa }: SigstoreWorld): Witness {
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
  return {
    testify: async (content) =>
      content.$case === 'dsseEnvelope' ? stamp(content.dsseEnvelope.signatures[0]?.sig ?? Buffer.alloc(0)) : {},
  }
}
