/**
 * An entry of a log: one signature under one statement, as a Sigstore bundle v0.3 in RFC 8785 canonical JSON
 * (docs/formats.md §1). With a key, members sorted as they stand in the leaf:
 *
 *     { "dsseEnvelope": { "payload": "<base64>", "payloadType": "application/vnd.in-toto+json",
 *                         "signatures": [ { "keyid": "<hint>", "sig": "<base64>" } ] },
 *       "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
 *       "verificationMaterial": { "publicKey": { "hint": "<hint>" }, "timestampVerificationData": {} } }
 *
 * and with a certificate `keyid` is absent and the material is
 *
 *     { "certificate": { "rawBytes": "<base64 DER>" },
 *       "timestampVerificationData": { "rfc3161Timestamps": [ { "signedTimestamp": "<base64 DER>" } ] } }
 *
 * `hint` is the lower-case hex SHA-256 of the key's SubjectPublicKeyInfo in DER. That is what `@sigstore/sign` makes of a
 * DSSE bundle, and there is no other spelling. Whoever reads a leaf from a log must have checked its inclusion before.
 */
import { concat, toBase64, toHex, utf8 } from '../bytes.ts'
import type { Crypto, Hasher, VerificationKey } from '../crypto.ts'
import { formatSpkiDer } from '../spki.ts'
import { mediaTypes } from './media-types.ts'
import { digest } from './names.ts'
import type { Statement } from './predicates.ts'
import { base64, list, literal, membersOf, object, type Read, ShapeError } from './shape.ts'
import { parseStatement, statementId } from './statement.ts'
import { asStatementError, StatementError } from './statement-error.ts'
import { canonicalJson, type JsonValue, parseCanonicalJson } from './strict-json.ts'

/** C2SP tlog-tiles, "Log Entries": an entry bundle holds a length of 16 bits before each entry. */
export const MAX_ENTRY_BYTES = 65_535
/** Longest signature accepted: more than any algorithm here makes. */
const MAX_SIGNATURE_BYTES = 1024
const MAX_TIMESTAMPS = 4

export interface KeySigner {
  readonly kind: 'key'
  /** 64 hex digits: SHA-256 of the key's SPKI DER. It picks a key, it proves nothing. */
  readonly hint: string
}

export interface CertificateSigner {
  readonly kind: 'certificate'
  /** X.509, DER. */
  readonly certificate: Uint8Array
  /** RFC 3161 TimeStampResp, DER, over the signature; at least one. */
  readonly timestamps: readonly Uint8Array[]
}

export type Signer = KeySigner | CertificateSigner

/** What an entry is made of. */
export interface SignedPayload {
  /** The statement's exact bytes. */
  readonly payload: Uint8Array
  readonly signer: Signer
  /** Ed25519: 64 bytes; ECDSA: DER. */
  readonly signature: Uint8Array
}

export interface Entry extends SignedPayload {
  /** The exact bytes that are hashed into the tree. */
  readonly leaf: Uint8Array
  /** 64 hex digits: SHA-256 of `payload`. */
  readonly id: string
  readonly statement: Statement
}

const der: Read<Uint8Array> = base64({ min: 1, max: MAX_ENTRY_BYTES })
const bundleShape = object<{ dsseEnvelope: Envelope; mediaType: string; verificationMaterial: Signer }>({
  mediaType: literal(mediaTypes.entry),
  verificationMaterial: readSigner,
  dsseEnvelope: object<Envelope>({
    payload: der,
    payloadType: literal(mediaTypes.statement),
    signatures: list(
      object<{ sig: Uint8Array }, { keyid: string }>(
        { sig: base64({ min: 1, max: MAX_SIGNATURE_BYTES }) },
        { keyid: digest },
      ),
      { min: 1, max: 1 },
    ),
  }),
})

interface Envelope {
  readonly payload: Uint8Array
  readonly payloadType: string
  readonly signatures: readonly { readonly sig: Uint8Array; readonly keyid?: string }[]
}

const keyMaterial = object<{ publicKey: { hint: string }; timestampVerificationData: object }>({
  publicKey: object<{ hint: string }>({ hint: digest }),
  timestampVerificationData: object({}),
})

const certificateMaterial = object<{
  certificate: { rawBytes: Uint8Array }
  timestampVerificationData: { rfc3161Timestamps: readonly { readonly signedTimestamp: Uint8Array }[] }
}>({
  certificate: object<{ rawBytes: Uint8Array }>({ rawBytes: der }),
  timestampVerificationData: object({
    rfc3161Timestamps: list(object<{ signedTimestamp: Uint8Array }>({ signedTimestamp: der }), {
      min: 1,
      max: MAX_TIMESTAMPS,
    }),
  }),
})

