/** PROOF_MISSING and PROOF_INVALID. */

import { nodeCrypto } from '@samebits/core/node'
import type { Group } from '../case.ts'
import { ends, not, offlineToo, refusing } from '../case.ts'
import type { Stage } from '../stage.ts'
import { altered, firstIndices, flip, offerEntry } from '../tools.ts'

/** The bytes of the offer, with the first entry's index written otherwise. */
function indexWritten(as: string): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await stage.usual()
    const index = stage.scene.last.indices[0]
    stage.offer = altered(stage.offered() ?? new Uint8Array(), (text) =>
      text.replace(`"index":${index}`, `"index":${as}`),
    )
  }
}

const missing = refusing('PROOF_MISSING', [
  ends('STATEMENT_INVALID', 'a promise instead of a proof, which no bundle can hold', async (stage) => {
    await stage.usual()
    stage.offer = altered(stage.offered() ?? new Uint8Array(), (text) =>
      text.replace(/"inclusion":\[[^\]]*\]/, '"inclusionPromise":"c29vbg=="'),
    )
  }),
  [
    'a valid signature without any proof',
    async (stage) => {
      await stage.usual()
      offerEntry(stage, () => ({ inclusion: [] }))
    },
  ],
  [
    'no proof, and a log that would hand one out: the client asks for none and uploads nothing',
    async (stage) => {
      await stage.usual()
      offerEntry(stage, () => ({ inclusion: [] }))
      stage.hostile = () => (request) => {
        if (request.method !== 'GET') throw new Error(`the client sends ${request.method} ${request.url}`)
        return false
      }
    },
  ],
  [
    'no consistency proof from the stored tree, offline',
    async (stage) => {
      await stage.usual()
      stage.goOffline()
      stage.offer = stage.bundle({ from: [] })
    },
  ],
  [
    'no consistency proof from the anchor, offline',
    async (stage) => {
      const scene = stage.begin()
      scene.publish()
      stage.anchor = scene.anchor()
      scene.publish()
      stage.goOffline()
      stage.offer = stage.bundle({ from: [] })
    },
  ],
  [
    'no consistency proof, neither in the bundle nor from the log',
    async (stage) => {
      await stage.usual()
      stage.offer = stage.bundle({ from: [] })
      stage.hostile = () => (request, response) =>
        request.url?.startsWith('/log/tile/') === true && void response.writeHead(404).end() === undefined
    },
  ],
  [
    'offline, with a bundle older than the stored tree',
    async (stage) => {
      const scene = await stage.usual()
      const old = stage.bundle()
      scene.log.pad(4)
      stage.offer = stage.bundle({ indices: firstIndices(scene) })
      await stage.update('current')
      stage.goOffline()
      stage.offer = old
    },
  ],
  not('a proof from the stored tree in the bundle, offline', async (stage) => {
    await stage.usual()
    stage.goOffline()
  }),
])

const invalid = refusing('PROOF_INVALID', [
  [
    "another artifact's valid entry under this proof",
    async (stage) => {
      const { log } = await stage.usual()
      const other = log.leaves[firstIndices(stage.scene)[0] ?? 0] ?? new Uint8Array()
      offerEntry(stage, () => ({ leaf: other }))
    },
  ],
  [
    'a wrong index',
    async (stage) => {
      await stage.usual()
      offerEntry(stage, ({ index }) => ({ index: index + 2 }))
    },
  ],
  [
    'the right leaf at the position of its neighbour',
    async (stage) => {
      const { log } = await stage.usual()
      offerEntry(stage, ({ index }) => ({ index: index - 1, inclusion: log.inclusion(index - 1) }))
    },
  ],
  [
    'an index at the size',
    async (stage) => {
      const { log } = await stage.usual()
      offerEntry(stage, () => ({ index: log.size }))
    },
  ],
  [
    'an index far past the size',
    async (stage) => {
      await stage.usual()
      offerEntry(stage, () => ({ index: Number.MAX_SAFE_INTEGER }))
    },
  ],
  ['a negative index', indexWritten('-1')],
  ['an index above 2^53-1', indexWritten('9007199254740992')],
  ends('STATEMENT_INVALID', 'an index with a leading zero, which is no JSON', indexWritten('06')),
  [
    'one hash too many',
    async (stage) => {
      await stage.usual()
      offerEntry(stage, ({ inclusion }) => ({ inclusion: [...inclusion, new Uint8Array(32)] }))
    },
  ],
  [
    'one hash too few',
    async (stage) => {
      await stage.usual()
      offerEntry(stage, ({ inclusion }) => ({ inclusion: inclusion.slice(1) }))
    },
  ],
  [
    'two hashes swapped',
    async (stage) => {
      await stage.usual()
      offerEntry(stage, ({ inclusion: [a = flip(), b = flip(), ...rest] }) => ({ inclusion: [b, a, ...rest] }))
    },
  ],
  [
    'a flipped bit',
    async (stage) => {
      await stage.usual()
      offerEntry(stage, ({ inclusion: [a, ...rest] }) => ({ inclusion: [flip(a), ...rest] }))
    },
  ],
  [
    'a tree of size 0',
    async (stage) => {
      const { log } = await stage.usual()
      stage.offerHead(() => log.checkpoint({ size: 0, witnesses: witnesses() }))
    },
  ],
  [
    'a tree of size 1, with a path',
    async (stage) => {
      const { log } = await stage.usual()
      const [view] = stage.bundle({ size: 1, indices: [] }).views
      stage.offerView(({ entries }) => ({
        checkpoint: view?.checkpoint ?? '',
        consistency: [],
        entries: entries.slice(0, 1).map((entry) => ({ ...entry, index: 0, leaf: log.leaves[0] ?? entry.leaf })),
      }))
    },
    // Without the network the stored tree cannot be shown to extend that of one entry, which is asked first.
    { verified: false },
  ],
  [
    "a proof to another tree's root",
    async (stage) => {
      const { log } = await stage.usual()
      const other = log.fork(log.size - 1)
      other.pad(3)
      offerEntry(stage, ({ index }) => ({ inclusion: other.inclusion(index) }))
    },
  ],
  [
    'a node presented as a leaf: the second preimage that the leaf prefix prevents',
    async (stage) => {
      const { log } = await stage.usual()
      const [left, right] = nodeCrypto.leafHashes(log.leaves.slice(6, 8))
      const leaf = new Uint8Array([...(left ?? []), ...(right ?? [])])
      offerEntry(stage, ({ inclusion }) => ({ index: 3, leaf, inclusion: inclusion.slice(1) }))
    },
  ],
  [
    'a consistency proof that does not verify, offline: never a fork',
    async (stage) => {
      await stage.usual()
      stage.goOffline()
      stage.offerView((view) => ({
        ...view,
        consistency: view.consistency.map(({ from, proof }) => ({ from, proof: proof.map(flip) })),
      }))
    },
  ],
  not('a wrong proof in the bundle, where the log has a right one', async (stage) => {
    await stage.usual()
    stage.offerView((view) => ({
      ...view,
      consistency: view.consistency.map(({ from, proof }) => ({ from, proof: proof.map(flip) })),
    }))
  }),
])

function witnesses() {
  return { 'w1.example': 1_795_000_000 - 60, 'w2.example': 1_795_000_000 - 60 }
}

export const proofs: readonly Group[] = [missing, offlineToo(invalid)]
