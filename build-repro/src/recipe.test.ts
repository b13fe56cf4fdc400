import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatRecipe, openWorkspace, parseRecipe, type Recipe, recipeName } from './recipe.ts'
import { inFolder } from './testing.ts'

const good: Recipe = {
  format: 1,
  product: 'example.com/notes',
  publish: {
    channel: 'stable',
    trust: 'trust.json',
    anchor: 'example.com_notes.anchor.json',
    sizes: 'sizes.json',
    key: 'keys/publisher.pem',
    feed: 'feed',
    feeds: ['https://example.com/notes/'],
  },
}
const withPublish = (change: object) => ({ ...good, publish: { ...good.publish, ...change } })
const without = (field: string) => {
  const publish = new Map(Object.entries(good.publish))
  publish.delete(field)
  return { ...good, publish: Object.fromEntries(publish) }
}

describe('the recipe', () => {
  it.each([
    ['as init writes it', good],
    ['without feeds', withPublish({ feeds: [] })],
    ['with a feed on this machine', withPublish({ feeds: ['http://127.0.0.1:8080/'] })],
    ['of a product without segments', { ...good, product: 'notes' }],
  ])('is read back %s', (_, recipe) => {
    expect(parseRecipe(Buffer.from(formatRecipe(recipe)))).toEqual(recipe)
  })

  it.each<[string, unknown]>([
    ['no object', []],
    ['another format', { ...good, format: 2 }],
    ['a format in text', { ...good, format: '1' }],
    ['an unknown field', { ...good, image: 'debian' }],
    ['an unknown field inside', withPublish({ password: 'x' })],
    ['a product with ..', { ...good, product: 'example.com/../notes' }],
    ['a product that is ..', { ...good, product: '..' }],
    ['an absolute product', { ...good, product: '/etc' }],
    ['a product in upper case', { ...good, product: 'Example.com' }],
    ['an empty segment', { ...good, product: 'a//b' }],
    ['a backslash', { ...good, product: 'a\\b' }],
    ['a product of 256 bytes', { ...good, product: 'a'.repeat(256) }],
    ['a newline at the end', { ...good, product: 'a\n' }],
    ['a channel with a slash', withPublish({ channel: 'a/b' })],
    ['a hidden channel', withPublish({ channel: '.stable' })],
    ['no trust file', without('trust')],
    ['no key', without('key')],
    ['an empty path', withPublish({ key: '' })],
    ['a path with NUL', withPublish({ key: 'a\0b' })],
    ['a path that is no text', withPublish({ sizes: 7 })],
    ['a feed over http', withPublish({ feeds: ['http://example.com/'] })],
    ['a feed with credentials', withPublish({ feeds: ['https://me:secret@example.com/'] })],
    ['a feed with a query', withPublish({ feeds: ['https://example.com/?a=1'] })],
    ['a feed that is a file', withPublish({ feeds: ['file:///srv/feed'] })],
    ['too many feeds', withPublish({ feeds: Array.from({ length: 17 }, (_, at) => `https://example.com/${at}/`) })],
  ])('is refused with %s', (_, recipe) => {
    expect(() => parseRecipe(Buffer.from(JSON.stringify(recipe)))).toThrow(
      expect.objectContaining({ code: 'RECIPE_INVALID' }),
    )
  })

  it.each(['', '{', 'null', '{"format":1}trailing', '\ufeff{}'])('is refused as the text %j', (text) => {
    expect(() => parseRecipe(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'RECIPE_INVALID' }))
  })
  it.each<[string, object]>([
    ['product', { format: 1, publish: good.publish }],
    ['publish', { format: 1, product: good.product }],
  ])('can be read without "%s", and not be published from', (missing, recipe) =>
    inFolder(async (folder) => {
      const text = JSON.stringify(recipe)
      expect(parseRecipe(Buffer.from(text))).toEqual(recipe)
      await writeFile(join(folder, recipeName), text)
      const refused = { code: 'RECIPE_INVALID', detail: expect.stringContaining(`it has no "${missing}"`) }
      await expect(openWorkspace(folder)).rejects.toMatchObject(refused)
    }),
  )

  it('is refused where it is not UTF-8, and where no person wrote that much', () => {
    for (const bytes of [Buffer.from([0x22, 0xff, 0x22]), Buffer.alloc((1 << 20) + 1, ' ')])
      expect(() => parseRecipe(bytes)).toThrow(expect.objectContaining({ code: 'RECIPE_INVALID' }))
  })
})
