/** A product that is built in a container from a git repository, and rebuilders of it: real processes, real containers. */
import { execFile, execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeKeyFile } from '@samebits/host'
import { listEngines } from '../../build-repro/src/engines/find-engine.ts'
import { generateKeyPair } from '../../build-repro/src/keygen.ts'
import { smallImage } from '../../build-repro/src/testing-image.ts'
import { build, type Ended, newProduct, type Product } from '../publish/kit.ts'
import { asksBuild, type BuildAnswer } from '../support/build-here.ts'
import { unboxedImage } from './unboxed.ts'

/** The engines of this machine, by name; none: tests that build in containers are then skipped, and say so. */
export async function allEngines(): Promise<readonly string[]> {
  const newName = () => 'samebits-test-none'
  const found = await listEngines({ environment: process.env, newName }, AbortSignal.timeout(60_000))
  return found.flatMap(({ engine }) => (engine === null ? [] : [engine.name]))
}

export interface RebuilderPlace {
  readonly folder: string
  run(...args: readonly string[]): Promise<Ended>
}

export interface BuiltProduct extends Product {
  /** `sha256:…` */
  readonly imageId: string
  readonly imageArchive: string
  readonly rebuilders: readonly RebuilderPlace[]
  /** Commits what lies in the folder. */
  commit(message: string): Promise<string>
  /** Publishes from the last commit. */
  publishBuild(version: string): Promise<BuildAnswer>
}

export interface BuiltOptions {
  /** The lines of the build step. */
  readonly run: readonly string[]
  readonly threshold: number
  /** One rebuilder of an operator of its own for each: what its configuration says besides. */
  readonly rebuilders: readonly Readonly<Record<string, unknown>>[]
  /** The publisher lists a builder of its own among the rebuilders, `own-builder.pem`. */
  readonly ownBuilder?: true
  /** Build without a container (unboxed.ts). */
  readonly unboxed?: true
}

/** This machine's own shell as an image. */
async function makeImage(folder: string): Promise<{ readonly id: string; readonly archive: string }> {
  const image = await smallImage(folder)
  if (image === null) throw new Error('no image can be made of this machine')
  return image
}

export async function newBuiltProduct(options: BuiltOptions): Promise<BuiltProduct> {
  const images = await mkdtemp(join(tmpdir(), 'samebits-image-'))
  const image = options.unboxed ? { id: unboxedImage, archive: join(images, 'none') } : await makeImage(images)
  const keys: string[] = []
  const product = await newProduct({ prepare: (folder) => listRebuilders(folder, options, keys) })
  const git = async (...args: string[]) => {
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.com']
    const { stdout } = await promisify(execFile)('git', ['-C', product.folder, ...identity, ...args])
    return stdout.trim()
  }
  await git('init', '--quiet')
  await writeFile(
    product.at('.gitignore'),
    ['dist/', 'feed/', '.samebits/', '*.pem', '*.anchor.json', 'sizes.json', 'rebuilder-*/', ''].join('\n'),
  )
  await writeFile(product.at('app.txt'), 'one\n')
  const recipe = (await product.json('samebits.build.json')) as object
  const steps = { image: { id: image.id }, build: { run: options.run }, artifacts: ['out/app'], epoch: 'commit' }
  await writeFile(product.at('samebits.build.json'), `${JSON.stringify({ ...recipe, build: steps }, null, 2)}\n`)
  const rebuilders = await Promise.all(
    options.rebuilders.map((change, at) => rebuilderPlace(product, keys[at] ?? '', image.archive, at, change)),
  )
  return {
    ...product,
    imageId: image.id,
    imageArchive: image.archive,
    rebuilders,
    async commit(message) {
      await git('add', '.')
      await git('commit', '--quiet', '--allow-empty', '-m', message)
      return git('rev-parse', 'HEAD')
    },
    async publishBuild(version) {
      const source = ['--source', `file://${product.folder}`, '--image-archive', image.archive]
      return asksBuild(product.folder, 'publish', '--build', '--version', version, ...source)
    },
    async remove() {
      await product.remove()
      await rm(images, { recursive: true, force: true })
      for (const engine of ['podman', 'docker'])
        try {
          execFileSync(engine, ['rmi', '--force', image.id], { stdio: 'ignore' })
        } catch {
          // this engine is not here, or never had it
        }
    },
  }
}

async function listRebuilders(folder: string, options: BuiltOptions, keys: string[]): Promise<void> {
  const { threshold, rebuilders, ownBuilder } = options
  const path = join(folder, 'trust.json')
  const trust = JSON.parse(await readFile(path, 'utf8')) as { rebuilders: { threshold: number; members: object[] } }
  for (const [at] of rebuilders.entries()) {
    const key = join(folder, `rebuilder-${at}.pem`)
    const { privatePem, publicPem } = generateKeyPair(at % 2 === 0 ? 'ed25519' : 'p256')
    await writeKeyFile(key, privatePem)
    trust.rebuilders.members.push({ id: `rebuilder-${at}`, publicKey: publicPem })
    keys.push(key)
  }
  if (ownBuilder) {
    const { privatePem, publicPem } = generateKeyPair('ed25519')
    await writeKeyFile(join(folder, 'own-builder.pem'), privatePem)
    trust.rebuilders.members.push({ id: 'own-builder', operator: 'publisher-1', publicKey: publicPem })
  }
  trust.rebuilders.threshold = threshold
  await writeFile(path, JSON.stringify(trust))
}

async function rebuilderPlace(
  product: Product,
  key: string,
  archive: string,
  at: number,
  change: Readonly<Record<string, unknown>>,
): Promise<RebuilderPlace> {
  const folder = product.at(`rebuilder-${at}`)
  await mkdir(folder)
  await cp(product.at('trust.json'), join(folder, 'trust.json'))
  const config = {
    format: 1,
    builder: `https://rebuilder-${at}.example.org/`,
    key,
    state: 'state',
    products: { [product.name]: { trust: 'trust.json' } },
    images: [archive],
    protocols: ['file'],
    ...change,
  }
  await writeFile(join(folder, 'samebits.rebuilder.json'), JSON.stringify(config))
  return { folder, run: (...args) => build(folder, 'rebuild', ...args) }
}
