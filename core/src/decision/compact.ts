/**
 * Keeping what is known within its bounds, however many releases a product has logged (docs/decision.md, *State*).
 *
 * Nothing that forbids is ever forgotten: ids, entries, sequences, `previous`, revocations, waivers and negative votes stay. What
 * goes are positive votes and descriptions of artifacts, which serve to notice that a release is withheld, and only where that can
 * hardly matter any more: first below the floor, then also beyond the newest releases of a channel. An offer brings both again.
 */
import { artifactKey, buildKey } from './build-key.ts'
import type { Floor, Known, KnownRelease, KnownVote } from './state.ts'

/** Bytes from where on something goes; a state holds 4 MiB in all. */
const roomy = 2 * 1024 * 1024
const tight = 3 * 1024 * 1024

/** Releases of a channel that stay whole in any case, the newest ones. */
const wholeReleases = 256

/** Bytes of each as canonical JSON, a little more rather than less. */
const bytesOf = { release: 300, entry: 90, artifact: 230, build: 210, statement: 200, id: 68, vote: 560 } as const

/** What is known, with less detail of old releases where it would take too much room. */
export function compacted(known: Known, floors: ReadonlyMap<string, Floor>): Known {
  if (estimate(known) <= roomy) return known
  const isPast = ({ channel, sequence }: KnownRelease) => sequence < (floors.get(channel)?.sequence ?? 0)
  const past = new Set(known.releases.filter(isPast).map(({ id }) => id))
  const slim = reduced(known, past, (release) => ({ ...release, artifacts: release.artifacts.map(withoutBuild) }))
  if (estimate(slim) <= tight) return slim
  const whole = newest(known.releases)
  const old = new Set(known.releases.filter(({ id }) => past.has(id) || !whole.has(id)).map(({ id }) => id))
  return reduced(known, old, (release) => ({ ...release, artifacts: [] }))
}

function estimate({ releases, statements, votes }: Known): number {
  let bytes = votes.length * bytesOf.vote
  for (const { entries, artifacts } of releases) {
    bytes += bytesOf.release + entries.length * bytesOf.entry + artifacts.length * bytesOf.artifact
    for (const { source } of artifacts) if (source !== null) bytes += bytesOf.build
  }
  for (const { entries, ids } of statements)
    bytes += bytesOf.statement + entries.length * bytesOf.entry + ids.length * bytesOf.id
  return bytes
}

function withoutBuild(artifact: KnownRelease['artifacts'][number]): KnownRelease['artifacts'][number] {
  return { ...artifact, source: null, recipeDigest: null, imageDigest: null }
}

/** The ids of the newest releases of each channel, by where they were logged: a sequence is whatever its signer says. */
function newest(releases: readonly KnownRelease[]): ReadonlySet<string> {
  const left = new Map<string, number>()
  const ids = new Set<string>()
  const last = ({ entries }: KnownRelease) => Math.max(0, ...entries.map(({ index }) => index))
  for (const release of releases.toSorted((a, b) => last(b) - last(a))) {
    const count = left.get(release.channel) ?? wholeReleases
    if (count > 0) ids.add(release.id)
    left.set(release.channel, count - 1)
  }
  return ids
}

/** `known` with these releases changed, and without the votes that speak for them. */
function reduced(known: Known, ids: ReadonlySet<string>, change: (release: KnownRelease) => KnownRelease): Known {
  const positive = positiveAbout(known.releases, ids)
  return {
    ...known,
    releases: known.releases.map((release) => (ids.has(release.id) ? change(release) : release)),
    votes: known.votes.filter((vote) => !positive(vote)),
  }
}

/** Whether a vote speaks for releases among `ids`, and for no other. */
function positiveAbout(releases: readonly KnownRelease[], ids: ReadonlySet<string>): (vote: KnownVote) => boolean {
  const named = new Set<string>()
  const built = new Set<string>()
  const elsewhere = new Set<string>()
  for (const { id, artifacts } of releases)
    for (const artifact of artifacts) {
      if (ids.has(id)) named.add(`${id} ${artifact.name} ${artifact.sha256}`)
      ;(ids.has(id) ? built : elsewhere).add(artifactKey(artifact))
    }
  return (vote) => {
    if (vote.release !== null) return named.has(`${vote.release} ${vote.name} ${vote.artifact}`)
    const key = buildKey(vote.artifact, vote)
    return built.has(key) && !elsewhere.has(key)
  }
}