function readSigner(value: unknown, at: string): Signer {
  if (membersOf(value, at).has('publicKey')) {
    return { kind: 'key', hint: keyMaterial(value, at).publicKey.hint }
  }
  const { certificate, timestampVerificationData } = certificateMaterial(value, at)
  const timestamps = timestampVerificationData.rfc3161Timestamps.map(({ signedTimestamp }) => signedTimestamp)
  return { kind: 'certificate', certificate: certificate.rawBytes, timestamps }
}

/**
 * Reads a leaf whose inclusion has been checked. The signature is not checked: see {@link verifyEntryWithKey}.
 * Throws {@link StatementError}; its `fault` tells an entry of somebody else (`unknown-type`) from a broken one.
 */
export function parseEntry(hasher: Hasher, leaf: Uint8Array): Entry {
  if (leaf.length > MAX_ENTRY_BYTES) throw new StatementError('entry', `above ${MAX_ENTRY_BYTES} bytes`, 'malformed')
  try {
    const value = parseCanonicalJson('entry', leaf)
    refuseForeign(value)
    const { dsseEnvelope, verificationMaterial: signer } = bundleShape(value, '')
    const [signature] = dsseEnvelope.signatures
    if (signature === undefined) throw new ShapeError('signatures', 'empty')
    if (signature.keyid !== (signer.kind === 'key' ? signer.hint : undefined)) {
      throw new ShapeError('keyid', 'not the hint of the verification material')
    }
    const { payload } = dsseEnvelope
    const statement = parseStatement(payload)
    return { leaf, payload, id: statementId(hasher, payload), statement, signer, signature: signature.sig }
  } catch (error) {
    throw asStatementError('entry', error)
  }
}

/** A bundle of another version, or of another payload, is somebody else's entry. */
function refuseForeign(value: JsonValue): void {
  const members = membersOf(value, 'entry')
  const type = members.get('mediaType')
  if (typeof type !== 'string') throw new ShapeError('mediaType', 'not a string')
  if (type !== mediaTypes.entry) throw new ShapeError('mediaType', 'not known to this version', 'unknown-type')
  const envelope = members.get('dsseEnvelope')
  if (envelope === undefined) throw new ShapeError('entry', 'holds no DSSE envelope', 'unknown-type')
  const payloadType = membersOf(envelope, 'dsseEnvelope').get('payloadType')
  if (typeof payloadType === 'string' && payloadType !== mediaTypes.statement) {
    throw new ShapeError('payloadType', 'not known to this version', 'unknown-type')
  }
}

/** The leaf of a signed payload. Throws {@link StatementError} for what {@link parseEntry} would refuse. */
export function formatEntry(hasher: Hasher, { payload, signer, signature }: SignedPayload): Uint8Array {
  const sig = toBase64(signature)
  const key = signer.kind === 'key'
  const leaf = canonicalJson({
    mediaType: mediaTypes.entry,
    dsseEnvelope: {
      payload: toBase64(payload),
      payloadType: mediaTypes.statement,
      signatures: [key ? { keyid: signer.hint, sig } : { sig }],
    },
    verificationMaterial: key
      ? { publicKey: { hint: signer.hint }, timestampVerificationData: {} }
      : {
          certificate: { rawBytes: toBase64(signer.certificate) },
          timestampVerificationData: {
            rfc3161Timestamps: signer.timestamps.map((stamp) => ({ signedTimestamp: toBase64(stamp) })),
          },
        },
  })
  parseEntry(hasher, leaf)
  return leaf
}

/**
 * What is signed: the DSSE v1 pre-authentication encoding of the payload,
 *
 *     "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload
 *
 * with type `application/vnd.in-toto+json` and lengths in decimal (DSSE "Protocol", PAE).
 */
export function entryMessage(payload: Uint8Array): Uint8Array {
  const type = mediaTypes.statement
  return concat(utf8(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload)
}

/** The hint under which entries name a key. */
export function keyHint(hasher: Hasher, key: VerificationKey): string {
  return toHex(hasher.sha256(formatSpkiDer(key)))
}

/** The algorithms that may sign entries; ML-DSA is for logs and witnesses. */
export function signsEntries(key: VerificationKey): boolean {
  return key.algorithm !== 'ml-dsa-44'
}

/** Whether `entry` names `key` and carries its signature. False for an entry signed with a certificate. */
export function verifyEntryWithKey(crypto: Crypto, entry: SignedPayload, key: VerificationKey): boolean {
  if (entry.signer.kind !== 'key' || !signsEntries(key)) return false
  if (entry.signer.hint !== keyHint(crypto, key)) return false
  return crypto.verify(key, entryMessage(entry.payload), entry.signature)
}
