/**
 * Stapling: the same releases under a newer checkpoint. Inclusion and consistency are computed again, and what the log gained
 * since (signatures, votes, waivers, revocations, trust steps) travels with the bundles from then on; the feed moves to the
 * newest release that passes its own trust file by now.
 */
import { join } from 'node:path'
import { formatUpdateBundle } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Measured } from './artifacts.ts'
import { holds, writeFeedStep } from './feed.ts'
import { lacksQuorum, type Now } from './follow.ts'
import { newestPassing } from './judge.ts'
import type { Kept } from './kept.ts'
import { anchorOf, bundleOf, feedRelease, growSizes, writeAnchor, writeBundles, writeShippedSizes } from './outputs.ts'
import type { LoggedRelease } from './product-view.ts'
import type { Session } from './session.ts'
import type { Sizes } from './sizes.ts'
import { readStep } from './trust/kept-steps.ts'

interface StapledChannel {
  readonly channel: string
  /** The release that the feed shows now; null where it shows none. */
  readonly fed: { readonly id: string; readonly version: string } | null
  /** Why the feed was left as it is; null where it was written. */
  readonly waiting: string | null
}

export interface StapleResult {
  readonly size: number
  readonly bundles: readonly string[]
  readonly anchor: string
  readonly channels: readonly StapledChannel[]
}

/** @param from further tree sizes that bundles shall prove consistency from */
export async function staple(session: Session, from: readonly number[]): Promise<StapleResult> {
  const now = await session.now(lacksQuorum)
  const beyond = from.find((size) => size > now.tree.size)
  if (beyond !== undefined)
    throw new ProgramError({
      code: 'USAGE',
      detail: `the log has ${now.tree.size} entries, no tree of size ${beyond}`,
      remedy: 'Give --from the size that samebits state show prints.',
    })
  const sizes = await growSizes(session, now, from)
  const anchor = await anchorOf(session, now)
  await writeShippedSizes(session, sizes, now.tree)
  const kept = (await session.kept.list()).filter(({ withdrawn }) => withdrawn === null)
  await feedSteps(session)
  const bundles: string[] = []
  const channels: StapledChannel[] = []
  for (const channel of session.trust.channels) {
    bundles.push(...(await restateKept(session, now, sizes, kept, channel)))
    channels.push(await stapleChannel(session, now, { sizes, kept }, channel))
  }
  return { size: now.tree.size, bundles, anchor: await writeAnchor(session, anchor), channels }
}

/** The steps of trust where clients ask their feeds for them (docs/decision.md step 5). */
async function feedSteps({ workspace, trust }: Session): Promise<void> {
  const feed = workspace.at(workspace.recipe.publish.feed)
  for (let version = 2; version <= trust.version; version++) {
    const step = await readStep(workspace, version)
    if (step !== null) await writeFeedStep(feed, trust.product, version, formatUpdateBundle(step))
  }
}

/** New bundles beside the artifacts that were published from here and still lie there: the head's, and those of the release that passes. */
async function restateKept(
  session: Session,
  now: Now,
  sizes: Sizes,
  kept: readonly Kept[],
  channel: string,
): Promise<readonly string[]> {
  const current = new Set([now.view.heads.get(channel)?.id, newestPassing(session.trust, now, channel)?.id])
  const written: string[] = []
  for (const { id, request } of kept) {
    const release = now.view.releases.find((each) => each.id === id)
    if (!current.has(id) || release === undefined || release.metAt === null) continue
    const present: Measured[] = []
    for (const file of request.artifacts) if (await holds(file.path, file, session.signal)) present.push(file)
    if (present.length === 0) continue
    written.push(...(await writeBundles(present, await bundleOf(session, now, release, sizes))))
  }
  return written
}

interface StapleParts {
  readonly sizes: Sizes
  readonly kept: readonly Kept[]
}

async function stapleChannel(
  session: Session,
  now: Now,
  { sizes, kept }: StapleParts,
  channel: string,
): Promise<StapledChannel> {
  const release = newestPassing(session.trust, now, channel)
  if (release === null) return { channel, fed: null, waiting: 'no release passes its trust file yet' }
  const { id } = release
  const { version } = release.statement
  const artifacts = await findFiles(session, release, kept)
  if (artifacts === null)
    return {
      channel,
      fed: null,
      waiting: `the files of ${version} are neither in the feed nor where they were published from`,
    }
  const bundle = await bundleOf(session, now, release, sizes)
  const { fed, reason } = await feedRelease(session, now, release, { artifacts, bundle, feedNow: false })
  if (!fed) return { channel, fed: null, waiting: reason }
  const mine = kept.find((each) => each.id === id)
  if (mine !== undefined) await session.kept.markPublished(id, { size: now.tree.size, fed: true })
  return { channel, fed: { id, version }, waiting: null }
}

/** Where each artifact of a release can be read: in the feed, or where it was published from. Null where one is nowhere. */
async function findFiles(
  { workspace, signal }: Session,
  { id, statement }: LoggedRelease,
  kept: readonly Kept[],
): Promise<readonly Measured[] | null> {
  const feed = workspace.at(workspace.recipe.publish.feed)
  const from = kept.find((each) => each.id === id)?.request.artifacts ?? []
  const found: Measured[] = []
  for (const { name, size, sha256 } of statement.artifacts) {
    const paths = [join(feed, id, name), ...from.filter((file) => file.name === name).map(({ path }) => path)]
    const candidates = paths.map((path) => ({ name, path, size, sha256 }))
    let place: Measured | undefined
    for (const candidate of candidates) if (await holds(candidate.path, candidate, signal)) place ??= candidate
    if (place === undefined) return null
    found.push(place)
  }
  return found
}
