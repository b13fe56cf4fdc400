import { constants } from 'node:fs'
import { chmod, chown, mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { me, temporaryFolder } from '../test-support/folders.ts'
import { artifactPath, openFolder, openPlainFile } from './paths.ts'

describe('artifact names', () => {
  test.each(['notes', 'notes-1.2.0.tgz', 'Notes_Setup+x64.exe', 'a', '0'.repeat(128)])('%j is plain', (name) => {
    expect(artifactPath('/app', name)).toBe(join('/app', name))
  })

  test.each([
    '',
    '.',
    '..',
    '../notes',
    'a/b',
    '/etc/passwd',
    'a\\b',
    'C:notes',
    'notes\0',
    'notes\n',
    '`id`',
    '%TEMP%',
    '"notes"',
    "'",
    '-rf',
    '.hidden',
    '.samebits',
    'notes ',
    'nötes',
    'a'.repeat(129),
    'installed.json',
    'Installed.JSON',
    'con',
    'NUL.txt',
    'com1',
    'lpt9.tar.gz',
    'aux.',
    'notes.',
    '\u202enotes',
    'a:stream',
  ])('%j is refused', (name) => {
    expect(() => artifactPath('/app', name)).toThrow(expect.objectContaining({ code: 'PATH_REFUSED' }))
  })
})

describe('folders', () => {
  test('are made where they are missing', async () => {
    await using temporary = await temporaryFolder()
    const { path } = await openFolder(join(temporary.path, 'a', 'b'), me)
    expect(path).toBe(join(temporary.path, 'a', 'b'))
  })

  const cases: readonly [what: string, make: (folder: string) => Promise<string>, detail: RegExp][] = [
    [
      'a link',
      async (folder) => {
        await mkdir(join(folder, 'real'))
        await symlink(join(folder, 'real'), join(folder, 'link'))
        return join(folder, 'link')
      },
      /symbolic link/,
    ],
    [
      'a file',
      async (folder) => {
        await writeFile(join(folder, 'file'), '')
        return join(folder, 'file')
      },
      /not a folder/,
    ],
    [
      'below a file',
      async (folder) => {
        await writeFile(join(folder, 'file'), '')
        return join(folder, 'file', 'app')
      },
      /cannot use/,
    ],
    [
      'writable by everyone',
      async (folder) => {
        await mkdir(join(folder, 'open'))
        await chmod(join(folder, 'open'), 0o777)
        return join(folder, 'open')
      },
      /written by every user/,
    ],
    [
      'below one that is writable by everyone',
      async (folder) => {
        await mkdir(join(folder, 'open', 'app'), { recursive: true })
        await chmod(join(folder, 'open'), 0o777)
        return join(folder, 'open', 'app')
      },
      /written by every user/,
    ],
    ['with a NUL', async (folder) => `${folder}/a\0b`, /NUL/],
  ]
  test.each(cases)('%s: refused', async (_, make, detail) => {
    await using temporary = await temporaryFolder()
    const path = await make(temporary.path)
    await expect(openFolder(path, me)).rejects.toMatchObject({
      code: 'PATH_REFUSED',
      detail: expect.stringMatching(detail),
    })
  })

  test.runIf(process.getuid?.() === 0)('of another user: refused', async () => {
    await using temporary = await temporaryFolder()
    await mkdir(join(temporary.path, 'theirs'))
    await chown(join(temporary.path, 'theirs'), 4711, 4711)
    await expect(openFolder(join(temporary.path, 'theirs'), me)).rejects.toMatchObject({
      code: 'PATH_REFUSED',
      detail: expect.stringMatching(/another user/),
    })
  })

  test('that were exchanged while in use are noticed', async () => {
    await using temporary = await temporaryFolder()
    const folder = await openFolder(join(temporary.path, 'app'), me)
    await folder.assertSame()
    await rename(folder.path, join(temporary.path, 'away'))
    await mkdir(folder.path)
    await expect(folder.assertSame()).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })

  test('that became a link while in use are noticed', async () => {
    await using temporary = await temporaryFolder()
    const folder = await openFolder(join(temporary.path, 'app'), me)
    await rename(folder.path, join(temporary.path, 'away'))
    await symlink(join(temporary.path, 'away'), folder.path)
    await expect(folder.assertSame()).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })
})

describe('plain files', () => {
  test('a link is not followed', async () => {
    await using temporary = await temporaryFolder()
    await symlink('/etc/hostname', join(temporary.path, 'link'))
    await expect(openPlainFile(join(temporary.path, 'link'), constants.O_RDONLY)).rejects.toMatchObject({
      code: 'PATH_REFUSED',
    })
  })

  test('a link is not written through', async () => {
    await using temporary = await temporaryFolder()
    await symlink(join(temporary.path, 'target'), join(temporary.path, 'link'))
    const flags = constants.O_RDWR | constants.O_CREAT
    await expect(openPlainFile(join(temporary.path, 'link'), flags)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })

  test.each(['.', '/dev/null'])('%s is none', async (path) => {
    await expect(openPlainFile(path, constants.O_RDONLY)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })
})
