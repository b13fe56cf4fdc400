/**
 * Which entries travel together: with a release in its update bundle, with a tree in the anchor (docs/formats.md §2, §3).
 */
import { bearing, bundleCaps, standingVotes, type Trust, votedArtifact } from '@samebits/core'
import type { ProductEntry } from './history.ts'
import type { Logged, LoggedRelease, LoggedVote, ProductView } from './product-view.ts'

/**
 * The entries of a release's bundle, in log order: its own, the standing votes and the waivers about it, the trust steps, and
 * the product's met revocations, the newest as far as the cap allows.
 */
export function bundleEntries(view: ProductView, release: LoggedRelease): readonly ProductEntry[] {
  const about = [
    ...release.entries,
    ...votesAbout(view, release),
    ...metEntries(view.waivers.filter(({ statement }) => statement.id === release.id)),
    ...view.trustSteps.flatMap(({ entries }) => entries),
    ...metEntries(view.revocations.filter(({ statement }) => statement.ids.includes(release.id))),
  ]
  const others = metEntries(view.revocations).sort((a, b) => b.index - a.index)
  return inLogOrder([...about, ...others], bundleCaps.entries)
}

/**
 * The entries of an anchor: the met heads and the open proposals under all their signatures, the met revocations, and the
 * negative votes that stand.
 */
export function anchorEntries(trust: Trust, view: ProductView): readonly ProductEntry[] {
  const heads = new Set([...view.heads.values()].map(({ id }) => id))
  const shown = view.releases.filter((release) => heads.has(release.id) || isOpen(view, release))
  const negative = view.releases.flatMap((release) => votesAbout(view, release, ['negative']))
  return inLogOrder([
    ...shown.flatMap(({ entries }) => entries),
    ...metEntries(view.revocations),
    ...(trust.rebuilders.members.length > 0 ? negative : []),
  ])
}

/** Whether a release may still become the head of its channel. */
export function isOpen(view: ProductView, { statement, metAt }: LoggedRelease): boolean {
  const head = view.heads.get(statement.channel) ?? null
  return metAt === null && statement.sequence === (head?.sequence ?? 0) + 1 && statement.previous === (head?.id ?? null)
}

/** The entries whose standing votes bear on an artifact of the release, in one of these ways. */
function votesAbout(
  view: ProductView,
  { id, statement }: LoggedRelease,
  ways: readonly string[] = ['positive', 'negative'],
): readonly ProductEntry[] {
  const standing = new Set(standingVotes(view.votes.map(({ vote }) => vote)))
  const artifacts = statement.artifacts.map((artifact) => votedArtifact(id, statement, artifact))
  const bears = ({ vote }: LoggedVote) =>
    standing.has(vote) && artifacts.some((artifact) => ways.includes(bearing(vote, artifact)))
  return view.votes.filter(bears).map(({ entry }) => entry)
}

function metEntries(statements: readonly Logged<unknown>[]): ProductEntry[] {
  return statements.filter(({ metAt }) => metAt !== null).flatMap(({ entries }) => entries)
}

/** Each entry once, the first `cap` of them, in log order. */
function inLogOrder(entries: readonly ProductEntry[], cap = Number.POSITIVE_INFINITY): readonly ProductEntry[] {
  const byIndex = new Map(entries.map((entry) => [entry.index, entry]))
  return [...byIndex.values()].slice(0, cap).sort((a, b) => a.index - b.index)
}
