/**
 * From the differences of two builds to what each comes from. The first further build varies nothing: what differs then, differs by
 * itself, or because time passes. For the rest the variations are tried (find-causes.ts), and what a difference is, is read from the
 * build that varied least.
 *
 * Time passes in these builds too. A stamp that shows only minutes or days may turn between any two of them, and would then seem to
 * come of whatever is varied at that moment: see `withoutPassedTime`.
 */
import { type Difference, type Kind, placeOf } from './difference.ts'
import { findCauses } from './find-causes.ts'
import type { Variation } from './variations.ts'

/** Why a place differs: variations that each alone bring it out; several that do together; none, it differs by itself. */
export type Cause =
  | { readonly kind: 'variation'; readonly variations: readonly Variation[] }
  | { readonly kind: 'together'; readonly variations: readonly Variation[] }
  | { readonly kind: 'by-itself' }
  /** A digest of something else that differs. */
  | { readonly kind: 'follows' }
  | { readonly kind: 'unknown' }

export interface Explained extends Difference {
  readonly cause: Cause
}

/** Builds with exactly these variations and compares with the plain build. */
export type Rebuild = (variations: ReadonlySet<Variation>) => Promise<readonly Difference[]>

export async function explain(
  found: readonly Difference[],
  variations: readonly Variation[],
  rebuild: Rebuild,
): Promise<readonly Explained[]> {
  const byItself = groupByPlace(await rebuild(new Set()))
  const keyOf = (each: Difference): string | null => {
    if (each.kind === 'checksum') return null
    const already = byItself.get(placeOf(each))
    if (already === undefined) return placeOf(each)
    return isCovered(each.kind, already) ? null : `${each.kind} ${placeOf(each)}`
  }
  const keysOf = (all: readonly Difference[]) => new Set(all.map(keyOf).filter((key) => key !== null))
  const likely = likelyCauses(
    found.filter((each) => keyOf(each) !== null),
    variations,
  )
  const runs = new Map<string, readonly Difference[]>()
  const rebuildInTime = withoutPassedTime(rebuild)
  const experiment = {
    async differing(set: ReadonlySet<Variation>) {
      const differences = await rebuildInTime(set)
      runs.set(JSON.stringify([...set]), differences)
      return keysOf(differences)
    },
  }
  const { alone, together } = await findCauses(keysOf(found), variations, experiment, likely)
  const clear = (set: readonly Variation[], key: string) =>
    runs.get(JSON.stringify(set))?.find((each) => keyOf(each) === key)
  const varied = uniqueBy(found, keyOf).flatMap((each): readonly Explained[] => {
    const key = keyOf(each)
    if (key === null) return []
    const single = alone.get(key)
    if (single !== undefined)
      return [named(clear(single.slice(0, 1), key) ?? each, { kind: 'variation', variations: single })]
    const several = together.get(key) ?? []
    if (several.length > 0) return [named(clear(several, key) ?? each, { kind: 'together', variations: several })]
    return byItself.has(placeOf(each)) ? [] : [named(each, { kind: 'unknown' })]
  })
  const own = [...byItself.values()].flat().filter(({ kind }) => kind !== 'checksum')
  const itself = own.map((each) => named(each, causeByItself(each, variations)))
  const checksums = found.filter(({ kind }) => kind === 'checksum')
  const follows = uniqueBy(checksums, placeOf).map((each): Explained => ({ ...each, cause: { kind: 'follows' } }))
  return followUp([...itself, ...varied, ...follows])
}

/** A stamp that the moved clock alone brings out differs in a build that moves none because time has passed since the plain one. */
function withoutPassedTime(rebuild: Rebuild): Rebuild {
  const stamps = new Set<string>()
  return async (variations) => {
    const all = await rebuild(variations)
    if (variations.has('time')) {
      if (variations.size === 1) for (const each of all) if (each.kind === 'timestamp') stamps.add(placeOf(each))
      return all
    }
    return all.filter((each) => each.kind !== 'timestamp' || !stamps.has(placeOf(each)))
  }
}

/** Time passes between any two builds: what shows a clock differs without its being moved. */
function causeByItself({ kind }: Difference, variations: readonly Variation[]): Cause {
  return kind === 'timestamp' && variations.includes('time')
    ? { kind: 'variation', variations: ['time'] }
    : { kind: 'by-itself' }
}

/** Kinds that are only guesses stand for one another. */
const guesses: ReadonlySet<Kind> = new Set(['content', 'random', 'order', 'encoding'])

function isCovered(kind: Kind, already: readonly Difference[]): boolean {
  return already.some((each) => each.kind === kind || (guesses.has(each.kind) && guesses.has(kind)))
}

const kindsByVariation: Readonly<Record<Variation, Kind>> = {
  time: 'timestamp',
  timezone: 'timezone',
  locale: 'locale',
  hostname: 'hostname',
  user: 'user',
  umask: 'mode',
  path: 'path',
  home: 'path',
  processors: 'parallelism',
  order: 'order',
  environment: 'environment',
}

/** For each kind the first variation that brings it out when it is what it looks like. */
function likelyCauses(found: readonly Difference[], variations: readonly Variation[]): readonly Variation[] {
  const kinds = new Set(found.map(({ kind }) => kind))
  return variations.filter((variation) => kinds.delete(kindsByVariation[variation]))
}

/** What the bytes leave open, the cause says. */
function named(difference: Difference, cause: Cause): Explained {
  return { ...difference, kind: kindBy(difference.kind, cause), cause }
}

function kindBy(kind: Kind, cause: Cause): Kind {
  if (cause.kind === 'by-itself') return kind === 'content' || kind === 'environment' ? 'random' : kind
  const [variation] = cause.kind === 'variation' ? cause.variations : []
  if (variation === undefined) return kind
  if (kind === 'order') return kindsByVariation[variation]
  return kind === 'content' || kind === 'random' || kind === 'missing' ? kindsByVariation[variation] : kind
}

/** The build ID of a file in which more than that differs is a consequence of the rest. */
function followUp(all: readonly Explained[]): readonly Explained[] {
  const fileOf = ({ where }: Difference) => JSON.stringify(where.slice(0, -1))
  const withRoots = new Set(all.filter(({ kind }) => kind !== 'build-id' && kind !== 'checksum').map(fileOf))
  return all.map((each) =>
    each.kind === 'build-id' && withRoots.has(fileOf(each)) ? { ...each, cause: { kind: 'follows' } } : each,
  )
}

function groupByPlace(all: readonly Difference[]): ReadonlyMap<string, readonly Difference[]> {
  const groups = new Map<string, Difference[]>()
  for (const each of all) groups.set(placeOf(each), [...(groups.get(placeOf(each)) ?? []), each])
  return groups
}

function uniqueBy<T>(all: readonly T[], keyOf: (each: T) => string | null): readonly T[] {
  return [...new Map(all.map((each) => [keyOf(each), each])).values()]
}
