/**
 * RFC 6962 §2.1 word for word: recursive, slow, and sharing no line with the code it is compared with. Proofs are also
 * checked by running their definitions backwards, which is not how RFC 9162 (and the code under test) does it.
 */
import { createHash } from 'node:crypto'

export type Hash = Uint8Array

function sha256(...parts: Uint8Array[]): Hash {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

export const leafHash = (entry: Uint8Array): Hash => sha256(Uint8Array.of(0), entry)
const parent = (left: Hash, right: Hash): Hash => sha256(Uint8Array.of(1), left, right)

/** "the largest power of two smaller than n" */
function split(n: number): number {
  let k = 1
  while (2 * k < n) k *= 2
  return k
}

/** MTH(D[n]) over leaf hashes. */
export function root(leaves: readonly Hash[]): Hash {
  const [only] = leaves
  if (only === undefined) return sha256()
  if (leaves.length === 1) return only
  const k = split(leaves.length)
  return parent(root(leaves.slice(0, k)), root(leaves.slice(k)))
}

/** PATH(m, D[n]) */
export function path(m: number, leaves: readonly Hash[]): Hash[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m < k ? [...path(m, left), root(right)] : [...path(m - k, right), root(left)]
}

/** PROOF(m, D[n]) */
export function consistency(m: number, leaves: readonly Hash[]): Hash[] {
  return subproof(m, leaves, true)
}

function subproof(m: number, leaves: readonly Hash[], whole: boolean): Hash[] {
  if (m === leaves.length) return whole ? [] : [root(leaves)]
  const k = split(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m <= k ? [...subproof(m, left, whole), root(right)] : [...subproof(m - k, right, false), root(left)]
}

function sound(hashes: readonly Hash[]): boolean {
  return hashes.every((hash) => hash.length === 32)
}

function same(a: Hash, b: Hash): boolean {
  return Buffer.compare(a, b) === 0
}

/** The root that PATH(m, D[n]) = proof implies, or null where no tree has such a path. */
function rootOfPath(m: number, n: number, leaf: Hash, proof: readonly Hash[]): Hash | null {
  if (n === 1) return proof.length === 0 ? leaf : null
  const last = proof.at(-1)
  if (last === undefined) return null
  const [k, rest] = [split(n), proof.slice(0, -1)]
  const below = m < k ? rootOfPath(m, k, leaf, rest) : rootOfPath(m - k, n - k, leaf, rest)
  if (below === null) return null
  return m < k ? parent(below, last) : parent(last, below)
}

export interface Inclusion {
  index: number
  size: number
  leafHash: Hash
  proof: Hash[]
  root: Hash
}

export function includes({ index, size, leafHash: leaf, proof, root: expected }: Inclusion): boolean {
  if (!(index >= 0 && index < size) || !sound([leaf, expected, ...proof])) return false
  const got = rootOfPath(index, size, leaf, proof)
  return got !== null && same(got, expected)
}

/** Both roots that SUBPROOF(m, D[n], whole) = proof implies. */
function rootsOfSubproof(m: number, n: number, proof: readonly Hash[], old: Hash | null): [Hash, Hash] | null {
  if (m === n) {
    const [only] = old === null ? proof : [old]
    return only === undefined || proof.length !== (old === null ? 1 : 0) ? null : [only, only]
  }
  const last = proof.at(-1)
  if (last === undefined) return null
  const [k, rest] = [split(n), proof.slice(0, -1)]
  const below = m <= k ? rootsOfSubproof(m, k, rest, old) : rootsOfSubproof(m - k, n - k, rest, null)
  if (below === null) return null
  const [from, to] = below
  return m <= k ? [from, parent(to, last)] : [parent(last, from), parent(last, to)]
}

export interface Consistency {
  from: number
  to: number
  fromRoot: Hash
  toRoot: Hash
  proof: Hash[]
}

export function isConsistent({ from, to, fromRoot, toRoot, proof }: Consistency): boolean {
  if (!(from >= 0 && from <= to) || !sound([fromRoot, toRoot, ...proof])) return false
  const empty = (size: number, hash: Hash) => size > 0 || same(hash, root([]))
  if (!empty(from, fromRoot) || !empty(to, toRoot)) return false
  if (from === 0) return proof.length === 0
  const roots = rootsOfSubproof(from, to, proof, fromRoot)
  return roots !== null && same(roots[0], fromRoot) && same(roots[1], toRoot)
}
