import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMarker, MarkerError, openMarker, readMarker } from './marker.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-marker-'))
  path = join(folder, 'marker')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function written(count: number): Promise<void> {
  await createMarker(path, { checkpoint: 'checkpoint 0\n', epoch: 0 })
  const marker = await openMarker(path)
  for (let at = 1; at <= count; at++) await marker.write({ checkpoint: `checkpoint ${at}\n`, epoch: at })
  await marker.close()
}

describe('marker', () => {
  it('says what was written last, to this process and the next', async () => {
    for (const count of [0, 1, 2, 3, 10]) {
      rmSync(path, { force: true })
      await written(count)
      expect(await readMarker(path)).toEqual({ checkpoint: `checkpoint ${count}\n`, epoch: count })
    }
  })

  it('keeps a file of one size', async () => {
    await written(7)
    expect(readFileSync(path).length).toBe(32_768)
  })

  it('is made once', async () => {
    await written(0)
    await expect(createMarker(path, { checkpoint: 'x', epoch: 0 })).rejects.toThrow('EEXIST')
  })

  it('falls back to the record before when the last write was torn anywhere', async () => {
    await written(4)
    const before = readFileSync(path)
    const marker = await openMarker(path)
    await marker.write({ checkpoint: `${'checkpoint 5 '.repeat(300)}\n`, epoch: 5 })
    await marker.close()
    const after = readFileSync(path)
    const changed = [...after.keys()].filter((at) => after[at] !== before[at])
    const [first, last] = [changed[0] ?? 0, changed.at(-1) ?? 0]
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: first + 1, max: last }), async (torn) => {
        writeFileSync(path, Buffer.concat([after.subarray(0, torn), before.subarray(torn)]))
        expect((await readMarker(path)).epoch).toBe(4)
      }),
      { numRuns: 60 },
    )
    writeFileSync(path, after)
    expect((await readMarker(path)).epoch).toBe(5)
  })

  it('goes on after a torn write, over the torn slot', async () => {
    await written(2)
    const torn = readFileSync(path)
    torn[16_384 + 40] = (torn[16_384 + 40] ?? 0) ^ 1
    writeFileSync(path, torn)
    const marker = await openMarker(path)
    const { epoch } = marker.last
    await marker.write({ checkpoint: 'next', epoch: 77 })
    await marker.close()
    expect(epoch).toBeGreaterThan(0)
    expect(await readMarker(path)).toEqual({ checkpoint: 'next', epoch: 77 })
  })

  it.each([
    ['a missing file', () => rmSync(path)],
    ['an empty file', () => writeFileSync(path, '')],
    ['a file of another kind', () => writeFileSync(path, 'marker\n')],
    ['zeros', () => writeFileSync(path, Buffer.alloc(32_768))],
    ['half a slot', () => writeFileSync(path, readFileSync(path).subarray(0, 8000))],
    [
      'both slots damaged',
      () => {
        const file = readFileSync(path)
        for (const at of [60, 16_384 + 60]) file[at] = (file[at] ?? 0) ^ 0x80
        writeFileSync(path, file)
      },
    ],
    [
      'a length past the slot',
      () => {
        const file = readFileSync(path)
        for (const at of [34, 16_384 + 34]) file.writeUInt32BE(0xffffffff, at)
        writeFileSync(path, file)
      },
    ],
  ])('refuses %s', async (_title, damage) => {
    await written(3)
    damage()
    await expect(openMarker(path)).rejects.toThrow(MarkerError)
  })

  it('refuses a checkpoint that does not fit, and goes on', async () => {
    await written(1)
    const marker = await openMarker(path)
    await expect(marker.write({ checkpoint: 'x'.repeat(17_000), epoch: 2 })).rejects.toThrow(RangeError)
    await marker.write({ checkpoint: 'short', epoch: 3 })
    await marker.close()
    expect((await readMarker(path)).epoch).toBe(3)
  })

  it('is not written again once a write failed, nor after it was closed', async () => {
    await written(1)
    const marker = await openMarker(path)
    await marker.close()
    await expect(marker.write({ checkpoint: 'x', epoch: 9 })).rejects.toThrow(RangeError)
    await expect(marker.write({ checkpoint: 'x', epoch: 9 })).rejects.toThrow(MarkerError)
    expect((await readMarker(path)).epoch).toBe(1)
  })
})
