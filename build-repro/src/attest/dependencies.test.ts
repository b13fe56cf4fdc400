import { fromUtf8, MAX_BODY_BYTES } from '@samebits/core'
import { describe, expect, it } from 'vitest'
import { type Dependency, formatDependencies, packageUrl } from './dependency.ts'
import { readCargoLock, readGoSum, readNpmLock } from './lock-files.ts'
import { readApk, readDpkg } from './package-databases.ts'

const hex = (byte: string, bytes = 32) => byte.repeat(bytes)

describe('the list of dependencies', () => {
  const gcc: Dependency = { name: 'gcc', uri: 'pkg:deb/debian/gcc@12', digest: { sha256: hex('aa') }, digestOf: 'x' }
  const image: Dependency = { name: 'image', digest: { sha256: hex('bb') } }

  it('is canonical JSON, in one order, each item once', () => {
    const body = formatDependencies([gcc, image, gcc])
    expect(fromUtf8(body)).toBe(
      `{"mediaType":"application/vnd.samebits.dependencies+json","resolvedDependencies":[{"digest":{"sha256":"${hex('bb')}"},"name":"image"},{"annotations":{"digestOf":"x"},"digest":{"sha256":"${hex('aa')}"},"name":"gcc","uri":"pkg:deb/debian/gcc@12"}]}`,
    )
    expect(formatDependencies([image, gcc])).toEqual(body)
  })

  it('is refused where no log would take it', () => {
    const many = Array.from({ length: 4500 }, (_, at) => ({ ...image, name: `${at}${'x'.repeat(1000)}` }))
    expect(() => formatDependencies(many)).toThrow(expect.objectContaining({ code: 'DEPENDENCIES_TOO_LARGE' }))
    expect(formatDependencies(many.slice(0, 100)).length).toBeLessThan(MAX_BODY_BYTES)
  })

  it.each([
    [
      'deb',
      ['debian', 'libstdc++6'],
      '12.2.0-14+deb12u1',
      { arch: 'amd64' },
      'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64',
    ],
    ['deb', ['debian', 'git'], '1:2.39.5-0', {}, 'pkg:deb/debian/git@1:2.39.5-0'],
    ['npm', ['@noble', 'hashes'], '2.4.0', {}, 'pkg:npm/%40noble/hashes@2.4.0'],
    ['cargo', ["a'(b)*!"], '1', {}, 'pkg:cargo/a%27%28b%29%2A%21@1'],
  ])('%s packages have their URL', (type, path, version, qualifiers, url) => {
    expect(packageUrl(type, path, version, qualifiers as Record<string, string>)).toBe(url)
  })
})

describe('package-lock.json', () => {
  const lock = (packages: object) => JSON.stringify({ lockfileVersion: 3, packages })
  const integrity = `sha512-${Buffer.from(hex('cd', 64), 'hex').toString('base64')}`

  it('names what is fetched, under its own name wherever it lies', () => {
    const found = readNpmLock(
      lock({
        '': { name: 'app', version: '1.0.0' },
        'packages/own': { version: '1.0.0' },
        'node_modules/own': { resolved: 'packages/own', link: true },
        'node_modules/a/node_modules/@s/b': { version: '2.0.0', integrity },
      }),
    )
    expect(found).toEqual([{ name: '@s/b', uri: 'pkg:npm/%40s/b@2.0.0', digest: { sha512: hex('cd', 64) } }])
  })

  it('takes the strongest of several hashes', () => {
    const two = `sha1-${Buffer.from(hex('01', 20), 'hex').toString('base64')} ${integrity}`
    expect(readNpmLock(lock({ 'node_modules/a': { version: '1.0.0', integrity: two } }))[0]?.digest).toEqual({
      sha512: hex('cd', 64),
    })
  })

  it.each([
    '',
    '[]',
    'null',
    '{"packages":7}',
    '{"packages":{"node_modules/a":7}}',
    '{"packages":{"node_modules/a":{"version":1}}}',
    '{"packages":{"node_modules/a":{"version":"1","integrity":"md5-AAAA"}}}',
  ])('says nothing as %j', (text) => expect(readNpmLock(text)).toEqual([]))
})

it('go.sum names modules by dirHash, not their go.mod files', () => {
  const hash = Buffer.from(hex('ef'), 'hex').toString('base64')
  const text = `golang.org/x/mod v0.5.0 h1:${hash}\ngolang.org/x/mod v0.5.0/go.mod h1:${hash}\nbroken v1 h1:short=\n\n`
  expect(readGoSum(text)).toEqual([
    { name: 'golang.org/x/mod', uri: 'pkg:golang/golang.org/x/mod@v0.5.0', digest: { dirHash: hex('ef') } },
  ])
})

it('Cargo.lock names crates with a checksum', () => {
  const text = `version = 4\n\n[[package]]\nname = "app"\nversion = "0.1.0"\n\n[[package]]\nname = "serde"\nversion = "1.0.1"\nsource = "registry+https://x"\nchecksum = "${hex('12')}"\n`
  expect(readCargoLock(text)).toEqual([{ name: 'serde', uri: 'pkg:cargo/serde@1.0.1', digest: { sha256: hex('12') } }])
})

describe('packages of an image', () => {
  const status = `Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9
Description: C
 more: not a field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2026a-0
`

  it('dpkg: by their files, by the .deb where that is known, by the record where there is nothing else', () => {
    const md5sums = new Map([['libc6:amd64', Buffer.from('md5s')]])
    const debs = new Map([['tzdata_2026a-0_all', hex('77')]])
    expect(readDpkg({ id: 'debian', status, md5sums, debs })).toMatchObject([
      {
        name: 'libc6',
        uri: 'pkg:deb/debian/libc6@2.36-9?arch=amd64',
        digestOf: '/var/lib/dpkg/info/libc6:amd64.md5sums',
      },
      { name: 'tzdata', digest: { sha256: hex('77') } },
    ])
    const [, tzdata] = readDpkg({ id: 'debian', status, md5sums })
    expect(tzdata?.digestOf).toBe('paragraph of /var/lib/dpkg/status')
  })

  it('apk: by the checksum that apk keeps', () => {
    const checksum = Buffer.from(hex('99', 20), 'hex').toString('base64')
    const installed = `C:Q1${checksum}\nP:busybox\nV:1.36.1-r5\nA:x86_64\nF:bin\nR:busybox\n\nP:no-checksum\nV:1\n\n`
    expect(readApk('alpine', installed)).toEqual([
      {
        name: 'busybox',
        uri: 'pkg:apk/alpine/busybox@1.36.1-r5?arch=x86_64',
        digest: { sha1: hex('99', 20) },
        digestOf: 'control segment',
      },
    ])
  })
})
