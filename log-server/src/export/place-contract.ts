/** The contract of {@link StaticPlace}, as cases that any test runner runs against any implementation, each on an empty place. */
import assert from 'node:assert/strict'
import type { StaticPlace } from './static-place.ts'

export interface PlaceCase {
  readonly title: string
  /** @param read a file as anybody would read it; null where there is none */
  run(place: StaticPlace, read: (path: string) => Promise<Uint8Array | null>): Promise<void>
}

const text = async (bytes: Promise<Uint8Array | null>) => {
  const found = await bytes
  return found === null ? null : Buffer.from(found).toString()
}

export const placeContract: readonly PlaceCase[] = [
  {
    title: 'keeps files under their paths, byte for byte, put once or twice',
    async run(place, read) {
      const bytes = Buffer.from([0, 255, 10, 13])
      for (const path of ['tile/entries/x001/x234/067.p/3', 'tile/0/000', 'tile/0/000.p/7', 'tile/0/000'])
        await place.put(path, bytes)
      assert.deepEqual(await read('tile/entries/x001/x234/067.p/3'), bytes)
      assert.deepEqual(await read('tile/0/000'), bytes)
      await place.put('tile/1/000', new Uint8Array(0))
      assert.equal((await read('tile/1/000'))?.length, 0)
    },
  },
  {
    title: 'swaps the checkpoint only for the one that it was compared with',
    async run(place, read) {
      assert.equal(await place.checkpoint(), null)
      assert.equal(await place.swapCheckpoint('none', 'some version'), false)
      assert.equal(await place.swapCheckpoint('a\n', null), true)
      assert.equal(await place.swapCheckpoint('b\n', null), false)
      const first = await place.checkpoint()
      assert.equal(first?.text, 'a\n')
      assert.equal(await place.swapCheckpoint('b\n', first?.version ?? ''), true)
      assert.equal(await place.swapCheckpoint('c\n', first?.version ?? ''), false)
      assert.equal(await text(read('checkpoint')), 'b\n')
    },
  },
  {
    title: 'removes what lies under a prefix, and nothing else',
    async run(place, read) {
      for (const path of ['tile/0/000', 'tile/0/000.p/1', 'tile/0/000.p/255', 'tile/0/001.p/1'])
        await place.put(path, Buffer.from('x'))
      await place.removeUnder('tile/0/000.p/')
      await place.removeUnder('tile/0/002.p/')
      assert.equal(await read('tile/0/000.p/1'), null)
      assert.equal(await read('tile/0/000.p/255'), null)
      assert.equal(await text(read('tile/0/000')), 'x')
      assert.equal(await text(read('tile/0/001.p/1')), 'x')
    },
  },
]
