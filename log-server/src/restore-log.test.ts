/** Restoring a log of products: the index that is made again is the one that was lost. */
import { memoryTileSource, utf8 } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  configOf,
  member,
  origin,
  release,
  revocation,
  sha256,
  sign,
  TestLog,
  trustFile,
  trustStatement,
} from './admission/testing.ts'
import { type RestoreParts, restoreLog } from './restore-log.ts'
import { headSigner } from './signer.ts'
import { signHead } from './testing.ts'

const signingKeys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
const signer = headSigner(nodeCrypto, origin, signingKeys)
const [ann, ben, rex] = [member('ann'), member('ben'), member('rex')]
const first = trustFile({ authority: [rex], publishers: [ann] })
const second = trustFile({ version: 2, authority: [rex], publishers: [ann, ben] })

let lost: TestLog
let entries: Uint8Array[]
beforeEach(async () => {
  lost = await TestLog.open(configOf(first))
  await lost.put(second)
  const r1 = release(1, null)
  const r2 = release(2, r1.id)
  const r3 = release(3, r2.id)
  entries = [
    sign(r1, ann.key),
    sign(r2, ann.key),
    sign(trustStatement(2, second), rex.key),
    sign(r3, ben.key),
    sign(revocation([r2.id]), rex.key),
    sign(r3, ann.key),
  ]
  for (const [index, entry] of entries.entries()) expect(await lost.tell(entry)).toBe(index)
})
afterEach(() => lost.close())

/** Restores the first `size` entries into `into`. */
function restore(into: TestLog, size: number, more: Partial<RestoreParts<never, never>> = {}) {
  const { store, admission } = into
  const leaves = entries.slice(0, size)
  const root = nodeCrypto.leafHashes(leaves)
  const { text } = signHead(signingKeys, { size, root: rootOf(leaves) }, 1, origin)
  expect(root.length).toBe(size)
  return restoreLog({
    ...{ store, admission, hasher: nodeCrypto, target: signer.open(text), marked: { checkpoint: text, epoch: 9 } },
    source: memoryTileSource(nodeCrypto, leaves, utf8(text)),
    publish: true,
    bodies: {
      missing: async () => ((await store.tables.committed.blobSize(sha256(second))) === null ? [sha256(second)] : []),
      keep: (_digest, body) => into.put(body),
    },
    fetchBody: async () => second,
    now: () => 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...(more as object),
  })
}

function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const level = (hashes: readonly Uint8Array[]): Uint8Array => {
    const [only] = hashes
    if (hashes.length === 1 && only !== undefined) return only
    const split = 2 ** Math.ceil(Math.log2(hashes.length) - 1)
    return nodeCrypto.parents(Buffer.concat([level(hashes.slice(0, split)), level(hashes.slice(split))]))
  }
  return level(nodeCrypto.leafHashes(leaves))
}

/** What the index says of everything that was submitted. */
async function index(log: TestLog) {
  const { committed } = log.store.tables
  const statements = await log.store.update((tables) => tables.judged('example.com/notes'))
  return {
    product: await committed.product('example.com/notes'),
    heads: await committed.heads('example.com/notes'),
    statements: [...statements].sort((a, b) => a.id.localeCompare(b.id)),
    unmet: await committed.unmet('example.com/notes'),
  }
}

describe('restoring', () => {
  it('makes the index again from the entries, also where a trust file in between lists their signers', async () => {
    const restored = await TestLog.open(configOf(first))
    expect(await restore(restored, 6)).toMatchObject({ from: 0, to: 6 })
    expect(await index(restored)).toEqual(await index(lost))
    expect((await restored.store.published())?.size).toBe(6)
    await restored.close()
  })

  it('goes on from any size, under a lease that is newer than the marker’s', async () => {
    const restored = await TestLog.open(configOf(first))
    for (const size of [1, 2, 3, 6]) await restore(restored, size)
    expect(await index(restored)).toEqual(await index(lost))
    expect((await restored.store.head())?.epoch).toBe(13)
    await restored.close()
  })

  it('refuses entries that cannot be indexed, and commits none of them', async () => {
    const restored = await TestLog.open(configOf(trustFile({ authority: [rex], publishers: [ben] })))
    await expect(restore(restored, 6)).rejects.toMatchObject({ code: 'RESTORE_REFUSED' })
    expect((await restored.store.head())?.size).toBe(0)
    await restored.close()
  })

  it('refuses a body that is not the one', async () => {
    const restored = await TestLog.open(configOf(first))
    await expect(restore(restored, 6, { fetchBody: async () => first })).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    })
    await restored.close()
  })

  it('ends where it is told to', async () => {
    const restored = await TestLog.open(configOf(first))
    await expect(restore(restored, 6, { signal: AbortSignal.abort(new RangeError('stop')) })).rejects.toThrow('stop')
    expect((await restored.store.head())?.size).toBe(0)
    await restored.close()
  })
})
