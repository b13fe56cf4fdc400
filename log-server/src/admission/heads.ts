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
 * at sequence 1 or at `floor`, the trust file's own word. Of two at one height the floor wins, then the one met first.
 * Releases may come in any order.
 */
export function headOf(releases: Iterable<KnownRelease>, floor: Head | null): Head | null {
  const levels = new Map<number, KnownRelease[]>()
  for (const release of releases) {
    if (release.metAt === null) continue
    const level = levels.get(release.sequence)
    if (level) level.push(release)
    else levels.set(release.sequence, [release])
  }
  const fromStart = climb(levels, null)
  if (floor === null) return fromStart
  const fromFloor = climb(levels, floor) ?? floor
  if (fromStart === null || fromStart.sequence < fromFloor.sequence) return fromFloor
  if (fromStart.sequence > fromFloor.sequence || fromFloor.id === floor.id) {
    return fromStart.sequence === fromFloor.sequence ? fromFloor : fromStart
  }
  return firstMet(levels.get(fromStart.sequence) ?? [], new Set([fromStart.id, fromFloor.id])) ?? fromFloor
}

/** Climbs level by level from `base`, keeping every met release that stands on one kept below it. */
function climb(levels: ReadonlyMap<number, readonly KnownRelease[]>, base: Head | null): Head | null {
  let below: ReadonlySet<string | null> = new Set([base?.id ?? null])
  let top = base
  for (let sequence = (base?.sequence ?? 0) + 1; ; sequence++) {
    const level = (levels.get(sequence) ?? []).filter((release) => below.has(release.previous))
    const first = firstMet(level)
    if (first === null) return top
    top = first
    below = new Set(level.map((release) => release.id))
  }
}

function firstMet(level: readonly KnownRelease[], among?: ReadonlySet<string>): Head | null {
  let best: KnownRelease | null = null
  for (const release of level) {
    if (among && !among.has(release.id)) continue
    if (best === null || (release.metAt ?? 0) < (best.metAt ?? 0)) best = release
  }
  return best && { sequence: best.sequence, id: best.id }
}
