/** What a check varies, one by one or all at once (docs/design.md §5). */
import type { Conditions } from '../build/conditions.ts'

export const variationNames = [
  'time',
  'timezone',
  'locale',
  'hostname',
  'user',
  'umask',
  'path',
  'home',
  'processors',
  'order',
  'environment',
] as const
export type Variation = (typeof variationNames)[number]

export interface VariationWorld {
  /** How many processors this machine has. */
  readonly processors: number
  /** The image's own PATH. */
  readonly searchPath: string
  /** A locale of the image that sorts otherwise than C does; null: it has none. */
  readonly locale: string | null
}

/** More than a year, so that every part of a date moves. */
const aheadSeconds = 400 * 86_400 + 5 * 3600 + 7 * 60 + 11

/** The conditions with these variations applied. */
export function vary(base: Conditions, variations: ReadonlySet<Variation>, world: VariationWorld): Conditions {
  return Object.assign({}, base, ...[...variations].map((name) => changes(name, base, world)))
}

function changes(variation: Variation, base: Conditions, world: VariationWorld): Partial<Conditions> {
  switch (variation) {
    case 'time':
      return { clockAhead: (base.clockAhead ?? 0) + aheadSeconds }
    case 'timezone':
      return { timezone: '<+1245>-12:45' }
    case 'locale':
      return { locale: world.locale ?? 'C' }
    case 'hostname':
      return { hostname: 'another-machine' }
    case 'user':
      return { user: { name: 'somebody', uid: 12_345, gid: 54_321 } }
    case 'umask':
      return { umask: 0o002 }
    case 'path':
      return { path: '/srv/elsewhere/below/another-tree' }
    case 'home':
      return { home: '/var/lib/another-home' }
    case 'processors':
      return { processors: 1 }
    case 'order':
      return { fileOrder: 'reversed' }
    case 'environment':
      return {
        environment: { ...base.environment, SAMEBITS_VARIED: 'another-environment' },
        searchPath: [...world.searchPath.split(':').reverse(), '/nowhere/at/all'].join(':'),
      }
  }
}
