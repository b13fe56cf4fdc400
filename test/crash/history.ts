/**
 * What clients of a log saw while it was killed again and again, and the verdict over it: nothing acknowledged is lost, no
 * index is given twice, and every checkpoint ever seen lies on one history.
 */
import assert from 'node:assert/strict'
import {
  checkConsistency,
  checkInclusion,
  fromBase64,
  httpTileSource,
  openCheckpoint,
  parseTlogProof,
  parseVkey,
  toBase64,
  treeReader,
  utf8,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'

export class History {
  readonly #vkeys: readonly string[]
  readonly #origin: string
  /** By index. */
  readonly #acknowledged = new Map<number, string>()
  readonly #indexOf = new Map<string, number>()
  /** Roots seen, base64, by size. */
  readonly #roots = new Map<number, string>()
  readonly #polledSizes = new Map<string, number>()

  constructor(origin: string, vkeys: readonly string[]) {
    this.#origin = origin
    this.#vkeys = vkeys
  }

  get acknowledged(): number {
    return this.#acknowledged.size
  }

  /** Different trees whose checkpoints were seen. */
  get trees(): number {
    return this.#roots.size
  }

  /** `POST /add` answered this index, after any number of tries. */
  acknowledge(leaf: string, index: number): void {
    assert.equal(this.#acknowledged.get(index) ?? leaf, leaf, `index ${index} was given twice`)
    assert.equal(this.#indexOf.get(leaf) ?? index, index, `${leaf} has two indices`)
    this.#acknowledged.set(index, leaf)
    this.#indexOf.set(leaf, index)
  }

  /** `POST /add` answered this proof: it must verify at once. */
  acknowledgeProof(leaf: string, text: string): void {
    const { index, hashes, checkpoint } = parseTlogProof(text)
    const { size, root } = this.#open(checkpoint.text)
    const [leafHash] = nodeCrypto.leafHashes([utf8(leaf)])
    checkInclusion(nodeCrypto, { index, size, root, leafHash: leafHash as Uint8Array, proof: hashes })
    this.acknowledge(leaf, index)
  }

  /** `GET /checkpoint` of one server, asked by one poller after the other: what is published never goes back. */
  sawCheckpoint(text: string, server = ''): void {
    const { size } = this.#open(text)
    const before = this.#polledSizes.get(server) ?? 0
    assert.ok(size >= before, `the published size went from ${before} back to ${size}`)
    this.#polledSizes.set(server, size)
  }

  /** A signature was made, whether or not it ever left the process that made it. */
  sawSigned(size: number, root: string): void {
    assert.equal(this.#roots.get(size) ?? root, root, `two roots were signed for size ${size}`)
    this.#roots.set(size, root)
  }

  #open(text: string) {
    const keys = this.#vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
    const { checkpoint, verified } = openCheckpoint(nodeCrypto, text, keys, this.#origin)
    assert.equal(verified.length, keys.length, 'every key of the log signs every checkpoint')
    const root = toBase64(checkpoint.root)
    assert.equal(this.#roots.get(checkpoint.size) ?? root, root, `two roots were signed for size ${checkpoint.size}`)
    this.#roots.set(checkpoint.size, root)
    return checkpoint
  }

  /** Holds all of it against the log as it is served now. Returns its size. */
  async judge(url: string): Promise<number> {
    const source = httpTileSource({ prefix: url, fetch, allowHttpLoopback: true })
    const final = this.#open(Buffer.from(await source.checkpoint()).toString())
    const reader = treeReader({ hasher: nodeCrypto, source, size: final.size, root: final.root })
    const leaves = new Set<string>()
    for await (const { index, entry } of reader.readEntries(0, final.size)) {
      const leaf = Buffer.from(entry).toString()
      assert.ok(!leaves.has(leaf), `${leaf} is logged twice`)
      leaves.add(leaf)
      assert.equal(this.#acknowledged.get(index) ?? leaf, leaf, `entry ${index} is not what was acknowledged`)
    }
    for (const [index, leaf] of this.#acknowledged) assert.ok(index < final.size, `${leaf} at ${index} was lost`)
    for (const [size, root] of this.#roots) {
      const proof = await reader.proveConsistency(size)
      checkConsistency(nodeCrypto, {
        from: size,
        to: final.size,
        proof,
        fromRoot: fromBase64(root),
        toRoot: final.root,
      })
    }
    return final.size
  }
}
