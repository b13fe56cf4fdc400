/**
 * The head of a channel: the release that the next one must name as `previous` (docs/formats.md §1, "Admission").
 *
 *     1 (previous null) <- 2 <- 3          3 is the head
 *                            <- 3'         a rival: lost, since 3 was met first
 *                               <- 4, 4'   open proposals: each may still be met, the first one to be met is the head
 *
 * Pure functions over what is known of one channel. An id named in the trust file's `heads` counts as met.
 */

/** A place in a channel: `id` is a statement id, 64 lower-case hex digits. */
export interface Head {
  readonly sequence: number
  readonly id: string
}

/** A release statement as far as the chain is concerned. */
export interface ChainLink extends Head {
  /** Id of the release before it; null only at sequence 1. */
  readonly previous: string | null
}

/** A logged release: `metAt` is the index of the entry that met it under the trust in force, null while it is not met. */
export interface KnownRelease extends ChainLink {
  readonly metAt: number | null
}

/** Where a release stands towards the head: the head itself (a co-signature), a proposal for the next sequence, or neither. */
export type Standing = 'head' | 'next' | 'elsewhere'

/** Judges one release against the head of its channel; `null` is a channel without a met release. */
export function standingOf(release: ChainLink, head: Head | null): Standing {
  if (head !== null && release.id === head.id) return 'head'
  if (release.sequence !== (head?.sequence ?? 0) + 1) return 'elsewhere'
  return release.previous === (head?.id ?? null) ? 'next' : 'elsewhere'
}

/**
 * The head of a channel from everything known of it: the highest release whose whole chain is met, where the chain starts
 * at sequence 1 or at `floor`, the trust file's own word. Of several at one height the floor wins, then the one met first.
 * Releases may come in any order.
 */
export function headOf(releases: Iterable<KnownRelease>, floor: Head | null): Head | null {
  const levels = metLevels(releases)
  let below: ReadonlySet<string | null> = new Set([null])
  let head: Head | null = null
  for (let sequence = 1; ; sequence++) {
    let level = standingOn(levels.get(sequence), below)
    if (level.length === 0 && floor !== null && sequence < floor.sequence) {
      sequence = floor.sequence
      level = []
    }
    const named = floor?.sequence === sequence ? floor : null
    const top = named ?? level.reduce<KnownRelease | null>(earlierMet, null)
    if (top === null) return head
    head = { sequence, id: top.id }
    below = new Set([top, ...level].map(({ id }) => id))
  }
}

function metLevels(releases: Iterable<KnownRelease>): Map<number, KnownRelease[]> {
  const levels = new Map<number, KnownRelease[]>()
  for (const release of releases) {
    if (release.metAt === null) continue
    const level = levels.get(release.sequence)
    if (level) level.push(release)
    else levels.set(release.sequence, [release])
  }
  return levels
}

function standingOn(level: readonly KnownRelease[] | undefined, below: ReadonlySet<string | null>): KnownRelease[] {
  return (level ?? []).filter((release) => below.has(release.previous))
}

function earlierMet(a: KnownRelease | null, b: KnownRelease): KnownRelease {
  return a === null || (b.metAt ?? 0) < (a.metAt ?? 0) ? b : a
}
