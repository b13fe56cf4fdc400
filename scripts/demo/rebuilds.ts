/**
 * The release rebuilt by two operators, where this machine has a container engine: samebits' own command line, from a commit, in an
 * image that holds this machine's shell and this node and nothing else, named by its digest.
 */
import { execFileSync } from 'node:child_process'
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listEngines } from '../../build-repro/src/engines/find-engine.ts'
import { smallImage } from '../../build-repro/src/testing-image.ts'
import type { Stage } from './stage.ts'

const root = join(import.meta.dirname, '..', '..')
/** What `scripts/build-cli.mjs` reads, besides the packages that it bundles. */
const sources = ['scripts/build-cli.mjs', 'package.json', 'tsconfig.base.json']
const operators = ['ada', 'ben'] as const

export interface Rebuilds {
  /** Makes the publisher's folder a repository that builds, and lists two operators as rebuilders. Before the log serves. */
  prepare(): Promise<void>
  publish(version: string): Promise<void>
  /** Both operators rebuild it: side by side, or one after the other with `afterFirst` in between. */
  vote(version: string, afterFirst: (() => Promise<void>) | null): Promise<void>
  /** Takes the image out of the engine again. */
  clean(): void
}

/** Why the demo leaves its rebuilds out, or what does them. */
export async function findRebuilds(stage: Stage, folder: string): Promise<Rebuilds | string> {
  const newName = () => 'samebits-demo-none'
  const found = await listEngines({ environment: process.env, newName }, AbortSignal.timeout(30_000))
  const engine = found.flatMap((each) => (each.engine === null ? [] : [each.engine.name]))[0]
  if (engine === undefined)
    return `the two operators who rebuild each release: there is no container engine here (${found.map(({ why }) => why).join('; ')})`
  const room = join(folder, 'image')
  await mkdir(room)
  const image = await smallImage(room, [process.execPath])
  await rm(join(room, 'root'), { recursive: true, force: true })
  await rm(join(room, 'root.tar'), { force: true })
  if (image === null) return 'the two operators who rebuild each release: no image can be made of this machine'
  return rebuildsWith(stage, folder, { engine, ...image })
}

interface DemoImage {
  readonly engine: string
  readonly id: string
  readonly archive: string
}

function rebuildsWith(stage: Stage, folder: string, image: DemoImage): Rebuilds {
  const publisher = join(folder, 'publisher')
  const git = (...args: string[]) =>
    execFileSync('git', [
      '-C',
      publisher,
      '-c',
      'user.name=publisher',
      '-c',
      'user.email=publisher@example.com',
      ...args,
    ])
  const rebuild = (operator: string, version: string) =>
    stage.run('samebits-build', ['rebuild', '--once', version], { cwd: join(folder, operator) })
  return {
    async prepare() {
      await copySources(publisher)
      await addBuild(publisher, image.id)
      const keys: string[] = []
      for (const operator of operators) keys.push(await addOperator(stage, folder, operator, image.archive))
      await demandBoth(publisher, keys)
      git('init', '--quiet')
      stage.say(
        `In the trust file: rebuilders.threshold 2, the operators ${operators.join(' and ')}. The image: ${image.id}`,
      )
    },
    async publish(version) {
      const path = join(publisher, 'verifier-cli/package.json')
      await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), version }))
      git('add', '.')
      git('commit', '--quiet', '-m', version)
      const source = ['--source', `git+file://${publisher}`, '--image-archive', image.archive]
      await stage.run('samebits-build', ['publish', '--build', '--version', version, ...source], { cwd: publisher })
    },
    async vote(version, afterFirst) {
      const [first, second] = operators
      if (afterFirst === null) await Promise.all(operators.map((operator) => rebuild(operator, version)))
      else {
        await rebuild(first, version)
        await afterFirst()
        await rebuild(second, version)
      }
      await stage.run('samebits-build', ['staple'], { cwd: publisher })
    },
    clean() {
      try {
        execFileSync(image.engine, ['rmi', '--force', image.id], { stdio: 'ignore' })
      } catch {
        // it was never loaded
      }
    },
  }
}

