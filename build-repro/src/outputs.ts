/**
 * What a publisher hands out, written in the order that leaves nothing false at any moment: `sizes.json` first (whatever ships
 * later is listed there), then the bundles, then the feed (bytes before the bundle that names them), then the anchor.
 */
import { dirname, join } from 'node:path'
import { type Trust, toBase64, toHex, updateBundleFileName } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { writeFileDurably } from '@samebits/host'
import type { Measured } from './artifacts.ts'
import { writeFeed } from './feed.ts'
import type { Now } from './follow.ts'
import { hindrance, newestPassing, refusedOffline } from './judge.ts'
import type { Tree } from './log-access.ts'
import type { LoggedRelease } from './product-view.ts'
import { makeAnchor, makeBundle } from './restate.ts'
import { Retryable } from './retry.ts'
import { logsBefore, type Session } from './session.ts'
import { addSizes, type KnownTree, readSizes, type Sizes, sizesCap, writeSizes } from './sizes.ts'
import { stepsOf } from './trust/step-views.ts'
import { trustBodies } from './trust-bodies.ts'

export interface Feeding {
  readonly fed: boolean
  /** Why the feed does not show this release; null where it does. */
  readonly reason: string | null
}

/** `sizes.json` with everything that was published since it was written, and with this tree. Not written yet. */
export async function growSizes(session: Session, { tree }: Now, extra: readonly number[]): Promise<Sizes> {
  const { workspace, log, trust } = session
  const path = workspace.at(workspace.recipe.publish.sizes)
  const sizes = await readSizes(path, log.origin, logsBefore(trust))
  const newest = Math.max(0, ...[...sizes.anchors, ...sizes.seen].map(({ size }) => size))
  const published = await publishedSizes(session, newest)
  const wanted = [...new Set([...extra, ...published, tree.size])].filter((size) => size > 0 && size <= tree.size)
  const newestFirst = wanted.sort((a, b) => b - a).slice(0, sizesCap)
  const seen: KnownTree[] = []
  for (const size of newestFirst) seen.push({ size, root: toBase64(await tree.reader.rootAt(size)) })
  return addSizes(sizes, { seen }).sizes
}

/** What the log says it published. It only adds proofs, so a log that does not say costs nothing but those. */
async function publishedSizes({ log, machine }: Session, since: number): Promise<readonly number[]> {
  try {
    return await log.client.sizes(since)
  } catch (error) {
    if (!(error instanceof Retryable) && !(error instanceof Error && 'code' in error && error.code === 'LOG_REFUSED'))
      throw error
    machine.say(
      `the log does not list the sizes that it published (${error.message}): clients at other sizes ask it for proofs`,
    )
    return []
  }
}

/** Writes `sizes.json` with this tree as an anchor that ships. @returns how many old anchors no bundle covers any more */
export async function writeShippedSizes({ workspace, machine }: Session, sizes: Sizes, tree: Tree): Promise<void> {
  const { size, root } = tree.signed.checkpoint
  const grown = addSizes(sizes, { anchors: [{ size, root: toBase64(root) }] })
  if (grown.anchorsDropped > 0)
    machine.say(
      `${grown.anchorsDropped} of the oldest anchors do not fit into a bundle any more: their clients ask the log`,
    )
  await writeSizes(workspace.at(workspace.recipe.publish.sizes), grown.sizes)
}

/** The bundle of one release under this tree. */
export async function bundleOf(session: Session, now: Now, release: LoggedRelease, sizes: Sizes): Promise<Uint8Array> {
  const { log, machine, trust } = session
  const steps = await stepsOf(session, now)
  const bodies = [...steps.bodies, ...(await trustBodies(log, trust, now.view))]
  const own = { log, tree: now.tree, view: now.view, release, sizes }
  const { bytes, sizesLeftOut } = await makeBundle({ ...own, steps: steps.views, trust: eachOnce(bodies) })
  if (sizesLeftOut.length > 0)
    machine.say(`${sizesLeftOut.length} of the oldest sizes do not fit into the bundle: their clients ask the log`)
  return bytes
}

function eachOnce(bodies: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...new Map(bodies.map((body) => [toHex(nodeCrypto.sha256(body)), body])).values()]
}

/** Writes `<artifact>.samebits.json` beside each artifact. @returns the paths */
export async function writeBundles(artifacts: readonly Measured[], bundle: Uint8Array): Promise<readonly string[]> {
  const paths = artifacts.map(({ path, name }) => join(dirname(path), updateBundleFileName(name)))
  for (const path of paths) await writeFileDurably(path, bundle)
  return paths
}

/** The anchor of this tree, not written yet. */
export function anchorOf({ workspace, log, trust }: Session, { tree, view }: Now): Promise<Uint8Array> {
  return makeAnchor({ log, tree, view }, trust, workspace.recipe.publish.feeds)
}

/** @returns its path */
export async function writeAnchor({ workspace }: Session, anchor: Uint8Array): Promise<string> {
  const path = workspace.at(workspace.recipe.publish.anchor)
  await writeFileDurably(path, anchor)
  return path
}

/**
 * Moves the feed to a release if it is the newest of its channel that passes its own trust file, and the bundle itself is
 * accepted as a client accepts it; or if `feedNow`.
 */
export async function feedRelease(
  session: Session,
  now: Now,
  release: LoggedRelease,
  {
    artifacts,
    bundle,
    feedNow,
  }: { readonly artifacts: readonly Measured[]; readonly bundle: Uint8Array; readonly feedNow: boolean },
): Promise<Feeding> {
  const { workspace, trust, signal, machine } = session
  const { channel } = release.statement
  const handout = { bundle, now: machine.now() }
  const reason = feedNow ? null : (heldBack(trust, now, release) ?? refusedOffline(trust, release, handout))
  if (reason !== null) return { fed: false, reason }
  await writeFeed(workspace.at(workspace.recipe.publish.feed), { id: release.id, channel, artifacts, bundle }, signal)
  return { fed: true, reason: null }
}

function heldBack(trust: Trust, now: Now, release: LoggedRelease): string | null {
  const own = hindrance(trust, now, release)
  if (own !== null) return own
  const newest = newestPassing(trust, now, release.statement.channel)
  if (newest === null || newest.id === release.id) return null
  return `release ${newest.statement.version} is newer and passes`
}
