/**
 * What the vectors of notes, checkpoints, cosignatures, policies, proofs and witnesses are made with. It is written
 * from the specifications with Buffer, node:crypto and noble alone and shares nothing with `core`, so that an error
 * there cannot hide here. Keys come from fixed seeds and all signatures are deterministic: the same run gives the same
 * bytes.
 */
import { createHash, createPrivateKey, createPublicKey, sign as ed25519Sign, type KeyObject } from 'node:crypto'
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'

export type Bytes = Uint8Array

/** A key pair from the seed SHA-256("samebits vector key " || label). */
export interface TestKey {
  readonly algorithm: 'ed25519' | 'ml-dsa-44'
  readonly publicKey: Bytes
  sign(message: Bytes): Bytes
}

/** A key as it is used under one name and signature type. */
export interface NamedKey {
  readonly name: string
  readonly type: number
  readonly key: TestKey
}

export function sha256(...parts: readonly (Bytes | string)[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export function ed25519(label: string): TestKey {
  const seed = sha256(`samebits vector key ${label}`)
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const privateKey: KeyObject = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    algorithm: 'ed25519',
    publicKey: spki.subarray(-32),
    sign: (message) => ed25519Sign(null, message, privateKey),
  }
}

export function mlDsa44(label: string): TestKey {
  const { publicKey, secretKey } = ml_dsa44.keygen(sha256(`samebits vector key ${label}`))
  return {
    algorithm: 'ml-dsa-44',
    publicKey,
    sign: (message) => ml_dsa44.sign(message, secretKey, { extraEntropy: false }),
  }
}

export function base64(bytes: Bytes): string {
  return Buffer.from(bytes).toString('base64')
}

export function uint64(value: bigint | number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** C2SP signed-note: SHA-256(key name || 0x0A || signature type || public key)[:4]. */
export function keyId({ name, type, key }: NamedKey): Buffer {
  return sha256(name, '\n', Buffer.of(type), key.publicKey).subarray(0, 4)
}

/** C2SP signed-note, "Verifier keys". */
export function vkey(named: NamedKey): string {
  const material = Buffer.concat([Buffer.of(named.type), named.key.publicKey])
  return `${named.name}+${keyId(named).toString('hex')}+${base64(material)}`
}

/** A signature line under any name and ID, around any bytes. */
export function line(name: string, id: Bytes, signature: Bytes): string {
  return `— ${name} ${base64(Buffer.concat([id, signature]))}\n`
}

/** C2SP signed-note, "Ed25519 signatures": type 0x01. */
export function plainLine(named: NamedKey, text: string): string {
  return line(named.name, keyId(named), named.key.sign(Buffer.from(text)))
}

/** C2SP tlog-checkpoint, "Note text". */
export function checkpointText(
  origin: string,
  size: number | string,
  root: Bytes,
  ...extensions: readonly string[]
): string {
  return [origin, String(size), base64(root), ...extensions].map((row) => `${row}\n`).join('')
}

function opaque(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

/** C2SP tlog-cosignature, "Ed25519 signed message". */
export function message04(text: string, timestamp: bigint | number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timestamp}\n${text}`)
}

/** C2SP tlog-cosignature, "ML-DSA-44 signed message", from the first three lines of a checkpoint's text. */
export function message06(cosigner: string, text: string, timestamp: bigint | number): Buffer {
  const [origin = '', size = '', root = ''] = text.split('\n')
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    opaque(cosigner),
    uint64(timestamp),
    opaque(origin),
    uint64(0),
    uint64(BigInt(size)),
    Buffer.from(root, 'base64'),
  ])
}

/** A line of type 0x04 or 0x06 over a checkpoint's text. */
export function cosignature(named: NamedKey, text: string, timestamp: bigint | number): string {
  const message = named.type === 4 ? message04(text, timestamp) : message06(named.name, text, timestamp)
  return line(named.name, keyId(named), Buffer.concat([uint64(timestamp), named.key.sign(message)]))
}

/** RFC 6962 §2.1 by its own words; for the few leaves that vectors need. */
export function treeHash(leaves: readonly Bytes[]): Buffer {
  const [only] = leaves
  if (only === undefined) return sha256()
  if (leaves.length === 1) return sha256(Buffer.of(0), only)
  const k = split(leaves.length)
  return sha256(Buffer.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)))
}

/** RFC 6962 §2.1.1. */
export function inclusionPath(index: number, leaves: readonly Bytes[]): Buffer[] {
  if (leaves.length <= 1) return []
  const k = split(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return index < k
    ? [...inclusionPath(index, left), treeHash(right)]
    : [...inclusionPath(index - k, right), treeHash(left)]
}

/** RFC 6962 §2.1.2. */
export function consistencyPath(size: number, leaves: readonly Bytes[]): Buffer[] {
  return subproof(size, leaves, true)
}

function subproof(size: number, leaves: readonly Bytes[], complete: boolean): Buffer[] {
  if (size === leaves.length) return complete ? [] : [treeHash(leaves)]
  const k = split(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return size <= k
    ? [...subproof(size, left, complete), treeHash(right)]
    : [...subproof(size - k, right, false), treeHash(left)]
}

/** The largest power of two below n. */
function split(n: number): number {
  let k = 1
  while (2 * k < n) k *= 2
  return k
}

/** Entries "entry 0", "entry 1", … */
export function entries(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.from(`entry ${index}`))
}

/** `text` with its `index`-th signature's last byte changed. */
export function broken(signatureLine: string): string {
  const [dash = '', name = '', data = ''] = signatureLine.trimEnd().split(' ')
  const bytes = Buffer.from(data, 'base64')
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  return `${dash} ${name} ${bytes.toString('base64')}\n`
}
