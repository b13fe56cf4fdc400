/**
 * Writes test/vectors/rfc6962-{inclusion,consistency}.json: valid proofs of a few trees and what may be done to them.
 * Whether a case must be refused is decided by the definitions in rfc6962.ts, not by the code that the vectors test.
 *
 *     node --conditions=samebits-source test/support/rfc6962-vectors.ts
 */
import { writeFileSync } from 'node:fs'
import {
  type Consistency,
  consistency,
  type Hash,
  type Inclusion,
  includes,
  isConsistent,
  leafHash,
  path,
  root,
} from './rfc6962.ts'

/** Leaves of 0 bytes and more, some of them equal. */
const leaves = Array.from({ length: 70 }, (_, at) => leafHash(new Uint8Array(at % 37).fill(at % 7)))
const garbage = leafHash(new TextEncoder().encode('garbage'))

type Mutation<Claim> = readonly [desc: string, change: (claim: Claim) => Partial<Claim>]

function flip(hash: Hash, bit: number): Hash {
  return hash.with(bit >> 3, (hash[bit >> 3] ?? 0) ^ (1 << (bit & 7)))
}

/** What may be done to the hashes of any proof. */
function proofMutations<Claim extends { proof: Hash[] }>(claim: Claim): Mutation<Claim>[] {
  const { proof } = claim
  const each = proof.flatMap((hash, at): Mutation<Claim>[] => {
    const put = (value: Hash[]): Partial<Claim> => ({ proof: proof.toSpliced(at, 1, ...value) }) as Partial<Claim>
    return [
      [`bit ${(at * 53) % 256} of hash ${at} flipped`, () => put([flip(hash, (at * 53) % 256)])],
      [`hash ${at} left out`, () => put([])],
      [`hash ${at} twice`, () => put([hash, hash])],
      [`hash ${at} a byte short`, () => put([hash.slice(0, 31)])],
      [`hash ${at} a byte long`, () => put([new Uint8Array([...hash, 0])])],
      [`hash ${at} empty`, () => put([new Uint8Array(0)])],
    ]
  })
  const all = (value: Hash[]) => () => ({ proof: value }) as Partial<Claim>
  return [
    ['no proof', all([])],
    ['garbage before the proof', all([garbage, ...proof])],
    ['garbage after the proof', all([...proof, garbage])],
    ['an empty hash before the proof', all([new Uint8Array(0), ...proof])],
    ['an empty hash after the proof', all([...proof, new Uint8Array(0)])],
    ['the proof reversed', all(proof.toReversed())],
    ['the proof twice', all([...proof, ...proof])],
    ['first two hashes joined into one', all([new Uint8Array(proof.slice(0, 2).flatMap((hash) => [...hash]))])],
    ...each,
  ]
}

const inclusionMutations = (claim: Inclusion): Mutation<Inclusion>[] => [
  ['as it is', () => ({})],
  ['index one lower', ({ index }) => ({ index: index - 1 })],
  ['index one higher', ({ index }) => ({ index: index + 1 })],
  ['index with bit 1 flipped', ({ index }) => ({ index: index ^ 2 })],
  ['index at the size', ({ size }) => ({ index: size })],
  ['index past the size', ({ size }) => ({ index: size + 3 })],
  ['index 2^32 higher', ({ index }) => ({ index: index + 2 ** 32 })],
  ['index 2^53 - 1', () => ({ index: Number.MAX_SAFE_INTEGER })],
  ['size 0', () => ({ size: 0 })],
  ['size doubled', ({ size }) => ({ size: size * 2 })],
  ['size one lower', ({ size }) => ({ size: size - 1 })],
  ['size one higher', ({ size }) => ({ size: size + 1 })],
  ['size halved', ({ size }) => ({ size: Math.floor(size / 2) })],
  ['size 2^32 higher', ({ size }) => ({ size: size + 2 ** 32 })],
  ['size 2^53 - 1', () => ({ size: Number.MAX_SAFE_INTEGER })],
  ['another leaf', () => ({ leafHash: garbage })],
  ['root of the empty tree', () => ({ root: root([]) })],
  ['another root', () => ({ root: garbage })],
  ['root a byte short', (given) => ({ root: given.root.slice(0, 31) })],
  ['leaf hash empty', () => ({ leafHash: new Uint8Array(0) })],
  ['leaf and root swapped', (given) => ({ leafHash: given.root, root: given.leafHash })],
  ['the root as its own proof', (given) => ({ leafHash: given.root, proof: [] })],
  ['the root before the proof', (given) => ({ proof: [given.root, ...given.proof] })],
  ['the leaf before the proof', (given) => ({ proof: [given.leafHash, ...given.proof] })],
  ...proofMutations(claim),
]

