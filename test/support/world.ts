/**
 * A small world in memory: logs, witnesses and members with real keys, so that a test can make any checkpoint, proof, entry
 * or bundle, honest or not. Keys come from names, so that every run makes the same bytes.
 */
import {
  type BundleView,
  type Checkpoint,
  canonicalJson,
  concat,
  cosignatureSigner,
  entryMessage,
  formatEntry,
  formatSpkiPem,
  formatStatement,
  formatVkey,
  fromHex,
  keyHint,
  logSigner,
  merkleRoot,
  type NodeReader,
  type NoteSigner,
  proveConsistency,
  proveInclusion,
  type Statement,
  signCheckpoint,
  toBase64,
  utf8,
} from '@samebits/core'
import { nodeCrypto, type SigningKey, signingKeyFromPem } from '@samebits/core/node'

/** The Ed25519 key whose seed is SHA-256 of the name. */
export function keyOf(name: string): SigningKey {
  const known = keys.get(name)
  if (known !== undefined) return known
  const der = concat(fromHex('302e020100300506032b657004220420'), nodeCrypto.sha256(utf8(name)))
  const key = signingKeyFromPem(`-----BEGIN PRIVATE KEY-----\n${toBase64(der)}\n-----END PRIVATE KEY-----\n`)
  keys.set(name, key)
  return key
}
const keys = new Map<string, SigningKey>()

export function publicPem(name: string): string {
  return formatSpkiPem(keyOf(name))
}

/** The name under which a member's entries are known. */
export function credentialOf(name: string): string {
  return keyHint(nodeCrypto, keyOf(name))
}

/** An entry's leaf, signed with the key of that name. */
export function entryBy(signer: string, statement: Statement): Uint8Array {
  const key = keyOf(signer)
  const payload = formatStatement(statement)
  const signature = key.sign(entryMessage(payload))
  return formatEntry(nodeCrypto, { payload, signer: { kind: 'key', hint: keyHint(nodeCrypto, key) }, signature })
}

/** The same around any payload, also one that no formatter writes. */
export function looseEntry(signer: string, payload: Uint8Array): Uint8Array {
  const key = keyOf(signer)
  const hint = keyHint(nodeCrypto, key)
  return canonicalJson({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint }, timestampVerificationData: {} },
    dsseEnvelope: {
      payload: toBase64(payload),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ keyid: hint, sig: toBase64(key.sign(entryMessage(payload))) }],
    },
  })
}

export function witness(name: string): NoteSigner {
  return cosignatureSigner(nodeCrypto, name, keyOf(name))
}

/** `log` and `witness` lines as a policy has them. */
export function logLine(log: MemoryLog): string {
  return `log ${formatVkey(log.signer.key)} ${log.url}\n`
}

export function witnessLine(name: string): string {
  return `witness ${name} ${formatVkey(witness(name).key)}\n`
}

export interface SignOptions {
  /** Tree size; the whole log where it is not given. */
  readonly size?: number
  /** Unix seconds of each cosignature, by witness. */
  readonly witnesses?: Readonly<Record<string, number>>
  /** Another root than the tree's. */
  readonly root?: Uint8Array
  readonly origin?: string
  /** Key of another name in place of the log's. */
  readonly signedBy?: NoteSigner
}

/** A log that keeps everything and refuses nothing. */
export class MemoryLog {
  readonly origin: string
  readonly url: string
  readonly signer: NoteSigner
  readonly leaves: Uint8Array[] = []

  constructor(origin: string) {
    this.origin = origin
    this.url = `https://${origin}/`
    this.signer = logSigner(nodeCrypto, origin, keyOf(origin))
  }

  get size(): number {
    return this.leaves.length
  }

  /** Indices of what was added. */
  add(...leaves: readonly Uint8Array[]): number[] {
    return leaves.map((leaf) => this.leaves.push(leaf) - 1)
  }

  /** Entries of no product, so that indices and sizes move. */
  pad(count: number): void {
    for (let n = 0; n < count; n++) this.leaves.push(utf8(`padding ${this.size}`))
  }

  /** The same keys, and the first `size` leaves. */
  fork(size: number): MemoryLog {
    const other = new MemoryLog(this.origin)
    other.leaves.push(...this.leaves.slice(0, size))
    return other
  }

  root(size: number = this.size): Uint8Array {
    return merkleRoot(nodeCrypto, nodeCrypto.leafHashes(this.leaves.slice(0, size)))
  }

  private reader(): NodeReader {
    const hashes = nodeCrypto.leafHashes(this.leaves)
    return (level, index) => merkleRoot(nodeCrypto, hashes.slice(index * 2 ** level, (index + 1) * 2 ** level))
  }

  inclusion(index: number, size: number = this.size): Uint8Array[] {
    return proveInclusion(nodeCrypto, index, size, this.reader())
  }

  consistency(from: number, to: number = this.size): Uint8Array[] {
    return proveConsistency(nodeCrypto, from, to, this.reader())
  }

  /** A signed checkpoint, cosigned as asked. */
  checkpoint({ size = this.size, witnesses = {}, root, origin, signedBy }: SignOptions = {}): string {
    const head: Checkpoint = { origin: origin ?? this.origin, size, root: root ?? this.root(size), extensions: [] }
    let { text } = signCheckpoint(head, [signedBy ?? this.signer], 0)
    for (const [name, time] of Object.entries(witnesses)) text = cosigned(text, head, name, time)
    return text
  }

  /** A view of a bundle: a checkpoint, entries by index, proofs from earlier sizes. */
  view(
    options: SignOptions & { readonly indices?: readonly number[]; readonly from?: readonly number[] } = {},
  ): BundleView {
    const { size = this.size, indices = [], from = [] } = options
    return {
      checkpoint: this.checkpoint(options),
      consistency: from
        .filter((older) => older > 0 && older < size)
        .map((older) => ({ from: older, proof: this.consistency(older, size) })),
      entries: indices.map((index) => ({
        index,
        inclusion: this.inclusion(index, size),
        leaf: this.leaves[index] ?? new Uint8Array(),
      })),
    }
  }
}

/** One more cosignature line. */
function cosigned(text: string, head: Checkpoint, name: string, time: number): string {
  const lines = signCheckpoint(head, [witness(name)], time).text
  return text + lines.slice(lines.lastIndexOf('\n— ') + 1)
}
