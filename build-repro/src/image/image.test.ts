import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openContainer } from '../check/containers/open.ts'
import { inFolder } from '../testing.ts'
import { writeImageArchive } from './archive.ts'
import { formatImageLock, type ImageLock, parseImageLock, parseImageWish } from './image-files.ts'
import { fillPool } from './pool.ts'
import { parseUris } from './resolve-packages.ts'

const signal = new AbortController().signal
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const about = { architecture: 'amd64', epoch: 1_700_000_000, environment: ['PATH=/bin'], comment: 'a test' }

describe('an image archive', () => {
  it('is the same bytes for the same root file system', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'root.tar'), 'the layer')
      const written = await Promise.all(
        ['a', 'b'].map((name) => writeImageArchive(join(folder, 'root.tar'), about, join(folder, name), signal)),
      )
      const [a, b] = await Promise.all(['a', 'b'].map((name) => readFile(join(folder, name))))
      expect(written[0]).toEqual(written[1])
      expect(a?.equals(b as Buffer)).toBe(true)
      expect(written[0]?.layerDigest).toBe(`sha256:${sha256('the layer')}`)
    }))

  it('holds both layouts over one set of blobs, each under its digest', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'root.tar'), 'the layer')
      const { id, manifestDigest } = await writeImageArchive(join(folder, 'root.tar'), about, join(folder, 'a'), signal)
      const members = new Map(
        openContainer(await readFile(join(folder, 'a')))?.members.map(({ name, bytes }) => [name, bytes]),
      )
      for (const [name, bytes] of members)
        if (/^blobs\/sha256\/./.test(name)) expect(name).toBe(`blobs/sha256/${sha256(bytes)}`)
      const json = (name: string) => JSON.parse(Buffer.from(members.get(name) ?? []).toString('utf8'))
      const blob = (digest: string) => `blobs/sha256/${digest.slice(7)}`
      expect(json('index.json').manifests[0].digest).toBe(manifestDigest)
      expect(json(blob(manifestDigest)).config.digest).toBe(id)
      expect(json('manifest.json')[0].Config).toBe(blob(id))
      expect(json(blob(id))).toMatchObject({
        os: 'linux',
        created: '2023-11-14T22:13:20Z',
        config: { Env: ['PATH=/bin'] },
      })
    }))
})

const wish = {
  format: 1,
  suite: 'bookworm',
  architecture: 'amd64',
  sources: ['deb http://deb.debian.org/debian bookworm main'],
  packages: ['gcc'],
  locales: ['et_EE.UTF-8'],
  epoch: 0,
} as const

describe('the wish for an image', () => {
  it('is read', () => {
    expect(parseImageWish(JSON.stringify(wish))).toEqual(wish)
  })

  it.each<[string, object]>([
    ['an unknown field', { ...wish, registry: 'x' }],
    ['another format', { ...wish, format: 2 }],
    ['an option for apt among the packages', { ...wish, packages: ['--allow-unauthenticated'] }],
    ['a pattern among the packages', { ...wish, packages: ['?name(x)'] }],
    ['two packages in one', { ...wish, packages: ['a,b'] }],
    ['a source that trusts itself', { ...wish, sources: ['deb [trusted=yes] http://example.com bookworm main'] }],
    ['a source on this machine', { ...wish, sources: ['deb file:/srv bookworm main'] }],
    ['a second line in a source', { ...wish, sources: ['deb http://a bookworm main\ndeb http://b bookworm main'] }],
    ['no source', { ...wish, sources: [] }],
    ['a command for a locale', { ...wish, locales: ['$(id)'] }],
    ['a command for a suite', { ...wish, suite: 'a; id' }],
    ['an architecture that is not known', { ...wish, architecture: 'pdp11' }],
    ['an epoch before time', { ...wish, epoch: -1 }],
  ])('is refused with %s', (_, document) => {
    expect(() => parseImageWish(JSON.stringify(document))).toThrow(
      expect.objectContaining({ code: 'IMAGE_WISH_INVALID' }),
    )
  })
})

const file = { file: 'a_1%3a2_amd64.deb', url: 'http://example.com/a.deb', size: 3, sha256: sha256('abc') }
const digest = `sha256:${sha256('')}`
const lock: ImageLock = {
  format: 1,
  wish,
  packages: [file],
  image: { id: digest, manifestDigest: digest, layerDigest: digest },
}

describe('the lock of an image', () => {
  it('is read as it was written', () => {
    expect(parseImageLock(formatImageLock(lock))).toEqual(lock)
  })

  it.each<[string, object]>([
    ['a package that leads elsewhere', { ...file, file: '../a.deb' }],
    ['a hidden package', { ...file, file: '.a.deb' }],
    ['a package that is none', { ...file, file: 'a.rpm' }],
    ['no digest', { ...file, sha256: '' }],
    ['a digest in upper case', { ...file, sha256: sha256('abc').toUpperCase() }],
    ['no size', { ...file, size: 0 }],
    ['a file of this machine', { ...file, url: 'file:///etc/passwd' }],
  ])('is refused with %s', (_, entry) => {
    const text = JSON.stringify({ ...lock, packages: [entry] })
    expect(() => parseImageLock(text)).toThrow(expect.objectContaining({ code: 'IMAGE_LOCK_INVALID' }))
  })
})

describe("apt's list", () => {
  const line = (name: string) => `'http://example.com/${name}.deb' ${name}_1_amd64.deb 3 SHA256:${sha256(name)}\n`

  it('is read and sorted', () => {
    expect(parseUris(line('b') + line('a')).map(({ file: name }) => name)).toEqual(['a_1_amd64.deb', 'b_1_amd64.deb'])
  })

  it.each([
    "'http://a/a.deb' a.deb 3 MD5Sum:00",
    "'file:/a.deb' a.deb 3 SHA256:00",
    'E: broken',
    "'http://a/a.deb' a.deb 3",
  ])('is refused with %j', (text) => {
    expect(() => parseUris(text)).toThrow(expect.objectContaining({ code: 'PACKAGES_UNRESOLVED' }))
  })
})

describe('the pool', () => {
  const fill = (folder: string, answer: (() => Response) | null) =>
    fillPool(
      { folder, packages: [file], fetch: answer === null ? null : async () => answer(), onProgress: () => undefined },
      signal,
    )

  it('takes what has the digest, from the folder or from the network', () =>
    inFolder(async (folder) => {
      await fill(folder, () => new Response('abc'))
      expect(await readFile(join(folder, file.file), 'utf8')).toBe('abc')
      await fill(folder, null)
    }))

  it('fetches what somebody changed again', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, file.file), 'xyz')
      await fill(folder, () => new Response('abc'))
      expect(await readFile(join(folder, file.file), 'utf8')).toBe('abc')
    }))

  it.each<[string, (() => Response) | null, string]>([
    ['nothing, offline', null, 'PACKAGE_MISSING'],
    ['404', () => new Response('', { status: 404 }), 'PACKAGE_MISSING'],
    ['other bytes', () => new Response('abd'), 'PACKAGE_MISMATCH'],
    ['fewer bytes', () => new Response('ab'), 'PACKAGE_MISMATCH'],
    ['bytes without end', () => new Response('abc'.repeat(100)), 'PACKAGE_MISMATCH'],
  ])('refuses %s, and keeps nothing', (_, answer, code) =>
    inFolder(async (folder) => {
      await expect(fill(folder, answer)).rejects.toMatchObject({ code })
      await expect(readFile(join(folder, file.file))).rejects.toMatchObject({ code: 'ENOENT' })
    }),
  )
})