const consistencyMutations = (claim: Consistency): Mutation<Consistency>[] => [
  ['as it is', () => ({})],
  ['from one lower', ({ from }) => ({ from: from - 1 })],
  ['from one higher', ({ from }) => ({ from: from + 1 })],
  ['from with bit 1 flipped', ({ from }) => ({ from: from ^ 2 })],
  ['from 0', () => ({ from: 0 })],
  ['from above to', ({ to }) => ({ from: to + 1 })],
  ['from equal to to', ({ to }) => ({ from: to })],
  ['from 2^32 higher', ({ from }) => ({ from: from + 2 ** 32 })],
  ['to 0', () => ({ to: 0 })],
  ['to one lower', ({ to }) => ({ to: to - 1 })],
  ['to one higher', ({ to }) => ({ to: to + 1 })],
  ['to doubled', ({ to }) => ({ to: to * 2 })],
  ['to 2^32 higher', ({ to }) => ({ to: to + 2 ** 32 })],
  ['to 2^53 - 1', () => ({ to: Number.MAX_SAFE_INTEGER })],
  ['sizes swapped', ({ from, to }) => ({ from: to, to: from })],
  ['roots swapped', ({ fromRoot, toRoot }) => ({ fromRoot: toRoot, toRoot: fromRoot })],
  ['older root of the empty tree', () => ({ fromRoot: root([]) })],
  ['newer root of the empty tree', () => ({ toRoot: root([]) })],
  ['another older root', () => ({ fromRoot: garbage })],
  ['another newer root', () => ({ toRoot: garbage })],
  ['older root a byte short', ({ fromRoot }) => ({ fromRoot: fromRoot.slice(0, 31) })],
  ['newer root empty', () => ({ toRoot: new Uint8Array(0) })],
  ['the older root before the proof', ({ fromRoot, proof }) => ({ proof: [fromRoot, ...proof] })],
  ['the newer root after the proof', ({ toRoot, proof }) => ({ proof: [...proof, toRoot] })],
  ...proofMutations(claim),
]

const base64 = (hash: Hash) => Buffer.from(hash).toString('base64')

/** Negative sizes and mutations without effect are left out; accepted and refused claims both stay. */
function casesOf<Claim extends object>(claim: Claim, mutations: Mutation<Claim>[], holds: (claim: Claim) => boolean) {
  return mutations
    .map(([desc, change]) => ({ desc, claim: { ...claim, ...change(claim) } }))
    .filter(({ desc, claim: mutated }) => desc === 'as it is' || JSON.stringify(mutated) !== JSON.stringify(claim))
    .filter(({ claim: mutated }) => Object.values(mutated).every((value) => typeof value !== 'number' || value >= 0))
    .map(({ desc, claim: mutated }) => ({ desc, claim: mutated, wantErr: !holds(mutated) }))
}

export function inclusionVectors(): object[] {
  const places = [
    [0, 1],
    [0, 2],
    [1, 2],
    [2, 3],
    [0, 8],
    [5, 8],
    [2, 5],
    [6, 7],
    [63, 64],
    [64, 65],
    [40, 70],
  ] as const
  return places.flatMap(([index, size]) => {
    const tree = leaves.slice(0, size)
    const claim: Inclusion = { index, size, leafHash: tree[index] as Hash, proof: path(index, tree), root: root(tree) }
    return casesOf(claim, inclusionMutations(claim), includes).map(({ desc, claim: mutated, wantErr }) => ({
      name: `inclusion/${index}-of-${size}/${desc}`,
      leafIdx: mutated.index,
      treeSize: mutated.size,
      root: base64(mutated.root),
      leafHash: base64(mutated.leafHash),
      proof: mutated.proof.map(base64),
      desc,
      wantErr,
    }))
  })
}

export function consistencyVectors(): object[] {
  const pairs = [
    [0, 0],
    [0, 5],
    [1, 1],
    [1, 2],
    [1, 8],
    [2, 8],
    [3, 7],
    [4, 7],
    [6, 8],
    [7, 8],
    [8, 9],
    [64, 70],
    [33, 70],
    [70, 70],
  ] as const
  return pairs.flatMap(([from, to]) => {
    const [older, newer] = [leaves.slice(0, from), leaves.slice(0, to)]
    const proof = from === 0 ? [] : consistency(from, newer)
    const claim: Consistency = { from, to, fromRoot: root(older), toRoot: root(newer), proof }
    return casesOf(claim, consistencyMutations(claim), isConsistent).map(({ desc, claim: mutated, wantErr }) => ({
      name: `consistency/${from}-to-${to}/${desc}`,
      size1: mutated.from,
      size2: mutated.to,
      root1: base64(mutated.fromRoot),
      root2: base64(mutated.toRoot),
      proof: mutated.proof.map(base64),
      desc,
      wantErr,
    }))
  })
}

export const vectorFile = (kind: 'inclusion' | 'consistency'): URL =>
  new URL(`../vectors/rfc6962-${kind}.json`, import.meta.url)

if (import.meta.main) {
  for (const [kind, cases] of [
    ['inclusion', inclusionVectors()],
    ['consistency', consistencyVectors()],
  ] as const) {
    const source = 'test/support/rfc6962-vectors.ts'
    writeFileSync(vectorFile(kind), `${JSON.stringify({ source, cases }, null, 1)}\n`)
  }
}
