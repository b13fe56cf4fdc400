/** What the suites of real builds share: an engine, base images that are made once and kept in reports/repro, and a whole check. */
import { access, chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ProgramError } from '@samebits/host'
import type { BuildRecipe } from '../../build-repro/src/build/build-recipe.ts'
import { type CheckResult, check } from '../../build-repro/src/check/check.ts'
import type { ContainerEngine } from '../../build-repro/src/engines/engine.ts'
import { listEngines } from '../../build-repro/src/engines/find-engine.ts'
import { parseImageLock, parseImageWish } from '../../build-repro/src/image/image-files.ts'
import { type ImageRequest, lockImage, remakeImage } from '../../build-repro/src/image/make-image.ts'

export const signal: AbortSignal = new AbortController().signal
/** Kept between runs, and never committed: pools, images, sources. */
export const cacheFolder: string = join(import.meta.dirname, '..', '..', 'reports', 'repro')

let names = 0

export async function findTestEngine(): Promise<ContainerEngine | null> {
  const search = { environment: process.env, newName: () => `samebits-repro-${process.pid}-${names++}` }
  return (await listEngines(search, signal)).find(({ engine }) => engine !== null)?.engine ?? null
}

export interface ReproImage {
  readonly id: string
  readonly archive: string
}

/**
 * The base image by that name, of test/repro/images. It is made from its lock; where the mirrors have moved on and the pool is empty, a
 * new one is made instead, and that is said.
 */
export async function reproImage(name: string): Promise<ReproImage> {
  const at = (ending: string) => join(import.meta.dirname, 'images', `${name}.${ending}`)
  await mkdir(cacheFolder, { recursive: true })
  const lock = parseImageLock(await readFile(at('lock.json'), 'utf8'))
  const archive = join(cacheFolder, `${lock.image.id.slice(7, 23)}.image.tar`)
  if (await isThere(archive)) return { id: lock.image.id, archive }
  const request: ImageRequest = {
    pool: join(cacheFolder, `${name}.pool`),
    target: archive,
    fetch,
    environment: process.env,
    onProgress: () => undefined,
    onOutput: () => undefined,
  }
  try {
    await remakeImage(lock, request, signal)
    return { id: lock.image.id, archive }
  } catch (error) {
    if (!(error instanceof ProgramError) || !['PACKAGE_MISSING', 'IMAGE_MISMATCH'].includes(error.code)) throw error
    console.warn(`${name}: ${error.message}; a new image is made`)
    const wish = parseImageWish(await readFile(at('image.json'), 'utf8'))
    const target = join(cacheFolder, `${name}.fresh.tar`)
    const { image } = await lockImage(wish, { ...request, target }, signal)
    return { id: image.id, archive: target }
  }
}

export interface CheckedBuild {
  readonly engine: ContainerEngine
  readonly image: ReproImage
  readonly recipe: Omit<BuildRecipe, 'image'>
  /** The source, as it lies there. */
  readonly folder: string
  /** Where it works; other users can pass through it, and it is empty afterwards. */
  readonly room: string
  readonly onBuild: (what: string) => void
}

/** Builds plain and with everything varied, and looks for the causes. */
export async function checkHere({ engine, image, recipe, folder, room, onBuild }: CheckedBuild): Promise<CheckResult> {
  const scratch = await mkdtemp(join(room, 'check-'))
  await chmod(scratch, 0o711)
  try {
    const build = {
      recipe: { ...recipe, image: { id: image.id } },
      source: { kind: 'folder', folder },
      engine,
      scratch,
      archives: [image.archive],
      toolEnvironment: process.env,
      now: () => Math.floor(Date.now() / 1000),
    } as const
    const sleep = (ms: number, until: AbortSignal) => setTimeout(ms, undefined, { signal: until })
    const request = { build, without: new Set<never>(), explain: true, into: join(scratch, 'into'), onBuild, sleep }
    return await check(request, signal)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
