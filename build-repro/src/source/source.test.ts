import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inFolder } from '../testing.ts'
import { archiveCommit } from './archive.ts'
import { fetchSource } from './fetch-source.ts'
import { findRecipe } from './find-recipe.ts'
import { type Git, sealedGit } from './git.ts'
import { ownSource, publicUri } from './own-source.ts'
import { filesIn } from './read-archive.ts'

const signal = new AbortController().signal

function testGit(protocols: readonly string[] = ['file'], timeoutMs = 60_000): Git {
  return sealedGit({ environment: process.env, protocols, signal, timeoutMs })
}

function gitIn(folder: string, ...args: string[]): Buffer {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.com']
  return execFileSync('git', ['-C', folder, ...identity, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
}

/** A repository with one commit, and what a release says of it. */
async function newRepository(folder: string, files: Readonly<Record<string, string>>, format = 'sha1') {
  await mkdir(folder, { recursive: true })
  gitIn(folder, 'init', '--quiet', `--object-format=${format}`)
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  gitIn(folder, 'add', '.')
  gitIn(folder, 'commit', '--quiet', '-m', 'one')
  const gitCommit = gitIn(folder, 'rev-parse', 'HEAD').toString().trim()
  const plain = gitIn(folder, '-c', 'core.autocrlf=false', 'archive', '--format=tar', gitCommit)
  const sha256 = createHash('sha256').update(plain).digest('hex')
  return { uri: `git+file://${folder}`, gitCommit, sha256 }
}

describe('the source of a release', () => {
  it.each(['sha1', 'sha256'])('is fetched at its commit, of a repository in %s, and kept for the next time', (format) =>
    inFolder(async (folder) => {
      const source = await newRepository(join(folder, 'their'), { 'a.txt': 'a\n' }, format)
      const folders = { cache: join(folder, 'cache'), work: join(folder, 'work') }
      const first = await fetchSource(testGit(), source, folders)
      expect(first).toMatchObject({ sha256: source.sha256, commit: source.gitCommit })
      const again = await fetchSource(testGit([]), source, { ...folders, work: join(folder, 'more') })
      expect(again.sha256).toBe(source.sha256)
    }),
  )

  it('is fetched without what was before it', () =>
    inFolder(async (folder) => {
      const their = join(folder, 'their')
      await newRepository(their, { 'a.txt': 'a\n' })
      const source = await newRepository(their, { 'a.txt': 'b\n' })
      const fetched = await fetchSource(testGit(), source, { cache: join(folder, 'cache'), work: join(folder, 'work') })
      const time = Number(gitIn(their, 'show', '--no-patch', '--format=%ct', source.gitCommit).toString())
      expect(fetched).toMatchObject({ sha256: source.sha256, time })
      const [cache = ''] = await readdir(join(folder, 'cache'))
      expect(gitIn(join(folder, 'cache', cache), 'rev-list', '--count', source.gitCommit).toString()).toBe('1\n')
    }))

  it('is found behind the branch where the server does not give single commits', () =>
    inFolder(async (folder) => {
      const their = join(folder, 'their')
      const source = await newRepository(their, { 'a.txt': 'a\n' })
      await writeFile(join(their, 'a.txt'), 'b\n')
      gitIn(their, 'commit', '--quiet', '-am', 'two')
      const git = testGit()
      const strict: Git = {
        ...git,
        text: (args) => (args.includes('--depth=1') ? git.text(['no-such-command']) : git.text(args)),
      }
      const folders = { cache: join(folder, 'cache'), work: join(folder, 'work') }
      expect((await fetchSource(strict, source, folders)).sha256).toBe(source.sha256)
    }))

  it('is the same whatever the repository is configured to do with it', () =>
    inFolder(async (folder) => {
      const their = join(folder, 'their')
      const source = await newRepository(their, { 'a.txt': 'a\nb\n', '.gitattributes': '*.txt text\n' })
      for (const [name, value] of [
        ['core.autocrlf', 'true'],
        ['tar.umask', '0077'],
        ['core.eol', 'crlf'],
      ] as const)
        gitIn(their, 'config', name, value)
      await appendFile(join(their, '.git/info/attributes'), '*.txt export-ignore\n')
      const own = await ownSource(their, 'HEAD')
      expect((await archiveCommit(testGit([]), own, join(folder, 'work'))).sha256).toBe(source.sha256)
    }))

  it('does not tell which branches and tags point at it', () =>
    inFolder(async (folder) => {
      const their = join(folder, 'their')
      await newRepository(their, { 'v.txt': '$Format:%d %(describe)$\n', '.gitattributes': 'v.txt export-subst\n' })
      const work = (name: string) => join(folder, name)
      const before = await archiveCommit(testGit([]), await ownSource(their, 'HEAD'), work('1'))
      gitIn(their, 'tag', 'v1.0.0')
      gitIn(their, 'branch', 'other')
      const after = await archiveCommit(testGit([]), await ownSource(their, 'v1.0.0'), work('2'))
      expect(after.sha256).toBe(before.sha256)
    }))

  it.each<[string, 'ours' | 'theirs', string, (source: { uri: string; gitCommit: string; sha256: string }) => object]>([
    [
      'a repository that is not there',
      'ours',
      'SOURCE_UNAVAILABLE',
      () => ({ uri: 'git+file:///nonexistent/repository' }),
    ],
    [
      'a protocol that is not allowed',
      'ours',
      'SOURCE_UNAVAILABLE',
      () => ({ uri: 'git+http://127.0.0.1:9/repository' }),
    ],
    ['a command in place of a URL', 'ours', 'SOURCE_UNAVAILABLE', () => ({ uri: 'ext::sh -c touch% /tmp/owned' })],
    ['a commit that is nowhere', 'theirs', 'SOURCE_MISSING', () => ({ gitCommit: '12'.repeat(20) })],
    ['another archive', 'theirs', 'SOURCE_DIFFERS', () => ({ sha256: 'ab'.repeat(32) })],
  ])('is not taken for %s: %s, %s', (_, whose, code, change) =>
    inFolder(async (folder) => {
      const source = await newRepository(join(folder, 'their'), { 'a.txt': 'a\n' })
      const folders = { cache: join(folder, 'cache'), work: join(folder, 'work') }
      const fetched = fetchSource(testGit(), { ...source, ...change(source) }, folders)
      await expect(fetched).rejects.toMatchObject({ name: 'Trouble', whose, code })
    }),
  )

  it('cannot fill the disk', () =>
    inFolder(async (folder) => {
      const noise = randomBytes(400_000).toString('latin1')
      const source = await newRepository(join(folder, 'their'), { 'a.txt': noise })
      const limits = { environment: process.env, protocols: ['file'], signal, timeoutMs: 60_000, fileCapBytes: 100_000 }
      const folders = { cache: join(folder, 'cache'), work: join(folder, 'work') }
      const fetched = fetchSource(sealedGit(limits), source, folders)
      await expect(fetched).rejects.toMatchObject({ whose: 'ours', code: 'SOURCE_UNAVAILABLE' })
    }))

  it('that is larger than allowed is refused', () =>
    inFolder(async (folder) => {
      const their = join(folder, 'their')
      await newRepository(their, { 'a.txt': 'a'.repeat(100_000) })
      const archived = archiveCommit(testGit([]), await ownSource(their, 'HEAD'), join(folder, 'work'), 50_000)
      await expect(archived).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' })
    }))

  it('of the publisher is a commit, and says what is not part of it', () =>
    inFolder(async (folder) => {
      const { gitCommit } = await newRepository(folder, { 'sub/a.txt': 'a\n' })
      gitIn(folder, 'remote', 'add', 'origin', 'git@git.example.com:team/notes.git')
      const uri = 'git+https://git.example.com/team/notes.git'
      expect(await ownSource(join(folder, 'sub'), 'HEAD')).toMatchObject({
        commit: gitCommit,
        uri,
        prefix: 'sub',
        dirty: false,
      })
      await writeFile(join(folder, 'sub/a.txt'), 'b\n')
      expect(await ownSource(folder, 'HEAD')).toMatchObject({ prefix: '', dirty: true })
      await expect(ownSource(folder, '--help')).rejects.toMatchObject({ code: 'NO_SOURCE' })
    }))

  it.each([
    ['https://github.com/a/b.git', 'git+https://github.com/a/b.git'],
    ['https://me:secret@example.com/a', 'git+https://example.com/a'],
    ['git@github.com:a/b.git', 'git+https://github.com/a/b.git'],
    ['ssh://git@example.com/a/b', 'git+https://example.com/a/b'],
    ['/srv/git/a.git', null],
    ['file:///srv/git/a.git', null],
    ['http://example.com/a', null],
    ['../a', null],
    ['', null],
  ])('the remote %j is for others %j', (remote, uri) => {
    expect(publicUri(remote)).toBe(uri)
  })
})

describe('the recipe that a release names', () => {
  const publish = { channel: 's', trust: 't', anchor: 'a', sizes: 'z', key: 'k', feed: 'f', feeds: [] }
  const build = { image: { id: `sha256:${'0'.repeat(64)}` }, build: { run: ['true'] }, artifacts: ['a'], epoch: 7 }
  const text = (change: object = {}) =>
    JSON.stringify({ format: 1, product: 'example.com/notes', publish, build, ...change })
  const digestOf = (recipe: string) => createHash('sha256').update(recipe).digest('hex')

  async function archived(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
    await newRepository(join(folder, 'their'), files)
    return (await archiveCommit(testGit([]), await ownSource(join(folder, 'their'), 'HEAD'), join(folder, 'work'))).path
  }

  it('is found by its digest, wherever it lies', () =>
    inFolder(async (folder) => {
      const files = { 'samebits.build.json': text(), 'tools/x/samebits.build.json': text({ product: 'example.com/x' }) }
      const archive = await archived(folder, files)
      expect(await findRecipe(archive, digestOf(text()))).toMatchObject({ prefix: '', product: 'example.com/notes' })
      expect(await findRecipe(archive, digestOf(text({ product: 'example.com/x' })))).toMatchObject({
        prefix: 'tools/x/',
      })
      expect(await filesIn(archive, (path) => path === 'tools')).toEqual([])
    }))

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['there is none', { 'a.txt': 'a' }, text()],
    ['it is another one', { 'samebits.build.json': text() }, text({ product: 'example.com/other' })],
    ['two folders have it', { 'a/samebits.build.json': text(), 'b/samebits.build.json': text() }, text()],
    ['it does not say how to build', { 'samebits.build.json': text({ build: undefined }) }, text({ build: undefined })],
  ])('is unknown where %s', (_, files, wanted) =>
    inFolder(async (folder) => {
      const found = findRecipe(await archived(folder, files), digestOf(wanted))
      await expect(found).rejects.toMatchObject({ whose: 'theirs', code: 'RECIPE_UNKNOWN' })
    }),
  )
})
