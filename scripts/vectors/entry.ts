import {
  bundleOf,
  canonical,
  digestOf,
  type EntryKey,
  ed25519Key,
  edit,
  hintOf,
  idOf,
  type Json,
  leafOf,
  p256Key,
  p384Key,
  pae,
  pemOf,
  release,
} from './release-tools.ts'
import { base64, sha256 } from './tools.ts'

type Fault = 'malformed' | 'unknown-type' | 'unsafe-name'
interface Case {
  readonly desc: string
  readonly leaf: string
  readonly id?: string
  readonly signer?: Json
  /** Names of the keys under which the signature holds. */
  readonly verifies?: readonly string[]
  readonly error?: Fault
}

const keys: Readonly<Record<string, EntryKey>> = {
  ed25519: ed25519Key('publisher'),
  p256: p256Key('publisher'),
  p384: p384Key('publisher'),
  other: ed25519Key('other publisher'),
}
const { ed25519, p256, p384, other } = keys as Readonly<Record<'ed25519' | 'p256' | 'p384' | 'other', EntryKey>>

const payload = canonical(release())
const bytes = Buffer.from(payload)
const certificate = 'AAAA'

const entry = (desc: string, value: Json, verifies: readonly string[], of = payload): Case => {
  const { verificationMaterial } = value as { verificationMaterial: { publicKey: { hint: string } } }
  return {
    desc,
    leaf: canonical(value),
    id: idOf(of),
    signer: { kind: 'key', hint: verificationMaterial.publicKey.hint },
    verifies,
  }
}
const bad = (desc: string, value: Json, error: Fault = 'malformed'): Case => ({ desc, leaf: canonical(value), error })
const raw = (desc: string, leaf: string): Case => ({ desc, leaf, error: 'malformed' })

const good = bundleOf(payload, ed25519)
const flipped = (signature: Uint8Array, at: number) => signature.map((byte, index) => (index === at ? byte ^ 1 : byte))
const signature = ed25519.sign(pae(bytes))

const keyless: Json = {
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  verificationMaterial: {
    certificate: { rawBytes: certificate },
    timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: 'AQID' }] },
  },
  dsseEnvelope: {
    payload: base64(bytes),
    payloadType: 'application/vnd.in-toto+json',
    signatures: [{ sig: base64(signature) }],
  },
}

const read: readonly Case[] = [
  entry('signed with Ed25519', good, ['ed25519']),
  entry('signed with ECDSA P-256 and SHA-256', bundleOf(payload, p256), ['p256']),
  entry('signed with ECDSA P-384 and SHA-384', bundleOf(payload, p384), ['p384']),
  {
    desc: 'with a certificate and one timestamp',
    leaf: canonical(keyless),
    id: idOf(payload),
    signer: { kind: 'certificate', certificate, timestamps: ['AQID'] },
    verifies: [],
  },
  entry('a signature with a bit flipped', bundleOf(payload, ed25519, flipped(signature, 3)), []),
  entry('a signature of another key', bundleOf(payload, ed25519, other.sign(pae(bytes))), []),
  entry("another key's hint", bundleOf(payload, other, signature), []),
  entry('a signature over the payload alone', bundleOf(payload, ed25519, ed25519.sign(bytes)), []),
  entry(
    'a signature over another payload type',
    bundleOf(payload, ed25519, ed25519.sign(pae(bytes, 'application/json'))),
    [],
  ),
  entry(
    'a signature over another payload',
    bundleOf(payload, ed25519, ed25519.sign(pae(Buffer.from(canonical(release({ sequence: 8 })))))),
    [],
  ),
  entry('a signature one byte short', bundleOf(payload, ed25519, signature.subarray(1)), []),
  entry('a signature of one byte', bundleOf(payload, ed25519, Buffer.of(7)), []),
  entry('a P-256 signature that is not DER', bundleOf(payload, p256, Buffer.alloc(64, 1)), []),
  entry('P-384 with SHA-256', bundleOf(payload, p384, p256.sign(pae(bytes))), []),
]

