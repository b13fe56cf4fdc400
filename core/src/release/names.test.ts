import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isArtifactName,
  isChannel,
  isDigest,
  isMediaType,
  isPlatform,
  isProduct,
  isUri,
  isVersion,
  productInFileName,
  productInUrl,
} from './names.ts'

const hex = 'ab'.repeat(32)

describe.each([
  ['digest', isDigest, [hex], [hex.toUpperCase(), hex.slice(1), `${hex}a`, `${hex}\n`, `sha256:${hex}`, '']],
  [
    'product',
    isProduct,
    ['notes', 'example.com/notes', 'a/b/c', 'a-b.c', 'a'.repeat(255)],
    [
      '',
      '.',
      '..',
      'a/..',
      '../a',
      'a/./b',
      'a//b',
      '/a',
      'a/',
      'A',
      'a_b',
      'a b',
      'a\\b',
      'a%2f',
      'a..b',
      '-a',
      'a-',
      '.a',
      'a.',
      'a/-b',
      'a\n',
      'é',
      'a'.repeat(256),
    ],
  ],
  [
    'artifact',
    isArtifactName,
    ['a', 'A1', 'notes-1.2.0+x_y.tar.gz', 'console.txt', 'common', 'a..b', 'x'.repeat(128)],
    [
      '',
      '.',
      '..',
      '.a',
      '-a',
      '_a',
      '+a',
      'a/b',
      'a\\b',
      'a b',
      'a:b',
      'a*',
      'a.',
      'con',
      'CON',
      'Con.txt',
      'nul',
      'lpt1.log',
      'com9',
      'x'.repeat(129),
      'a\n',
    ],
  ],
  [
    'channel',
    isChannel,
    ['stable', 'beta', '1.x', 'nightly_2+b'],
    ['', 'a/b', '.a', '-a', ' a', 'a ', 'x'.repeat(129)],
  ],
  [
    'platform',
    isPlatform,
    ['any', 'linux-x64', 'win32-arm64', 'darwin-arm64'],
    ['', 'linux', 'Linux-x64', 'linux_x64', 'linux-x64-musl', 'any-', '-x64', 'linux-'],
  ],
  [
    'version',
    isVersion,
    ['0.0.0', '1.2.3', '1.2.3-rc.1', '1.2.3-0.a-b', '10.20.30'],
    [
      '',
      '1',
      '1.2',
      'v1.2.3',
      '=1.2.3',
      ' 1.2.3',
      '1.2.3 ',
      '01.2.3',
      '1.2.3-01',
      '1.2.3+b',
      '1.2.3-',
      '1.2.3-a..b',
      '1.2.9007199254740992',
      '1.2.x',
      `1.2.3-${'a'.repeat(128)}`,
    ],
  ],
  [
    'media type',
    isMediaType,
    ['application/gzip', 'application/vnd.a.b+json', 'text/plain'],
    ['', 'gzip', '/gzip', 'application/', 'a/b/c', 'A/b', 'a/b;c', 'a/b c', '*/*'],
  ],
  [
    'URI',
    isUri,
    ['https://a', 'git+https://a/b.git', 'pkg:npm/a@1'],
    ['', 'a', '//a', 'https:', ' https://a', 'https://a b', 'https://é', 'HTTPS://a'],
  ],
])('a %s', (_, is, good, bad) => {
  it.each(good.map((text) => [text]))('%j', (text) => {
    expect(is(text)).toBe(true)
  })
  it.each(bad.map((text) => [text]))('not %j', (text) => {
    expect(is(text)).toBe(false)
  })
})

describe('whatever is accepted', () => {
  const unsafe = /[^A-Za-z0-9._+/-]|\.\.\/|\/\.|^[.-]|\.$/
  const text = fc.string({ unit: fc.constantFrom(...'aZ9._+-/\\:%$`\'" \n\0é') })

  it('is a file name that stays where it is put', () => {
    fc.assert(
      fc.property(text, (name) => {
        if (!isArtifactName(name)) return
        expect(name).not.toMatch(unsafe)
        expect(name).not.toContain('/')
      }),
    )
  })

  it('as a product, is one path segment in a URL and a safe file name', () => {
    fc.assert(
      fc.property(text, (name) => {
        if (!isProduct(name)) return
        expect(productInUrl(name)).not.toMatch(/[/\\?#]/)
        expect(decodeURIComponent(productInUrl(name))).toBe(name)
        expect(productInFileName(name)).not.toMatch(unsafe)
        expect(productInFileName(name)).not.toContain('/')
      }),
    )
  })
})
