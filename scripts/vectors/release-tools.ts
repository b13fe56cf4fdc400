/**
 * What the vectors of statements, entries, trust files, bundles, anchors and evidence are made with: written from
 * docs/formats.md and the specifications that it names, with Buffer, node:crypto and noble alone. Nothing of `core` is used.
 */
import { p256, p384 } from '@noble/curves/nist.js'
import { type Bytes, base64, ed25519, sha256 } from './tools.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
export type JsonObject = { readonly [name: string]: Json }

/** RFC 8785 for the values that vectors use: strings, integers, and no member names outside of ASCII. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
}

/** A copy of `value` with the member at `path` (`predicate.artifacts.0.name`) set, or without it where `to` is undefined. */
export function edit(value: Json, path: string, to: Json | undefined): Json {
  const [head = '', ...rest] = path.split('.')
  if (Array.isArray(value)) {
    const items = value.flatMap((item: Json, at) =>
      String(at) === head
        ? rest.length > 0
          ? [edit(item, rest.join('.'), to)]
          : to === undefined
            ? []
            : [to]
        : [item],
    )
    return Number(head) === value.length && to !== undefined ? [...items, to] : items
  }
  const { [head]: old = {}, ...others } = value as JsonObject
  const next = rest.length > 0 ? edit(old, rest.join('.'), to) : to
  return next === undefined ? others : { ...others, [head]: next }
}

/** A key that signs entries. */
export interface EntryKey {
  readonly algorithm: 'ed25519' | 'ecdsa-p256' | 'ecdsa-p384'
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes
  readonly publicKey: Bytes
  sign(message: Bytes): Bytes
}

export function ed25519Key(label: string): EntryKey {
  const key = ed25519(label)
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.publicKey])
  return { algorithm: 'ed25519', spki, publicKey: key.publicKey, sign: key.sign }
}

/** ECDSA with SHA-256 and the deterministic nonces of RFC 6979. */
export function p256Key(label: string): EntryKey {
  const secret = sha256(`samebits vector key ${label}`)
  const publicKey = p256.getPublicKey(secret, false)
  const spki = Buffer.concat([Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'), publicKey])
  return {
    algorithm: 'ecdsa-p256',
    spki,
    publicKey,
    sign: (message) => p256.sign(message, secret, { format: 'der', lowS: false }),
  }
}

/** ECDSA with SHA-384 and the deterministic nonces of RFC 6979. */
export function p384Key(label: string): EntryKey {
  const secret = Buffer.concat([Buffer.alloc(16), sha256(`samebits vector key ${label}`)])
  const publicKey = p384.getPublicKey(secret, false)
  const spki = Buffer.concat([Buffer.from('3076301006072a8648ce3d020106052b81040022036200', 'hex'), publicKey])
  return {
    algorithm: 'ecdsa-p384',
    spki,
    publicKey,
    sign: (message) => p384.sign(message, secret, { format: 'der', lowS: false }),
  }
}

export function hintOf(key: EntryKey): string {
  return sha256(key.spki).toString('hex')
}

/** RFC 7468 §3, lines of 64 characters. */
export function pemOf(key: { readonly spki: Bytes }): string {
  const lines = base64(key.spki).match(/.{1,64}/g) ?? []
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`
}

/** DSSE v1, pre-authentication encoding. */
export function pae(payload: Bytes, type = 'application/vnd.in-toto+json'): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload])
}

export function idOf(payload: string): string {
  return sha256(payload).toString('hex')
}

/** A Sigstore bundle v0.3 as a JSON value. */
export function bundleOf(payload: string, key: EntryKey, signature = key.sign(pae(Buffer.from(payload)))): JsonObject {
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: hintOf(key) }, timestampVerificationData: {} },
    dsseEnvelope: {
      payload: base64(Buffer.from(payload)),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ keyid: hintOf(key), sig: base64(signature) }],
    },
  }
}

/** The leaf of a statement signed by a key. */
export function leafOf(payload: string, key: EntryKey): string {
  return canonical(bundleOf(payload, key))
}

const digits = (label: string) => sha256(`samebits vector ${label}`).toString('hex')
export const digestOf: (label: string) => string = digits

export const PRODUCT = 'example.com/notes'

const source: JsonObject = {
  uri: 'git+https://example.com/notes.git',
  gitCommit: '0123456789abcdef0123456789abcdef01234567',
  sha256: digits('source'),
}

const artifacts: readonly JsonObject[] = [
  { name: 'notes-linux-x64.tar.gz', platform: 'linux-x64', size: 1234567, mediaType: 'application/gzip' },
  { name: 'notes.wasm', platform: 'any', size: 4096, mediaType: 'application/wasm' },
  {
    name: 'plugin.so',
    platform: 'linux-x64',
    size: 100,
    mediaType: 'application/x-sharedlib',
    partOf: 'notes-linux-x64.tar.gz',
  },
]

const subjectOf = (name: Json | undefined, sha256Hex: string): JsonObject => ({
  name: String(name),
  digest: { sha256: sha256Hex },
})

function statement(predicateType: string, subject: readonly Json[], predicate: Json): JsonObject {
  return { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate }
}

/** A release with three artifacts, two of them built. */
export function release(changes: JsonObject = {}): JsonObject {
  const predicate = {
    product: PRODUCT,
    channel: 'stable',
    version: '1.2.0',
    sequence: 7,
    previous: digits('release 6'),
    artifacts,
    builds: [
      {
        artifacts: ['notes-linux-x64.tar.gz', 'plugin.so'],
        source,
        recipeDigest: digits('recipe'),
        imageDigest: digits('image'),
        sourceDateEpoch: 1_790_000_000,
      },
    ],
    ...changes,
  }
  const subject = artifacts.map(({ name }) => subjectOf(name, digits(`artifact ${name}`)))
  return statement('https://samebits.dev/release/v1', subject, predicate)
}

/** A vote on {@link release}: positive, unless `got` says what came out. */
export function rebuild(releaseId: string | null, got: JsonObject = {}): JsonObject {
  const names = ['notes-linux-x64.tar.gz', 'plugin.so']
  const subject = names.map((name) => subjectOf(name, String(got[name] ?? digits(`artifact ${name}`))))
  return statement('https://slsa.dev/provenance/v1', subject, {
    buildDefinition: {
      buildType: 'https://samebits.dev/container-build/v1',
      externalParameters: {
        product: PRODUCT,
        source,
        recipeDigest: digits('recipe'),
        imageDigest: digits('image'),
        ...(releaseId === null ? {} : { release: releaseId }),
      },
      resolvedDependencies: [
        { name: 'dependencies', mediaType: 'application/json', digest: { sha256: digits('dependencies') } },
      ],
    },
    runDetails: { builder: { id: 'https://rebuilder.example/samebits' } },
  })
}

export function revocation(ids: readonly string[]): JsonObject {
  const subject = ids.map((id) => subjectOf(PRODUCT, id))
  return statement('https://samebits.dev/revocation/v1', subject, {
    product: PRODUCT,
    ids,
    reason: 'the key was stolen',
    severity: 'high',
  })
}

export function waiver(id: string): JsonObject {
  return statement('https://samebits.dev/waiver/v1', [subjectOf(PRODUCT, id)], {
    product: PRODUCT,
    id,
    reason: 'hotfix',
  })
}

export function trustStatement(version: number, body: string): JsonObject {
  const digest = sha256(body).toString('hex')
  return statement('https://samebits.dev/trust/v1', [subjectOf('trust.json', digest)], {
    product: PRODUCT,
    version,
    sha256: digest,
    size: Buffer.byteLength(body),
  })
}
