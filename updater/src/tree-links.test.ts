import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkLinks } from './tree-links.ts'

const tree = { folders: new Set(['a', 'a/b', 'c']), files: new Set(['f', 'a/f', 'a/b/f']) }
const check = (links: Readonly<Record<string, string>>) => checkLinks(new Map(Object.entries(links)), tree)

describe('links that stay inside', () => {
  test.each<[string, Record<string, string>]>([
    ['to a file', { l: 'f' }],
    ['to a file further down', { l: 'a/b/f' }],
    ['to a file further up', { 'a/b/l': '../../f' }],
    ['to a folder beside', { l: 'a/b' }],
    ['up to the top and down again', { 'a/b/l': '../../a/b/../f' }],
    ['through a link', { l: 'a', m: 'l/b/f' }],
    ['through a link that comes later', { l: 'm/f', m: 'a' }],
    ['up from where a link leads', { l: 'a/b', m: 'l/../f' }],
    ['in a ring of folders', { 'a/l': '../c', 'c/l': '../a' }],
  ])('%s are made', (_, links) => expect(() => check(links)).not.toThrow())
})

describe('links that do not', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['to an absolute path', { l: '/f' }, /absolute path/],
    ['above the top', { l: '..' }, /leads out/],
    ['out and back', { l: '../tree/f' }, /leads out/],
    ['out through another', { l: 'a/b', m: 'l/../../../x' }, /leads out/],
    ['to nothing', { l: 'x' }, /to nothing/],
    ['to a file in another case', { l: 'F' }, /to nothing/],
    ['through a file', { l: 'f/..' }, /through a file/],
    ['through a link to a file', { l: 'f', m: 'l/f' }, /through a file/],
    ['to itself', { l: 'l' }, /ring/],
    ['to each other', { l: 'm', m: 'l' }, /ring/],
    ['to themselves further down', { 'a/l': 'l/f' }, /ring/],
    ['to the top', { 'a/l': '..' }, /folder that holds it/],
    ['to their own folder', { 'a/b/l': '.' }, /folder that holds it/],
    ['to their own folder through another', { l: 'a', 'a/b/m': '../../l' }, /folder that holds it/],
    ['with empty parts', { l: 'a//f' }, /empty/],
    ['with a final slash', { l: 'a/' }, /empty/],
    ['without a target', { l: '' }, /empty/],
    ['with a backslash', { l: 'a\\f' }, /character/],
    ['with a NUL', { l: 'f\0' }, /character/],
  ])('%s are refused', (_, links, why) => {
    expect(() => check(links)).toThrow(
      expect.objectContaining({ code: 'PATH_REFUSED', detail: expect.stringMatching(why) }),
    )
  })

  /** l0 -> f, l1 -> l0, and so on, the last first: found from the top, as deep as it goes. */
  const chain = (length: number) =>
    Object.fromEntries(Array.from({ length }, (_, at) => [`l${at}`, at === 0 ? 'f' : `l${at - 1}`] as const).reverse())
  test('through more links than a kernel follows are refused', () => {
    expect(() => check(chain(16))).not.toThrow()
    expect(() => check(chain(17))).toThrow(/more than 16 links/)
    expect(() => check(Object.fromEntries(Object.entries(chain(17)).reverse()))).toThrow(/more than 16 links/)
    expect(() => check(chain(100_000))).toThrow(/more than 16 links/)
  })

  test('that lead through many links each are counted, not walked', () => {
    const doubling = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`l${at}`, at === 0 ? 'a' : `l${at - 1}/../l${at - 1}`] as const),
    )
    expect(() => check(doubling)).toThrow(/more than 16 links/)
  })
})

/** A folder with the files of `tree`, in which nothing lies that a link out of it would find by a name of the tree. */
function realTree() {
  const outside = realpathSync(mkdtempSync(join(tmpdir(), 'samebits-links-')))
  const root = join(outside, 'tree')
  for (const path of ['', ...tree.folders]) mkdirSync(join(root, path))
  for (const path of tree.files) writeFileSync(join(root, path), '')
  return { root, [Symbol.dispose]: () => rmSync(outside, { recursive: true }) }
}

/** Whether the system itself finds the end of every link inside. */
function allInside(root: string, links: ReadonlyMap<string, string>): boolean {
  const paths = [...links.keys()].map((path) => join(root, path))
  for (const [path, target] of links) symlinkSync(target, join(root, path))
  try {
    return paths.every((path) => {
      const end = realpathSync.native(path)
      return end.startsWith(`${root}/`) && !path.startsWith(`${end}/`)
    })
  } catch {
    return false
  } finally {
    for (const path of paths) rmSync(path)
  }
}

test('links are made exactly where the system finds the end of each inside', () => {
  const segment = fc.constantFrom('.', '..', 'a', 'b', 'c', 'f', 'l', 'm')
  // So few that no name leads through more than 15 links.
  const target = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  const links = fc
    .array(fc.tuple(fc.constantFrom('l', 'm', 'a/l', 'a/b/m'), target), { minLength: 1, maxLength: 4 })
    .map((list) => new Map(list))
  using real = realTree()
  let made = 0
  fc.assert(
    fc.property(links, (some) => {
      if (allInside(real.root, some)) {
        made++
        expect(() => checkLinks(some, tree)).not.toThrow()
      } else expect(() => checkLinks(some, tree)).toThrow(expect.objectContaining({ code: 'PATH_REFUSED' }))
    }),
    { numRuns: 300 },
  )
  expect(made).toBeGreaterThan(10)
})
