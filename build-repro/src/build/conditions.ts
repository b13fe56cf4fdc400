/** The conditions of a build: everything that a program could notice of where and when it runs. */
import type { ContainerUser } from '../engines/engine.ts'

export interface Conditions {
  /** Absolute, inside: the root of the source tree. */
  readonly path: string
  /** Absolute, inside. */
  readonly home: string
  readonly hostname: string
  readonly user: ContainerUser
  readonly umask: number
  /** TZ. */
  readonly timezone: string
  /** LANG and LC_ALL. */
  readonly locale: string
  /** PATH; null: the image's own, or Debian's. */
  readonly searchPath: string | null
  /** More variables. */
  readonly environment: Readonly<Record<string, string>>
  /** How many processors the build sees; null: all of the host's. */
  readonly processors: number | null
  /** In which order folders list their files: as the disk has them, by name, or by name backwards. */
  readonly fileOrder: 'as-stored' | 'sorted' | 'reversed'
  /** Seconds by which the clock is ahead, through the shim of clock-shim.ts; null: no shim at all. */
  readonly clockAhead: number | null
}

/** What every build runs under unless a check varies it: the same for every engine and every operator. */
export const plainConditions: Conditions = {
  path: '/build/source',
  home: '/build-home',
  hostname: 'samebits',
  user: { name: 'builder', uid: 1000, gid: 1000 },
  umask: 0o022,
  timezone: 'UTC',
  locale: 'C.UTF-8',
  searchPath: null,
  environment: {},
  processors: null,
  fileOrder: 'as-stored',
  clockAhead: null,
}
