/** One real program, as test/repro/programs describes it, and its source on this machine. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Output } from '../../build-repro/src/build/collect.ts'
import type { LockedPackage } from '../../build-repro/src/image/image-files.ts'
import { fillPool } from '../../build-repro/src/image/pool.ts'
import { cacheFolder, isThere, signal } from './support.ts'

export interface Program {
  readonly name: string
  readonly version: string
  readonly language: string
  /** Part of every run of CI. */
  readonly quick: boolean
  /** Programs of this machine that fetch its source. */
  readonly needs: readonly string[]
  /** Of test/repro/images. */
  readonly image: string
  /** Fetched by URL, believed by digest, put into the source folder. */
  readonly files: readonly LockedPackage[]
  /**
   * Lines of one shell script, run on this machine in the source folder with the network on: the fetch step. What is put into
   * $PUBLISHED is what the project itself published, by the artifacts' names.
   */
  readonly prepare: readonly string[]
  readonly build: {
    readonly run: readonly string[]
    readonly artifacts: readonly string[]
    readonly environment?: Readonly<Record<string, string>>
  }
  readonly epoch: number
  /** SHA-256 of what the project published, by the artifacts' names. */
  readonly published: Readonly<Record<string, string>>
  /** What check must find; nothing: reproducible. */
  readonly expect: readonly { readonly kind: string; readonly variations: readonly string[] }[]
}

const repository = join(import.meta.dirname, '..', '..')

function placeOf(program: Program): string {
  const description = JSON.stringify([program.files, program.prepare])
  const key = createHash('sha256').update(description).digest('hex').slice(0, 12)
  return join(cacheFolder, 'sources', `${program.name.replace('/', '_')}-${key}`)
}

/** What this machine lacks to fetch it. */
export function missingTools({ needs }: Program): readonly string[] {
  return needs.filter((tool) => spawnSync('sh', ['-c', 'command -v "$0"', tool]).status !== 0)
}

/** The folder with the program's source and all that its build needs; made once and kept, our own apart. */
export async function preparedSource(program: Program): Promise<string> {
  const place = placeOf(program)
  if (program.name === 'samebits') await rm(place, { recursive: true, force: true })
  if (await isThere(place)) return join(place, 'source')
  const fresh = `${place}.new`
  await rm(fresh, { recursive: true, force: true })
  for (const each of ['source', 'published', 'files']) await mkdir(join(fresh, each), { recursive: true })
  await fillPool({ folder: join(fresh, 'files'), packages: program.files, fetch, onProgress: () => undefined }, signal)
  for (const { file } of program.files) await copyFile(join(fresh, 'files', file), join(fresh, 'source', file))
  const environment = {
    ...process.env,
    PUBLISHED: join(fresh, 'published'),
    REPOSITORY: repository,
    GOFLAGS: '',
    GOTOOLCHAIN: 'local',
    NODE_OPTIONS: '',
  }
  if (program.prepare.length > 0)
    execFileSync('sh', ['-euc', program.prepare.join('\n')], {
      cwd: join(fresh, 'source'),
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  await writeFile(join(fresh, 'description.json'), JSON.stringify(program.prepare))
  await rename(fresh, place)
  return join(place, 'source')
}

/** For each output that the project published too: whether it is the same, bit for bit. */
export async function published(program: Program, outputs: readonly Output[]): Promise<readonly boolean[]> {
  const same: boolean[] = []
  for (const { name, sha256 } of outputs) {
    const file = join(placeOf(program), 'published', name)
    const stated = program.published[name]
    if (stated !== undefined) same.push(stated === sha256)
    else if (await isThere(file))
      same.push(
        createHash('sha256')
          .update(await readFile(file))
          .digest('hex') === sha256,
      )
  }
  return same
}