async function copySources(publisher: string): Promise<void> {
  const filter = (path: string) => !/\/(?:dist|coverage|node_modules)(?:\/|$)|\.test\.ts$/.test(path.slice(root.length))
  const { rooms, libraries } = await neededBy('verifier-cli')
  for (const source of [...sources, ...rooms])
    await cp(join(root, source), join(publisher, source), { recursive: true, filter })
  const modules = join(publisher, 'node_modules')
  for (const library of libraries)
    await cp(join(root, 'node_modules', library), join(modules, library), { recursive: true, filter: runs })
  await mkdir(join(modules, '@samebits'))
  for (const room of rooms) await symlink(`../../${room}`, join(modules, '@samebits', room))
  const secret = ['/keys/', '/authority/', '/.samebits/', '/feed/', '/dist/', '/sizes.json', '/*.anchor.json', '']
  await writeFile(join(publisher, '.gitignore'), secret.join('\n'))
}

/** Whether a file of a library is there to be run. */
function runs(path: string): boolean {
  return !/\.(?:d\.[cm]?ts|map|md)$|\/(?:src|test|tests)$/.test(path)
}

/** The packages of this clone that one of them bundles, itself included, and the installed libraries that all of them need. */
async function neededBy(room: string): Promise<{ rooms: ReadonlySet<string>; libraries: ReadonlySet<string> }> {
  const [rooms, libraries] = [new Set<string>(), new Set<string>()]
  const open = [`@samebits/${room}`, 'esbuild']
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const own = name.startsWith('@samebits/') ? name.slice('@samebits/'.length) : null
    if (rooms.has(own ?? '') || libraries.has(name)) continue
    const at = join(root, own ?? `node_modules/${name}`, 'package.json')
    const text = await readFile(at, 'utf8').catch(() => null) // what is optional may be for another platform
    if (text === null) continue
    if (own === null) libraries.add(name)
    else rooms.add(own)
    const { dependencies, optionalDependencies, devDependencies } = JSON.parse(text) as Record<
      string,
      object | undefined
    >
    const bundled = own === room ? devDependencies : undefined
    open.push(...Object.keys({ ...dependencies, ...optionalDependencies, ...bundled }))
  }
  return { rooms, libraries }
}

/** The recipe's part that says how to build. */
async function addBuild(publisher: string, image: string): Promise<void> {
  const path = join(publisher, 'samebits.build.json')
  const recipe = JSON.parse(await readFile(path, 'utf8')) as object
  const build = {
    image: { id: image },
    build: { run: ['node scripts/build-cli.mjs out'] },
    artifacts: [{ path: 'out/samebits.cjs', mediaType: 'text/javascript' }],
    epoch: 'commit',
  }
  await writeFile(path, `${JSON.stringify({ ...recipe, build }, null, 2)}\n`)
}

/** An operator with a key and a configuration. The second one builds under another path. @returns the public key */
async function addOperator(stage: Stage, folder: string, name: string, archive: string): Promise<string> {
  const room = join(folder, name)
  await mkdir(room)
  const { stdout } = await stage.run('samebits-build', ['keygen', 'rebuilder.pem'], { cwd: room, quiet: true })
  const config = {
    format: 1,
    builder: `https://${name}.example.org/rebuilds`,
    key: 'rebuilder.pem',
    state: 'state',
    products: { 'samebits.dev/samebits': { trust: '../publisher/trust.json' } },
    path: `/home/${name}/source`,
    images: [archive],
    protocols: ['file'],
  }
  await writeFile(join(room, 'samebits.rebuilder.json'), `${JSON.stringify(config, null, 2)}\n`)
  return stdout
}

async function demandBoth(publisher: string, keys: readonly string[]): Promise<void> {
  const path = join(publisher, 'trust.json')
  const trust = JSON.parse(await readFile(path, 'utf8')) as object
  const members = operators.map((id, at) => ({ id, publicKey: `${keys[at]?.trimEnd()}\n` }))
  const rebuilders = { threshold: operators.length, members, onMismatch: 'refuse' }
  await writeFile(path, `${JSON.stringify({ ...trust, rebuilders }, null, 2)}\n`)
}
