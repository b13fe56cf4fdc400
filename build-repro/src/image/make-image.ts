/** A base image without any registry: from a wish to a lock, and from a lock to the one archive that belongs to it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ProgramError } from '@samebits/host'
import type { Machine } from '../machine.ts'
import { type WrittenImage, writeImageArchive } from './archive.ts'
import type { ImageLock, ImageWish, LockedPackage } from './image-files.ts'
import { fillPool } from './pool.ts'
import { resolvePackages } from './resolve-packages.ts'
import { makeRootFileSystem } from './root-file-system.ts'

export interface ImageRequest {
  /** The folder of .deb files; made and filled where something is missing. */
  readonly pool: string
  /** The archive to write. */
  readonly target: string
  /** null: offline. */
  readonly fetch: Machine['fetch'] | null
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly onProgress: (done: number, total: number) => void
  readonly onOutput: (chunk: Uint8Array) => void
}

/** Resolves the wish as its sources are today, makes the image, and hands back the lock. */
export async function lockImage(wish: ImageWish, request: ImageRequest, signal: AbortSignal): Promise<ImageLock> {
  const packages = await resolvePackages(wish, request.environment, signal)
  const image = await make(wish, packages, request, signal)
  return { format: 1, wish, packages, image }
}

/**
 * Makes the image of a lock again.
 *
 * @throws ProgramError IMAGE_MISMATCH where it is not the one that the lock names
 */
export async function remakeImage(lock: ImageLock, request: ImageRequest, signal: AbortSignal): Promise<WrittenImage> {
  const made = await make(lock.wish, lock.packages, request, signal)
  if (made.id === lock.image.id) return made
  await rm(request.target, { force: true })
  throw new ProgramError({
    code: 'IMAGE_MISMATCH',
    detail: `the packages of the lock made the image ${made.id}, the lock says ${lock.image.id}`,
    remedy: 'Use the version of mmdebstrap, dpkg and apt that made the lock, or make a new lock with --update.',
    exitCode: 10,
  })
}

async function make(
  wish: ImageWish,
  packages: readonly LockedPackage[],
  request: ImageRequest,
  signal: AbortSignal,
): Promise<WrittenImage> {
  const { pool, target, fetch, environment, onProgress, onOutput } = request
  await fillPool({ folder: pool, packages, fetch, onProgress }, signal)
  const folder = await mkdtemp(join(dirname(target), '.samebits-image-'))
  try {
    const root = join(folder, 'root.tar')
    await makeRootFileSystem({ wish, packages, pool, target: root, environment, onOutput }, signal)
    const about = {
      architecture: wish.architecture,
      epoch: wish.epoch,
      environment: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      comment: `samebits-build image: ${wish.suite}, ${packages.length} packages`,
    }
    return await writeImageArchive(root, about, target, signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
