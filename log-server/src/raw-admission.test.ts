import { concat } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { describe, expect, it } from 'vitest'
import type { Verdict } from './admission.ts'
import { openRawAdmission } from './raw-admission.ts'
import type { LogReader } from './store.ts'

const leaves = (...texts: string[]) => texts.map((text) => Buffer.from(text))

/** A log that holds these leaves. */
function readerOf(stored: readonly Uint8Array[]): Pick<LogReader, 'head' | 'tile'> {
  const hashes = nodeCrypto.leafHashes(stored)
  return {
    head: async () => ({ size: stored.length, root: new Uint8Array(32), epoch: 1 }),
    tile: async (_level, index, width) => concat(...hashes.slice(index * 256, index * 256 + width)),
  }
}

async function open(stored: readonly Uint8Array[], windowEntries = 1000) {
  const admission = await openRawAdmission(readerOf(stored), { maxLeafBytes: 10, windowEntries })
  let size = stored.length
  /** Decides one batch; `commit: false` is a batch that was rolled back. */
  const decide = async (texts: readonly string[], { commit = true } = {}): Promise<(number | string)[]> => {
    const batch = leaves(...texts)
    const hashes = nodeCrypto.leafHashes(batch)
    const decisions = await admission.begin(
      {},
      batch.map(() => null),
    )
    const before = size
    const verdicts: (number | string)[] = []
    for (const [at, leaf] of batch.entries()) {
      const verdict: Verdict = await decisions.decide(null, {
        index: size,
        leaf,
        leafHash: hashes[at] ?? new Uint8Array(0),
        now: 0,
      })
      verdicts.push(verdict.kind === 'duplicate' ? `again ${verdict.index}` : size)
      if (verdict.kind === 'admit') size++
    }
    await decisions.flush()
    if (commit) decisions.committed()
    else size = before
    return verdicts
  }
  return { admission, decide }
}

describe('raw admission', () => {
  it('knows repeats in the same batch, in later ones, and those of before the start', async () => {
    const { decide } = await open(leaves('old', 'older'))
    expect(await decide(['a', 'b', 'a', 'old'])).toEqual([2, 3, 'again 2', 'again 0'])
    expect(await decide(['b', 'c', 'older'])).toEqual(['again 3', 4, 'again 1'])
  })

  it('forgets a batch that was rolled back', async () => {
    const { decide } = await open([])
    expect(await decide(['a'], { commit: false })).toEqual([0])
    expect(await decide(['b', 'a'])).toEqual([0, 1])
  })

  it('looks through the newest entries only, however it came to know them', async () => {
    const { decide } = await open(leaves('1', '2', '3', '4'), 2)
    expect(await decide(['2', '3', '4'])).toEqual([4, 'again 2', 'again 3'])
    expect(await decide(['3', '4'])).toEqual([5, 'again 3'])
  })

  it('finds entries across tiles at start', async () => {
    const stored = Array.from({ length: 700 }, (_, at) => Buffer.from(`${at}`))
    const { decide } = await open(stored, 500)
    expect(await decide(['199', '200', '255', '256', '699'])).toEqual([
      700,
      'again 200',
      'again 255',
      'again 256',
      'again 699',
    ])
  })

  it('looks for no repeats with a window of nothing', async () => {
    const { decide } = await open(leaves('a'), 0)
    expect(await decide(['a'])).toEqual([1])
    expect(await decide(['a'])).toEqual([2])
  })

  it('takes leaves up to the limit', async () => {
    const { admission } = await open([])
    expect(await admission.prepare(Buffer.alloc(0))).toMatchObject({ kind: 'prepared' })
    expect(await admission.prepare(Buffer.alloc(10))).toMatchObject({ kind: 'prepared' })
    expect(await admission.prepare(Buffer.alloc(11))).toMatchObject({ kind: 'refuse', status: 413 })
  })
})
