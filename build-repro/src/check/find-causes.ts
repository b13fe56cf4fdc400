/**
 * Which single variation brings a difference out: first those that the difference looks like, each alone; for what is left by halving
 * the set of the others, each time with a build that varies only one half. Where neither half alone does it, several are needed
 * together, and the smallest set that still does is looked for.
 */

export interface Experiment<Variation> {
  /** Builds with exactly these variations and says at which places the result differs from the plain one. */
  differing(variations: ReadonlySet<Variation>): Promise<ReadonlySet<string>>
}

export interface Causes<Variation> {
  /** For each place: the variations that each alone bring it out. */
  readonly alone: ReadonlyMap<string, readonly Variation[]>
  /** For each place that no single one brings out: variations that do together. Empty where nothing did again. */
  readonly together: ReadonlyMap<string, readonly Variation[]>
}

/**
 * @param places those in which the plain build and the one with all variations differ
 * @param likely variations to try alone before the halving; one that was wrong costs a build
 */
export async function findCauses<Variation>(
  places: ReadonlySet<string>,
  variations: readonly Variation[],
  experiment: Experiment<Variation>,
  likely: readonly Variation[] = [],
): Promise<Causes<Variation>> {
  const alone = new Map<string, readonly Variation[]>()
  const together = new Map<string, readonly Variation[]>()
  const known = new Map<string, ReadonlySet<string>>()
  const differing = async (set: readonly Variation[]): Promise<ReadonlySet<string>> => {
    const key = JSON.stringify(set)
    const seen = known.get(key) ?? (await experiment.differing(new Set(set)))
    known.set(key, seen)
    return seen
  }
  // A place stays in question when a cause of it is known: another one may bring it out too.
  const shows = async (set: readonly Variation[]) =>
    set.length > 0 && [...(await differing(set))].some((place) => places.has(place))
  let candidates = [...variations]
  /** Keeps what this set brings out, and puts it out of the question. */
  const settle = async (cause: readonly Variation[]): Promise<boolean> => {
    const found = [...(await differing(cause))].filter((place) => places.has(place))
    if (found.length === 0) return false
    for (const place of found) {
      if (cause.length === 1) alone.set(place, [...(alone.get(place) ?? []), ...cause])
      else together.set(place, cause)
    }
    candidates = candidates.filter((each) => !cause.includes(each))
    return true
  }
  if (places.size > 0) for (const each of likely) await settle([each])
  // All of them together are known to bring everything out.
  const remain = async () => places.size > 0 && (candidates.length === variations.length || (await shows(candidates)))
  while (await remain()) if (!(await settle(await smallest(candidates, shows)))) break
  for (const place of places) if (!alone.has(place) && !together.has(place)) together.set(place, [])
  for (const place of alone.keys()) together.delete(place)
  return { alone, together }
}

async function smallest<Variation>(
  all: readonly Variation[],
  shows: (set: readonly Variation[]) => Promise<boolean>,
): Promise<readonly Variation[]> {
  if (all.length <= 1) return all
  const middle = Math.ceil(all.length / 2)
  const [first, second] = [all.slice(0, middle), all.slice(middle)]
  if (await shows(first)) return smallest(first, shows)
  if (await shows(second)) return smallest(second, shows)
  let needed = all
  for (const each of all) {
    const without = needed.filter((other) => other !== each)
    if (without.length > 0 && (await shows(without))) needed = without
  }
  return needed
}
