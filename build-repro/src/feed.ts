/**
 * The static feed (docs/formats.md §3), plain files for any web server:
 *
 *     <feed>/<release id>/<artifact name>     the bytes
 *     <feed>/<channel>.samebits.json          the bundle of the newest release, replaced last and atomically
 *     <feed>/v1/trust/<product>/<version>     the bundle of a trust step, for clients of before it
 *
 * A client that reads at any moment sees a bundle whose bytes are there.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { updateBundleFileName } from '@samebits/core'
import { syncDirectory, writeFileDurably } from '@samebits/host'
import { copyMeasured, type Measured, measure } from './artifacts.ts'

export interface FeedRelease {
  readonly id: string
  readonly channel: string
  readonly artifacts: readonly Measured[]
  readonly bundle: Uint8Array
}

/** Moves the feed to a release, bytes first. Every step may be repeated. */
export async function writeFeed(folder: string, release: FeedRelease, signal: AbortSignal): Promise<void> {
  const place = join(folder, release.id)
  await mkdir(place, { recursive: true })
  await sweep(folder)
  await sweep(place)
  for (const artifact of release.artifacts) {
    const target = join(place, artifact.name)
    if (!(await holds(target, artifact, signal))) await copyMeasured(artifact, target, signal)
  }
  await syncDirectory(folder)
  signal.throwIfAborted()
  await writeFileDurably(feedBundlePath(folder, release.channel), release.bundle)
}

/** The bundle of a trust step, at the path that clients ask for once a web server has decoded it. */
export async function writeFeedStep(
  folder: string,
  product: string,
  version: number,
  bundle: Uint8Array,
): Promise<void> {
  const place = join(folder, 'v1', 'trust', ...product.split('/'))
  await mkdir(place, { recursive: true })
  await sweep(place)
  await writeFileDurably(join(place, String(version)), bundle)
}

/** Removes what interrupted runs left: `.<name>.<12 hex digits>.tmp`. The workspace's lock keeps other runs away. */
async function sweep(folder: string): Promise<void> {
  const left = (await readdir(folder)).filter((name) => /^\..+\.[0-9a-f]{12}\.tmp$/.test(name))
  for (const name of left) await rm(join(folder, name))
}

function feedBundlePath(folder: string, channel: string): string {
  return join(folder, updateBundleFileName(channel))
}

/** Whether the file at `path` is that artifact. */
export async function holds(path: string, artifact: Measured, signal: AbortSignal): Promise<boolean> {
  try {
    const { size, sha256 } = await measure(path, signal)
    return size === artifact.size && sha256 === artifact.sha256
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ARTIFACT') return false
    throw error
  }
}
