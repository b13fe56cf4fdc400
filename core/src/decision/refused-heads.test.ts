/** Heads and proofs that must be refused (docs/attacks.md). */
import { flip, offline, refusals, withEntry, withHead, withView } from '../../../test/support/refusals.ts'
import { keyOf, MemoryLog, witness } from '../../../test/support/world.ts'
import { type Network, NOW, ran } from '../../../test/support/world-client.ts'
import { cosigners, ORIGIN, twoReleases } from '../../../test/support/world-scene.ts'
import { logSigner } from '../log/checkpoint.ts'
import { nodeCrypto } from '../node.ts'

refusals({
  PROOF_MISSING: [
    ['a valid signature without any proof', () => withEntry(() => ({ inclusion: [] }))],
    [
      'no consistency proof from the stored tree, offline',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        scene.publish()
        return scene.run({ state, ...offline })
      },
    ],
    [
      'no consistency proof from the anchor, offline',
      () => {
        const scene = twoReleases()
        const anchor = scene.anchor()
        scene.publish()
        return scene.run({ anchor, ...offline })
      },
    ],
    [
      'no consistency proof from anywhere',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        scene.publish()
        const override: Network['override'] = ({ kind }) =>
          kind === 'consistency' ? { kind: 'failed', reason: 'missing', detail: '404' } : null
        return scene.run({ state, net: { override } })
      },
    ],
    [
      'offline, with a bundle older than the stored tree',
      () => {
        const scene = twoReleases()
        const bundle = scene.bundle()
        scene.log.pad(4)
        const { state } = ran(scene.run())
        return scene.run({ state, bundle, ...offline })
      },
    ],
  ],
  PROOF_INVALID: [
    [
      "another artifact's valid entry and proof",
      () =>
        withEntry((_, { log, releases }) => ({ leaf: log.leaves[releases[0]?.indices[0] ?? 0] ?? new Uint8Array() })),
    ],
    ['the next index', () => withEntry(({ index }) => ({ index: index + 2 }))],
    ['an index at the size', () => withEntry((_, { log }) => ({ index: log.size }))],
    ['an index past the size', () => withEntry(() => ({ index: Number.MAX_SAFE_INTEGER }))],
    ['one hash too many', () => withEntry(({ inclusion }) => ({ inclusion: [...inclusion, new Uint8Array(32)] }))],
    ['one hash too few', () => withEntry(({ inclusion }) => ({ inclusion: inclusion.slice(1) }))],
    [
      'two hashes swapped',
      () =>
        withEntry(({ inclusion: [a, b, ...rest] }) => ({
          inclusion: [b ?? new Uint8Array(32), a ?? new Uint8Array(32), ...rest],
        })),
    ],
    ['a flipped bit', () => withEntry(({ inclusion: [a, ...rest] }) => ({ inclusion: [flip(a), ...rest] }))],
    [
      'one entry of several without its place',
      () =>
        withView((view) => ({
          ...view,
          entries: view.entries.map((entry, at) => (at === 1 ? { ...entry, index: entry.index + 1 } : entry)),
        })),
    ],
    [
      'a node presented as a leaf',
      () => {
        const scene = twoReleases()
        const [left, right] = nodeCrypto.leafHashes(scene.log.leaves.slice(6, 8))
        const leaf = new Uint8Array([...(left ?? []), ...(right ?? [])])
        const bundle = scene.bundle()
        const [view] = bundle.views
        const entries = (view?.entries ?? [])
          .slice(0, 1)
          .map((entry) => ({ ...entry, index: 3, leaf, inclusion: entry.inclusion.slice(1) }))
        return scene.run({ bundle: { ...bundle, views: view === undefined ? [] : [{ ...view, entries }] } })
      },
    ],
    [
      'a consistency proof that does not verify, offline',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        const from = scene.log.size
        scene.publish()
        const bundle = scene.bundle({ from: [from] })
        const views = bundle.views.map((view) => ({
          ...view,
          consistency: view.consistency.map((proof) => ({
            ...proof,
            proof: proof.proof.map((hash, at) => (at === 1 ? flip(hash) : hash)),
          })),
        }))
        return scene.run({ state, bundle: { ...bundle, views }, ...offline })
      },
    ],
  ],
  CHECKPOINT_INVALID: [
    ['unsigned', () => withHead((text) => text.slice(0, text.indexOf('\n\n') + 2))],
    [
      'signed by an unlisted key',
      () =>
        withHead((_, { log }) =>
          log.checkpoint({ witnesses: cosigners, signedBy: logSigner(nodeCrypto, ORIGIN, keyOf('mallory')) }),
        ),
    ],
    [
      'witness signatures but no log signature',
      () =>
        withHead((text) =>
          text
            .split('\n')
            .filter((line) => !line.startsWith(`— ${ORIGIN}`))
            .join('\n'),
        ),
    ],
    [
      'the origin of another log',
      () =>
        withHead(() =>
          twoReleases({ log: new MemoryLog('other.example.com') }).log.checkpoint({ witnesses: cosigners }),
        ),
    ],
    ['an origin that begins with ours', () => withHead((text) => text.replace(ORIGIN, `${ORIGIN}/more`))],
    [
      'another root than was signed',
      () =>
        withHead((_, { log }) => {
          const [a, b] = [
            log.checkpoint({ witnesses: cosigners }),
            log.checkpoint({ root: new Uint8Array(32), witnesses: cosigners }),
          ]
          return a.slice(0, a.indexOf('\n\n')) + b.slice(b.indexOf('\n\n'))
        }),
    ],
    ['another size than was signed', () => withHead((text) => text.replace('\n9\n', '\n8\n'))],
    [
      'a cosignature over another root, the quorum otherwise met',
      () =>
        withHead((text, { log }) => {
          const other = log.checkpoint({ root: new Uint8Array(32), witnesses: { 'w3.example': NOW } })
          return text + other.slice(other.lastIndexOf('— '))
        }),
    ],
    ['a line missing', () => withHead((text) => text.replace('\n9\n', '\n'))],
    ['a size that is not canonical', () => withHead((text) => text.replace('\n9\n', '\n09\n'))],
    ['CRLF', () => withHead((text) => text.replaceAll('\n', '\r\n'))],
    ['a trailing space', () => withHead((text) => text.replace('\n9\n', '\n9 \n'))],
    ['an extension line that was not signed', () => withHead((text) => text.replace('\n\n', '\nmore\n\n'))],
    [
      'two lines of the log',
      () => withHead((text) => `${text}${text.split('\n').find((line) => line.startsWith(`— ${ORIGIN}`))}\n`),
    ],
    [
      'a log key with the right name and another key',
      () => withHead((_, { log }) => log.checkpoint({ witnesses: cosigners, signedBy: witness(ORIGIN) })),
    ],
  ],
  WITNESS_QUORUM: [
    ['one cosignature short', () => withHead((_, { log }) => log.checkpoint({ witnesses: { 'w1.example': NOW } }))],
    [
      'one witness twice',
      () =>
        withHead((_, { log }) => {
          const text = log.checkpoint({ witnesses: { 'w1.example': NOW } })
          const line = log.checkpoint({ witnesses: { 'w1.example': NOW - 1 } })
          return text + line.slice(line.lastIndexOf('— '))
        }),
    ],
    [
      'an unlisted witness',
      () => withHead((_, { log }) => log.checkpoint({ witnesses: { 'w1.example': NOW, 'mallory.example': NOW } })),
    ],
    ['none', () => withHead((_, { log }) => log.checkpoint())],
  ],
})
