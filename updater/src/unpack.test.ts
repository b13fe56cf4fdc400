import { open, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { macApp, type TestMember, tarGz, zip } from '../test-support/archives.ts'
import { temporaryFolder } from '../test-support/folders.ts'
import { type ArchiveKind, archiveKind } from './archive.ts'
import { foldedPath, memberSegments } from './member-path.ts'
import { treeDigest } from './tree-digest.ts'
import { type UnpackJob, unpack } from './unpack.ts'

const make = { 'tar.gz': tarGz, zip: async (members: readonly TestMember[]) => zip(members) }
const kinds = ['tar.gz', 'zip'] as const

async function unpacked(
  kind: ArchiveKind,
  bytes: Uint8Array,
  { limits, signal, platform = process.platform }: Partial<UnpackJob> = {},
) {
  const temporary = await temporaryFolder()
  const path = join(temporary.path, 'archive')
  const archive = await open(path, 'wx+')
  await archive.writeFile(bytes)
  const into = join(temporary.path, 'unpacked')
  const job = { archive, kind, name: 'archive', size: bytes.length, into, platform, signal }
  try {
    const digest = await unpack({ ...job, ...(limits === undefined ? {} : { limits }) })
    return { digest, into, [Symbol.asyncDispose]: temporary[Symbol.asyncDispose] }
  } catch (error) {
    expect(await readdir(temporary.path)).toEqual(['archive'])
    await temporary[Symbol.asyncDispose]()
    throw error
  } finally {
    await archive.close()
  }
}

const honest: readonly TestMember[] = [
  { name: './', type: 'directory' },
  { name: './bin/notes', text: '#!/bin/sh\necho notes\n', mode: 0o4755 },
  { name: 'lib/', type: 'directory' },
  { name: 'lib/deep/er/ünï.txt', text: 'x'.repeat(100_000) },
  { name: 'empty', text: '' },
  { name: `long/${'n'.repeat(120)}/${'m'.repeat(120)}`, text: 'long' },
]

describe.each(kinds)('a %s', (kind) => {
  test('becomes the folder that it holds, without special rights', async () => {
    await using it = await unpacked(kind, await make[kind](honest))
    expect((await readdir(it.into)).sort()).toEqual(['bin', 'empty', 'lib', 'long'])
    expect(await readFile(join(it.into, 'lib/deep/er/ünï.txt'), 'utf8')).toBe('x'.repeat(100_000))
    expect((await stat(join(it.into, 'bin/notes'))).mode & 0o7777).toBe(0o755)
    expect((await stat(join(it.into, 'empty'))).mode & 0o7777).toBe(0o644)
    expect((await stat(join(it.into, 'lib'))).mode & 0o7777).toBe(0o755)
    expect(await treeDigest(it.into, process.platform)).toBe(it.digest)
  })

  test('becomes the application of macOS that it holds, with its links', async () => {
    await using it = await unpacked(kind, await make[kind](macApp('one')))
    const framework = join(it.into, 'Notes.app/Contents/Frameworks/Notes.framework')
    expect(await readFile(join(framework, 'Notes'), 'utf8')).toBe('framework of one')
    expect(await readlink(join(framework, 'Versions/Current'))).toBe('A')
    expect(await realpath(join(framework, 'Resources'))).toBe(join(await realpath(framework), 'Versions/A/Resources'))
    expect(await readFile(join(it.into, 'Notes.app/Contents/Resources/app.asar'), 'utf8')).toBe('asar')
    expect(await treeDigest(it.into, process.platform)).toBe(it.digest)
  })

  test('with links is refused on Windows', async () => {
    const bytes = await make[kind](macApp('one'))
    await expect(unpacked(kind, bytes, { platform: 'win32' })).rejects.toMatchObject({
      code: 'PATH_REFUSED',
      detail: expect.stringMatching(/a link, which Windows does not keep/),
    })
  })

  const refused: readonly (readonly [string, readonly TestMember[]])[] = [
    ['a way out', [{ name: '../evil' }]],
    ['a way out further down', [{ name: 'a/../../evil' }]],
    ['a way through itself', [{ name: 'a/./b' }]],
    ['an absolute path', [{ name: '/etc/evil' }]],
    ['empty parts', [{ name: 'a//b' }]],
    ['a backslash', [{ name: 'a\\..\\evil' }]],
    ['a drive or stream', [{ name: 'C:evil' }]],
    ['a control character', [{ name: 'a\nb' }]],
    ['a mark that turns text round', [{ name: 'a\u202etxt.exe' }]],
    ['a device of Windows', [{ name: 'lib/NUL.txt' }]],
    ['a device of Windows by superscript', [{ name: 'COM¹' }]],
    ['a final dot', [{ name: 'evil.' }]],
    ['a final blank', [{ name: 'evil ' }]],
    ['a name that is too long', [{ name: 'n'.repeat(256) }]],
    ['a path that is too long', [{ name: Array(300).fill('nnnn').join('/') }]],
    ['a link to an absolute path', [{ name: 'link', type: 'symlink', to: '/etc/passwd' }]],
    ['a link that leads out', [{ name: 'a/link', type: 'symlink', to: '../../evil' }]],
    ['a link that leads out and back', [{ name: 'a' }, { name: 'link', type: 'symlink', to: '../unpacked/a' }]],
    [
      'a link that leads out through another',
      [
        { name: 'a/b/c', type: 'directory' },
        { name: 'short', type: 'symlink', to: 'a/b/c' },
        { name: 'link', type: 'symlink', to: 'short/../../../../evil' },
      ],
    ],
    ['a link to nothing', [{ name: 'link', type: 'symlink', to: 'missing' }]],
    ['a link to nothing where case counts', [{ name: 'A' }, { name: 'link', type: 'symlink', to: 'a' }]],
    ['a link without a target', [{ name: 'link', type: 'symlink', to: '' }]],
    ['a link with a backslash', [{ name: 'a' }, { name: 'link', type: 'symlink', to: 'b\\..\\a' }]],
    ['a link that is too long', [{ name: 'a' }, { name: 'link', type: 'symlink', to: `${'./'.repeat(512)}a` }]],
    ['a link to itself', [{ name: 'link', type: 'symlink', to: 'link' }]],
    ['a link in place of everything', [{ name: '.', type: 'symlink', to: 'a' }]],
    [
      'a file through a link',
      [
        { name: 'a/', type: 'directory' },
        { name: 'link', type: 'symlink', to: 'a' },
        { name: 'link/evil', text: 'evil' },
      ],
    ],
    [
      'a link in place of a folder',
      [
        { name: 'a/', type: 'directory' },
        { name: 'link/evil', text: 'evil' },
        { name: 'link', type: 'symlink', to: 'a' },
      ],
    ],
    [
      'a file and a link of one name',
      [{ name: 'a' }, { name: 'link', type: 'symlink', to: 'a' }, { name: 'Link', text: 'evil' }],
    ],
    ['a pipe', [{ name: 'pipe', type: 'fifo' }]],
    ['a device', [{ name: 'device', type: 'block-device' }]],
    ['one file twice', [{ name: 'a' }, { name: 'a' }]],
    ['one file in two cases', [{ name: 'Makefile' }, { name: 'makefile' }]],
    ['one file in two compositions', [{ name: 'é' }, { name: 'e\u0301' }]],
    ['one folder in two cases', [{ name: 'Lib/a' }, { name: 'lib/b' }]],
    ['a file in place of a folder', [{ name: 'a' }, { name: 'a/b' }]],
    ['a folder in place of a file', [{ name: 'a/b' }, { name: 'a' }]],
    [
      'a file in place of everything',
      [
        { name: './', text: 'evil' },
        { name: '.', text: 'evil' },
      ],
    ],
  ]
  test.each(refused)('that has %s is refused and leaves nothing', async (_, members) => {
    await expect(unpacked(kind, await make[kind](members))).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })

  const limits = { members: 10, bytes: 1_000_000, ratio: 200 }
  test.each([
    ['more members', Array.from({ length: 11 }, (_, at) => ({ name: `f${at}` }))],
    [
      'more members by links',
      [
        { name: 'a' },
        ...Array.from({ length: 10 }, (_, at) => ({ name: `l${at}`, type: 'symlink', to: 'a' }) as const),
      ],
    ],
    ['more members by folders', [{ name: 'a/b/c/d/e/f/g/h/i/j/k' }]],
    [
      'more bytes',
      [
        { name: 'a', text: Buffer.alloc(600_000) },
        { name: 'b', text: Buffer.alloc(600_000) },
      ],
    ],
  ])('with %s than are allowed is refused', async (_, members) => {
    await expect(unpacked(kind, await make[kind](members), { limits })).rejects.toMatchObject({ code: 'SIZE_EXCEEDED' })
  })

  test('that grows too much for its length is refused', async () => {
    const bomb = await make[kind]([{ name: 'bomb', text: Buffer.alloc(80 * 2 ** 20) }])
    await expect(unpacked(kind, bomb)).rejects.toMatchObject({ code: 'SIZE_EXCEEDED' })
  })

  test.each([0, 1, 20, 100, 0.5])('that is cut off (%d) is refused', async (at) => {
    const whole = await make[kind](honest)
    const cut = whole.subarray(0, at < 1 && at > 0 ? whole.length * at : at)
    await expect(unpacked(kind, cut)).rejects.toMatchObject({ code: 'INSTALL_FAILED' })
  })

  test('ends at once when it is told to', async () => {
    const reason = new Error('enough')
    await expect(unpacked(kind, await make[kind](honest), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

test('a zip whose members share bytes is refused', async () => {
  const members = Array.from({ length: 50 }, (_, at) => ({ name: `f${at}`, text: Buffer.alloc(100_000) }))
  await expect(unpacked('zip', zip(members, { overlap: true }))).rejects.toMatchObject({ code: 'SIZE_EXCEEDED' })
})

test('a link of a zip whose target is not UTF-8 is refused', async () => {
  const bytes = zip([{ name: 'a' }, { name: 'link', type: 'symlink', text: Buffer.from([0x61, 0xff]) }])
  await expect(unpacked('zip', bytes)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
})

test('hard links of a tar are refused', async () => {
  const bytes = await tarGz([{ name: 'a' }, { name: 'b', type: 'link', to: 'a' }])
  await expect(unpacked('tar.gz', bytes)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
})

test('no name leads out of the folder', () => {
  const part = fc.oneof(fc.constantFrom('.', '..', '', '/', '\\', 'C:', 'a', 'b', ' '), fc.string())
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom('/', '\\', ''), (parts, glue) => {
      let segments: readonly string[]
      try {
        segments = memberSegments(parts.join(glue))
      } catch (error) {
        expect(error).toMatchObject({ code: 'PATH_REFUSED' })
        return
      }
      for (const segment of segments) expect(segment).not.toMatch(/^(?:\.{0,2})$|[/\\\0]/)
    }),
  )
})

test.each([
  ['ﬁle', 'file'],
  ['ſ', 's'],
  ['STRASSE', 'straße'],
])('%s and %s are one file somewhere', (a, b) => {
  expect(foldedPath([a])).toBe(foldedPath([b]))
})

test.each([
  ['application/gzip', 'tar.gz'],
  ['application/zip', 'zip'],
  ['application/octet-stream', null],
  ['constructor', null],
])('%s is unpacked as %s', (mediaType, kind) => expect(archiveKind(mediaType)).toBe(kind))
