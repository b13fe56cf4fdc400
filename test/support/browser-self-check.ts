/**
 * Runs in a browser: the whole core, as bundled for one, does what it does in Node. Reports by name what held and what
 * did not. Loaded by test/browser.test.ts.
 */
import {
  checkConsistency,
  checkInclusion,
  type FetchLike,
  fromBase64,
  fromHex,
  httpTileSource,
  openCheckpoint,
  parseUpdateBundle,
  parseVkey,
  toHex,
  treeReader,
  utf8,
} from '@samebits/core'
import { portableCrypto as crypto } from '@samebits/core/portable'

interface InclusionVector {
  readonly leafIdx: number
  readonly treeSize: number
  readonly leafHash: string
  readonly root: string
  readonly proof: readonly string[]
  readonly wantErr: boolean
}

interface ConsistencyVector {
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
  readonly proof: readonly string[]
  readonly wantErr: boolean
}

interface SignatureVector {
  readonly publicKey: string
  readonly message: string
  readonly signature: string
  readonly accepted: boolean
}

/** What the test hands to the page, as JSON. */
export interface Material {
  readonly inclusion: readonly InclusionVector[]
  readonly consistency: readonly ConsistencyVector[]
  readonly speccheck: readonly SignatureVector[]
  /** A checkpoint signed by these keys, each alone sufficient. */
  readonly checkpoint: string
  readonly vkeys: readonly string[]
  /** Base64 of a bundle with one view, of that checkpoint. */
  readonly bundle: string
  /** Where that log's tiles are. */
  readonly prefix: string
}

export interface Result {
  readonly name: string
  readonly detail: string
  readonly held: boolean
}

function passes(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

function checkHash(): string {
  const digest = toHex(crypto.sha256(utf8('abc')))
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  return digest === expected ? '' : digest
}

function checkInclusionVectors({ inclusion }: Material): string {
  const wrong = inclusion.filter(({ leafIdx, treeSize, leafHash, root, proof, wantErr }) => {
    const claim = { index: leafIdx, size: treeSize, leafHash: fromBase64(leafHash), root: fromBase64(root) }
    return passes(() => checkInclusion(crypto, { ...claim, proof: proof.map(fromBase64) })) === wantErr
  })
  return wrong.length === 0 && inclusion.length > 0 ? '' : `${wrong.length} of ${inclusion.length}`
}

function checkConsistencyVectors({ consistency }: Material): string {
  const wrong = consistency.filter(({ size1, size2, root1, root2, proof, wantErr }) => {
    const claim = { from: size1, to: size2, fromRoot: fromBase64(root1), toRoot: fromBase64(root2) }
    return passes(() => checkConsistency(crypto, { ...claim, proof: proof.map(fromBase64) })) === wantErr
  })
  return wrong.length === 0 && consistency.length > 0 ? '' : `${wrong.length} of ${consistency.length}`
}

function checkSpeccheck({ speccheck }: Material): string {
  const wrong = speccheck.filter(({ publicKey, message, signature, accepted }) => {
    const key = { algorithm: 'ed25519', publicKey: fromHex(publicKey) } as const
    return crypto.verify(key, fromHex(message), fromHex(signature)) !== accepted
  })
  return wrong.length === 0 && speccheck.length > 0 ? '' : `${wrong.length} of ${speccheck.length}`
}

/** Each key opens the checkpoint, and none opens one of another size. */
function checkSignatures({ checkpoint, vkeys }: Material): string {
  const forged = checkpoint.replace('\n300\n', '\n301\n')
  for (const vkey of vkeys) {
    const keys = [parseVkey(crypto, vkey)]
    if (!passes(() => openCheckpoint(crypto, checkpoint, keys))) return `${vkey} does not open the checkpoint`
    if (forged === checkpoint || passes(() => openCheckpoint(crypto, forged, keys))) return `${vkey} opens a forged one`
  }
  return vkeys.length > 0 ? '' : 'no keys'
}

function checkBundle({ bundle, checkpoint, vkeys }: Material): string {
  const bytes = fromBase64(bundle)
  const [view] = parseUpdateBundle(bytes).views
  if (view?.checkpoint !== checkpoint || view.entries.length === 0) return 'another bundle'
  const { size, root } = openCheckpoint(
    crypto,
    view.checkpoint,
    vkeys.map((vkey) => parseVkey(crypto, vkey)),
  ).checkpoint
  for (const { index, inclusion, leaf } of view.entries) {
    const [leafHash = leaf] = crypto.leafHashes([leaf])
    checkInclusion(crypto, { index, size, leafHash, proof: inclusion, root })
  }
  return passes(() => parseUpdateBundle(bytes.slice(0, -1))) ? 'a bundle cut short is read' : ''
}

async function checkTiles({ prefix, checkpoint, vkeys }: Material): Promise<string> {
  const keys = vkeys.map((vkey) => parseVkey(crypto, vkey))
  const { size, root } = openCheckpoint(crypto, checkpoint, keys).checkpoint
  const source = httpTileSource<AbortSignal>({
    prefix,
    fetch: globalThis.fetch.bind(globalThis) satisfies FetchLike<AbortSignal>,
    signal: () => AbortSignal.timeout(10_000),
    allowHttpLoopback: true,
  })
  let read = 0
  for await (const { index } of treeReader({ hasher: crypto, source, size, root }).readEntries(0, size)) {
    if (index === read) read++
  }
  if (read !== size) return `${read} of ${size} entries`
  const lying = treeReader({ hasher: crypto, source, size, root: root.toReversed() })
  return (await lying.rootAt(1).catch(() => null)) === null ? '' : 'a wrong root is not noticed'
}

/** Every check, in order; a `detail` other than the empty string says what did not hold. */
export async function selfCheck(material: Material): Promise<Result[]> {
  const checks: readonly [string, () => string | Promise<string>][] = [
    ['SHA-256', checkHash],
    ['inclusion', () => checkInclusionVectors(material)],
    ['consistency', () => checkConsistencyVectors(material)],
    ['Ed25519 speccheck', () => checkSpeccheck(material)],
    ['Ed25519 and ML-DSA-44 checkpoint signatures', () => checkSignatures(material)],
    ['update bundle', () => checkBundle(material)],
    ['tiles over fetch', () => checkTiles(material)],
  ]
  const results: Result[] = []
  for (const [name, check] of checks) {
    const detail = await Promise.resolve()
      .then(check)
      .catch((error: unknown) => String(error))
    results.push({ name, detail, held: detail === '' })
  }
  return results
}
