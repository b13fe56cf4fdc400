import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addSizes, formatSizes, parseSizes, readSizes, type Sizes, sizesCap, writeSizes } from './sizes.ts'
import { inFolder } from './testing.ts'

const root = `${'A'.repeat(43)}=`
const at = (...sizes: number[]) => sizes.map((size) => ({ size, root }))
const empty: Sizes = { format: 1, origin: 'example.com/log', anchors: [], seen: [] }

describe('sizes.json', () => {
  it('keeps each size once, newest first, and never the empty tree', () => {
    const { sizes } = addSizes(
      { ...empty, anchors: at(7), seen: at(12, 9) },
      { anchors: at(12, 0), seen: at(9, 20, 7) },
    )
    expect(sizes).toEqual({ ...empty, anchors: at(12, 7), seen: at(20, 9) })
  })

  it('drops the oldest anchors past the cap, and says how many', () => {
    const many = at(...Array.from({ length: sizesCap + 3 }, (_, n) => n + 1))
    const { sizes, anchorsDropped } = addSizes(empty, { anchors: many, seen: at(5000) })
    expect(anchorsDropped).toBe(3)
    expect(sizes.anchors).toHaveLength(sizesCap)
    expect(sizes.anchors.at(-1)?.size).toBe(4)
    expect(sizes.seen).toEqual([])
  })

  it('is read back as it was written, and empty where there is none', async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/sizes.json`
      expect(await readSizes(path, empty.origin, [])).toEqual(empty)
      const sizes = { ...empty, anchors: at(7), seen: at(9) }
      await writeSizes(path, sizes)
      expect(await readSizes(path, empty.origin, [])).toEqual(sizes)
      await expect(readSizes(path, 'example.com/other', [])).rejects.toMatchObject({ code: 'SIZES_INVALID' })
    })
  })

  it('is always one that its own parser accepts', () => {
    const trees = fc.array(fc.nat(3000).map((size) => ({ size, root })))
    fc.assert(
      fc.property(trees, trees, trees, (first, anchors, seen) => {
        const { sizes } = addSizes(addSizes(empty, { seen: first }).sizes, { anchors, seen })
        expect(parseSizes(formatSizes(sizes))).toEqual(sizes)
        const all = [...sizes.anchors, ...sizes.seen].map(({ size }) => size)
        expect(new Set(all).size).toBe(all.length)
      }),
    )
  })

  it.each<[string, unknown]>([
    ['no object', []],
    ['another format', { ...empty, format: 2 }],
    ['no origin', { ...empty, origin: '' }],
    ['an unknown field', { ...empty, more: 1 }],
    ['rising sizes', { ...empty, seen: at(3, 4) }],
    ['one size twice', { ...empty, anchors: at(4, 4) }],
    ['the empty tree', { ...empty, seen: at(0) }],
    ['a negative size', { ...empty, seen: at(-1) }],
    ['a size past 2^53-1', { ...empty, seen: at(2 ** 53) }],
    ['a size in text', { ...empty, seen: [{ size: '7', root }] }],
    ['a short root', { ...empty, seen: [{ size: 7, root: 'AA==' }] }],
    ['no root', { ...empty, seen: [{ size: 7 }] }],
  ])('is refused with %s', (_, sizes) => {
    expect(() => parseSizes(JSON.stringify(sizes))).toThrow(expect.objectContaining({ code: 'SIZES_INVALID' }))
  })
})
