import { emptyRoot, nodeHash } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { beforeEach, describe, expect, it } from 'vitest'
import { headSigner } from '../signer.ts'
import { signHead } from '../testing.ts'
import { PublishedView } from './published-view.ts'

const origin = 'log.example/one'
const key = generateSigningKey('ed25519')
const root = nodeHash(nodeCrypto, emptyRoot(nodeCrypto), emptyRoot(nodeCrypto))
const signed = (size: number, of = origin, by = key) => signHead([by], { size, root }, 1, of).text

let stored: string | null
let asked: number
let view: PublishedView
beforeEach(() => {
  asked = 0
  stored = signed(5)
  const published = async () => {
    asked++
    return stored === null ? null : { size: 0, checkpoint: stored }
  }
  const { keys } = headSigner(nodeCrypto, origin, [key])
  view = new PublishedView({ reader: { published }, crypto: nodeCrypto, origin, keys })
})

describe('what a reader knows of its log', () => {
  it('is asked for only where a size is not known', async () => {
    expect(await view.reaches(5)).toBe(true)
    expect(await view.reaches(3)).toBe(true)
    expect(asked).toBe(1)
    expect(await view.reaches(6)).toBe(false)
    stored = signed(6)
    expect(await view.reaches(6)).toBe(true)
    expect(view.published().size).toBe(6)
    expect(asked).toBe(3)
  })

  it('never goes backwards', async () => {
    await view.refresh()
    stored = signed(4)
    await view.refresh()
    expect(view.published().size).toBe(5)
  })

  it.each([
    ['nothing', () => null],
    ['garbage', () => 'garbage'],
    ["another log's", () => signed(9, 'log.example/two')],
    ["another key's", () => signed(9, origin, generateSigningKey('ed25519'))],
  ])('is never %s', async (_what, make) => {
    stored = make()
    await expect(view.refresh()).rejects.toThrow(expect.objectContaining({ code: 'STORAGE_DAMAGED' }))
    expect(await view.reaches(1)).toBe(false)
    expect(() => view.published()).toThrow(expect.objectContaining({ code: 'STORAGE_DAMAGED' }))
  })
})
