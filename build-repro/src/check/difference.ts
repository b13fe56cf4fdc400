/** One place in which two builds of one source differ. */

/** What a difference looks like, by its own bytes and by what is known of the two builds. */
export type Kind =
  | 'timestamp'
  | 'timezone'
  | 'path'
  | 'hostname'
  | 'user'
  | 'mode'
  | 'order'
  | 'locale'
  | 'environment'
  | 'parallelism'
  | 'random'
  | 'build-id'
  | 'checksum'
  | 'missing'
  | 'encoding'
  | 'content'

export interface Difference {
  /** The artifact's name, then inwards through archives to the innermost part. */
  readonly where: readonly string[]
  /** `bytes`, `order` of members, `present`, `encoding`, or a field that the container keeps, as `mtime`. */
  readonly aspect: string
  readonly kind: Kind
  /** Of the first such place in the innermost part; null for fields, and where a part is missing. */
  readonly offset: number | null
  /** The same place in the artifact itself; null inside what is compressed. */
  readonly artifactOffset: number | null
  /** How many such places there are here. */
  readonly count: number
  /** What stands there, printable. */
  readonly a: string
  readonly b: string
}

/** Names a place over several builds: offsets move, places stay. */
export function placeOf({ where, aspect }: Difference): string {
  return JSON.stringify([where, aspect])
}

/** `archive > member > section`. */
export function describePlace({ where, aspect, offset, artifactOffset }: Difference): string {
  const path = where.join(' > ')
  if (offset === null) return aspect === 'bytes' ? path : `${path}, ${aspect}`
  const absolute = artifactOffset === null || where.length === 1 ? '' : ` (${hex(artifactOffset)} of ${where[0]})`
  return `${path}, at ${hex(offset)}${absolute}`
}

function hex(offset: number): string {
  return `0x${offset.toString(16)}`
}
