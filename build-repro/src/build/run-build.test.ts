import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ContainerEngine } from '../engines/engine.ts'
import { findEngine, listEngines } from '../engines/find-engine.ts'
import { archiveCommit } from '../source/archive.ts'
import { sealedGit } from '../source/git.ts'
import { ownSource } from '../source/own-source.ts'
import { inFolder } from '../testing.ts'
import { smallImage } from '../testing-image.ts'
import type { BuildRecipe } from './build-recipe.ts'
import { plainConditions } from './conditions.ts'
import { type BuildRequest, runBuild } from './run-build.ts'

const signal = new AbortController().signal
let names = 0
const search = {
  environment: { ...process.env, SECRET: 'x' },
  newName: () => `samebits-test-${process.pid}-b${names++}`,
}
const engines = (await listEngines(search, signal)).flatMap(({ engine }) => (engine === null ? [] : [engine]))
const host = await findEngine('host', search, signal)

let folder = ''
let image = { id: `sha256:${'0'.repeat(64)}` }
let archives: readonly string[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samebits-run-build-'))
  const made = engines.length === 0 ? null : await smallImage(folder)
  if (made === null) return
  image = { id: made.id }
  archives = [made.archive]
})
afterAll(async () => {
  for (const { name } of engines) execFileSync(name, ['rmi', '--force', image.id], { stdio: 'ignore' })
  await rm(folder, { recursive: true, force: true })
})

function recipeOf(run: readonly string[], change: Partial<BuildRecipe> = {}): BuildRecipe {
  return { image, build: { run }, artifacts: ['out/app'], epoch: 'commit', ...change }
}

/** A repository with one commit of long ago, in `at`. */
async function repository(at: string, files: Readonly<Record<string, string>> = { 'app.txt': 'text\n' }) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(at, name, '..'), { recursive: true })
    await writeFile(join(at, name), content)
  }
  const date = '2021-03-04T05:06:07Z'
  const environment = { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', at, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { env: environment })
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '-m', 'first')
}

async function build(at: string, engine: ContainerEngine, recipe: BuildRecipe, change: Partial<BuildRequest> = {}) {
  await repository(join(at, 'repository'))
  const git = sealedGit({ environment: process.env, protocols: [], signal, timeoutMs: 60_000 })
  const own = await ownSource(join(at, 'repository'), 'HEAD')
  const { path: archive, ...facts } = await archiveCommit(git, own, join(at, 'work'))
  const source = { kind: 'commit', archive, ...facts } as const
  const scratch = join(at, 'scratch')
  await mkdir(scratch)
  const request = {
    recipe,
    source,
    engine,
    scratch,
    archives,
    toolEnvironment: process.env,
    now: () => 1_795_000_000,
    ...change,
  }
  return { result: runBuild(request, plainConditions, join(at, 'into'), signal), scratch, into: join(at, 'into') }
}

describe.each(engines)('a build in a container of $name', (engine) => {
  it('makes the artifacts, keeps the whole log, and leaves nothing else', () =>
    inFolder(async (at) => {
      const run = [
        'echo "$SOURCE_DATE_EPOCH $TZ $LC_ALL $HOME $(whoami) $(pwd) $(umask)"',
        'stat -c "%Y %a %u" app.txt .; ls /sys/class/net >&2',
        'mkdir out; cat app.txt > out/app; touch "$HOME/x" ../beside',
      ]
      const { result, scratch, into } = await build(at, engine, recipeOf(run))
      const { outputs, log, objections, epoch } = await result
      expect(outputs).toMatchObject([{ name: 'app', size: 5, path: join(into, 'outputs/app') }])
      const text = await readFile(log.path, 'utf8')
      expect(text.split('\n').slice(1)).toEqual([
        '1614834367 UTC C.UTF-8 /build-home builder /build/source 0022',
        '1614834367 644 1000',
        '1614834367 755 1000',
        'lo',
        '',
      ])
      expect({ epoch, objections, size: log.size }).toEqual({ epoch: 1_614_834_367, objections: [], size: text.length })
      expect(await readdir(scratch)).toEqual([])
    }))

  it('fails with the log in hand, and leaves nothing else', () =>
    inFolder(async (at) => {
      const { result, scratch, into } = await build(at, engine, recipeOf(['echo before', 'false', 'echo after']))
      await expect(result).rejects.toMatchObject({ code: 'BUILD_FAILED' })
      expect(await readFile(join(into, 'log'), 'utf8')).toMatch(
        /before\nsamebits: the build step ended with status 1\n$/,
      )
      expect(await readdir(scratch)).toEqual([])
    }))

  it('takes no file of this machine for an artifact', () =>
    inFolder(async (at) => {
      const { result } = await build(at, engine, recipeOf(['mkdir out; ln -s /etc/hostname out/app']))
      await expect(result).rejects.toMatchObject({ code: 'ARTIFACT' })
    }))
})

describe('a build on the machine itself', () => {
  it('works for a first look, and says that it cannot be attested', () =>
    inFolder(async (at) => {
      const recipe = recipeOf(['mkdir out; cp app.txt out/app; env | sed -n s,^SECRET=,,p > out/secret'], {
        artifacts: ['out/app', 'out/secret'],
      })
      const { result } = await build(at, host, recipe)
      const { outputs, objections } = await result
      expect(outputs.map(({ size }) => size)).toEqual([5, 0])
      expect(objections.map(({ code }) => code)).toEqual(['NO_CONTAINER'])
    }))

  it('says all that stands against attesting a folder, a tag and the network', () =>
    inFolder(async (at) => {
      const tree = join(at, 'tree')
      await mkdir(tree)
      await writeFile(join(tree, 'app.txt'), 'text\n')
      await symlink('app.txt', join(tree, 'link'))
      const recipe = recipeOf([], {
        image: { reference: 'docker.io/library/node:24' },
        build: { run: ['mkdir out; cp app.txt out/app'], network: true },
      })
      const { result } = await build(at, host, recipe, { source: { kind: 'folder', folder: tree } })
      const codes = (await result).objections.map(({ code }) => code)
      expect(codes).toEqual(['IMAGE_FLOATS', 'NETWORK_IN_BUILD', 'NO_CONTAINER', 'NO_COMMIT'])
    }))
})

it('does not copy a folder into itself', () =>
  inFolder(async (at) => {
    const { result } = await build(at, host, recipeOf(['true']), { source: { kind: 'folder', folder: at } })
    await expect(result).rejects.toMatchObject({ code: 'USAGE' })
  }))
