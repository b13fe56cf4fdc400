import { describe, expect, it } from 'vitest'
import { parseRebuilderConfig } from './config.ts'

const good = {
  format: 1,
  builder: 'https://rebuilds.example.org/',
  key: 'rebuilder.pem',
  state: 'state',
  products: { 'example.com/notes': { trust: 'notes.trust.json' } },
}
const read = (config: unknown) => parseRebuilderConfig(JSON.stringify(config), '/etc/samebits')

describe("a rebuilder's configuration", () => {
  it('has defaults, and paths from its folder', () => {
    expect(read(good)).toEqual({
      builder: 'https://rebuilds.example.org/',
      key: '/etc/samebits/rebuilder.pem',
      state: '/etc/samebits/state',
      products: new Map([['example.com/notes', { trust: '/etc/samebits/notes.trust.json' }]]),
      engine: null,
      path: '/build/source',
      images: [],
      protocols: ['https'],
      jobs: 1,
      everySeconds: 60,
      confirm: true,
    })
  })

  it('says everything that can be said', () => {
    const products = { 'example.com/notes': { trust: '/t.json', mirror: 'https://git.example.org/notes' } }
    const more = { products, engine: 'docker', path: '/a/b', images: ['i.tar'], protocols: ['https', 'ssh'] }
    expect(read({ ...good, ...more, jobs: 4, everySeconds: 5, confirm: false })).toMatchObject({
      engine: 'docker',
      path: '/a/b',
      images: ['/etc/samebits/i.tar'],
      protocols: ['https', 'ssh'],
      jobs: 4,
      everySeconds: 5,
      confirm: false,
    })
  })

  it.each<[string, unknown]>([
    ['no object', []],
    ['another format', { ...good, format: 2 }],
    ['an unknown field', { ...good, password: 'x' }],
    ['no builder', { ...good, builder: undefined }],
    ['a builder that is no URI', { ...good, builder: 'us' }],
    ['no key', { ...good, key: '' }],
    ['no product', { ...good, products: {} }],
    ['a product that is none', { ...good, products: { '../x': { trust: 't' } } }],
    ['a product without a trust file', { ...good, products: { 'example.com/notes': {} } }],
    ['another engine', { ...good, engine: 'lxc' }],
    ['a relative path', { ...good, path: 'build/source' }],
    ['a path of one segment', { ...good, path: '/source' }],
    ['a path with ..', { ...good, path: '/build/../etc' }],
    ['a path with an option in it', { ...good, path: '/build/x,readonly' }],
    ['no protocol', { ...good, protocols: [] }],
    ['a protocol that is two', { ...good, protocols: ['https:ext'] }],
    ['no jobs', { ...good, jobs: 0 }],
    ['no pause', { ...good, everySeconds: 0 }],
  ])('is refused with %s', (_, config) => {
    expect(() => read(config)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it('is refused where it is not JSON', () => {
    expect(() => parseRebuilderConfig('{', '/')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