const edits: readonly (readonly [path: string, to: Json | undefined, desc: string, error?: Fault])[] = [
  ['mediaType', undefined, 'no media type'],
  ['mediaType', 'application/vnd.dev.sigstore.bundle.v0.2+json', 'an older bundle', 'unknown-type'],
  [
    'mediaType',
    'application/vnd.dev.sigstore.bundle+json;version=0.3',
    'the old spelling of the media type',
    'unknown-type',
  ],
  ['mediaType', 3, 'a media type that is no string'],
  ['verificationMaterial', undefined, 'no verification material'],
  ['verificationMaterial', [], 'verification material that is a list'],
  ['verificationMaterial.tlogEntries', [], 'an empty list of transparency log entries'],
  ['verificationMaterial.tlogEntries', [{ logIndex: '1' }], 'a transparency log entry of its own'],
  ['verificationMaterial.timestampVerificationData', undefined, 'no timestamp data'],
  ['verificationMaterial.timestampVerificationData', { rfc3161Timestamps: [] }, 'an empty list of timestamps'],
  [
    'verificationMaterial.timestampVerificationData',
    { rfc3161Timestamps: [{ signedTimestamp: 'AQID' }] },
    'a key with a timestamp',
  ],
  ['verificationMaterial.publicKey', undefined, 'neither a key nor a certificate'],
  ['verificationMaterial.publicKey', {}, 'a key without a hint'],
  ['verificationMaterial.publicKey.hint', hintOf(other), 'a hint that is not the keyid'],
  ['verificationMaterial.publicKey.hint', 'publisher', 'a hint that is a name'],
  ['verificationMaterial.publicKey.rawBytes', 'AAAA', 'a key in the bundle'],
  ['verificationMaterial.certificate', { rawBytes: certificate }, 'a key and a certificate'],
  ['dsseEnvelope', undefined, 'no envelope', 'unknown-type'],
  ['dsseEnvelope', 'x', 'an envelope that is a string'],
  ['dsseEnvelope.payloadType', 'application/json', 'another payload type', 'unknown-type'],
  ['dsseEnvelope.payloadType', undefined, 'no payload type'],
  ['dsseEnvelope.payload', '', 'an empty payload'],
  ['dsseEnvelope.payload', `${base64(bytes).replace(/=*$/, '')} `, 'base64 with a space'],
  ['dsseEnvelope.payload', base64(Buffer.from('{}')), 'a payload that is no statement'],
  ['dsseEnvelope.payload', base64(Buffer.from(`${payload} `)), 'a payload that is not canonical'],
  [
    'dsseEnvelope.payload',
    base64(Buffer.from(canonical(edit(release(), 'predicateType', 'https://spdx.dev/Document')))),
    'a foreign statement',
    'unknown-type',
  ],
  [
    'dsseEnvelope.payload',
    base64(Buffer.from(canonical(release({ product: '..' })))),
    'a product that climbs',
    'unsafe-name',
  ],
  ['dsseEnvelope.payload', base64(Buffer.from([0xff, 0xfe])), 'a payload that is no UTF-8'],
  ['dsseEnvelope.signatures', [], 'no signature'],
  ['dsseEnvelope.signatures.1', { keyid: hintOf(ed25519), sig: base64(signature) }, 'two signatures'],
  ['dsseEnvelope.signatures.0.sig', '', 'an empty signature'],
  ['dsseEnvelope.signatures.0.sig', base64(signature).replace('==', ''), 'a signature without padding'],
  [
    'dsseEnvelope.signatures.0.sig',
    base64(signature).replaceAll('+', '-').replaceAll('/', '_').replace(/.$/, '-'),
    'a signature in the URL alphabet',
  ],
  ['dsseEnvelope.signatures.0.sig', base64(Buffer.alloc(1025)), 'a signature of 1,025 bytes'],
  ['dsseEnvelope.signatures.0.keyid', undefined, 'no keyid'],
  ['dsseEnvelope.signatures.0.keyid', '', 'an empty keyid'],
  ['dsseEnvelope.signatures.0.keyid', hintOf(other), 'the keyid of another key'],
  ['dsseEnvelope.signatures.0.keyid', hintOf(ed25519).toUpperCase(), 'a keyid in upper case'],
  ['dsseEnvelope.signatures.0.cert', 'x', 'an unknown member of the signature'],
  ['messageSignature', {}, 'a message signature besides'],
  ['index', 4, 'an unknown member'],
]

const keylessEdits: readonly (readonly [path: string, to: Json | undefined, desc: string])[] = [
  ['dsseEnvelope.signatures.0.keyid', '', 'a certificate with an empty keyid'],
  ['dsseEnvelope.signatures.0.keyid', digestOf('x'), 'a certificate with a keyid'],
  ['verificationMaterial.timestampVerificationData', {}, 'a certificate without a timestamp'],
  ['verificationMaterial.timestampVerificationData.rfc3161Timestamps', [], 'a certificate with no timestamps'],
  [
    'verificationMaterial.timestampVerificationData.rfc3161Timestamps',
    Array(5).fill({ signedTimestamp: 'AQID' }),
    'a certificate with five timestamps',
  ],
  ['verificationMaterial.timestampVerificationData.rfc3161Timestamps.0.signedTimestamp', '', 'an empty timestamp'],
  ['verificationMaterial.certificate.rawBytes', '', 'an empty certificate'],
  ['verificationMaterial.certificate', undefined, 'timestamps without a certificate'],
  ['verificationMaterial.x509CertificateChain', { certificates: [] }, 'a certificate chain'],
]

const leaf = leafOf(payload, ed25519)
const big = release({
  notes: 'x'.repeat(16_384),
  artifacts: Array.from({ length: 200 }, (_, n) => ({
    name: `a${n}`,
    platform: `p${n}-x64`,
    size: 1,
    mediaType: 'a/b',
  })),
})
const bigPayload = canonical({
  ...big,
  subject: Array.from({ length: 200 }, (_, n) => ({
    name: `a${n}`,
    digest: { sha256: sha256(`${n}`).toString('hex') },
  })),
})

const texts: readonly Case[] = [
  raw('empty', ''),
  raw('not JSON', 'entry'),
  raw('null', 'null'),
  raw('a space after', `${leaf} `),
  raw('a byte order mark', `\ufeff${leaf}`),
  raw('members out of order', JSON.stringify(good)),
  raw('a member twice', leaf.replace('{"dsseEnvelope"', '{"dsseEnvelope":0,"dsseEnvelope"')),
  raw('an escape that need not be', leaf.replace('"mediaType"', '"media\\u0054ype"')),
  raw('another leaf after it', leaf + leaf),
  raw('above 65,535 bytes', leafOf(bigPayload, ed25519)),
]

/** Entries, as the exact text of the leaf. */
export function entryVectors(): unknown {
  return {
    description:
      'Log entries (docs/formats.md §1). leaf: the exact text. Accepted ones have the id of their statement, the signer as it stands in the leaf (base64 for bytes) and verifies, the names of the keys under which the signature holds; refused ones have error: malformed, unknown-type or unsafe-name.',
    keys: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, pemOf(key)])),
    cases: [
      ...read,
      ...texts,
      ...edits.map(([path, to, desc, error]) => bad(desc, edit(good, path, to), error)),
      ...keylessEdits.map(([path, to, desc]) => bad(desc, edit(keyless, path, to))),
    ],
  }
}
