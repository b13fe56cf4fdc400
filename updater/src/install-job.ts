/** What an installer is made of and given, and how an installation that did not come to its end is told. */
import type { ArchiveKind, UnpackLimits } from './archive.ts'
import { IoFailure } from './failure.ts'
import type { HealthCheck } from './health-check.ts'
import type { FormerSet, InstalledSet, Journal, JournalStep } from './journal.ts'
import type { Folder } from './paths.ts'

/** An installation that did not come to its end. */
export class InstallFailure extends IoFailure {
  /** False: nothing of the installed version was touched. True: it was touched, and put back as far as `detail` says. */
  readonly swapBegan: boolean
  /** The new version is at fault: do not try it again. */
  readonly hold: boolean
  constructor(
    detail: string,
    init: { readonly swapBegan: boolean; readonly hold?: boolean; readonly cause?: unknown },
  ) {
    super('INSTALL_FAILED', detail, { cause: init.cause })
    this.swapBegan = init.swapBegan
    this.hold = init.hold ?? false
  }
}

/** Each is reached after its effect is on the disk. */
export type InstallStep =
  | 'verified'
  | 'unpacked'
  | JournalStep
  | 'admitted'
  | `placed ${string}`
  | 'recorded'
  | 'healthy'
  | 'committed'
  | 'tidied'

export interface InstallerOptions {
  /** Where the application lives. */
  readonly folder: Folder
  /** `.samebits` in it. */
  readonly workspace: Folder
  readonly platform: NodeJS.Platform
  readonly healthCheck?: HealthCheck | undefined
  /** Give new files the right to be run; else they get it only where the file of that name had it. */
  readonly executable?: boolean
  readonly unpackLimits?: UnpackLimits
  readonly onStep?: ((step: InstallStep) => void) | undefined
}

export interface InstallJob {
  /** The first file is the artifact, the others are its parts; each lies in `staged/` under its digest. */
  readonly next: Omit<InstalledSet, 'tree'>
  /** The artifact is an archive, to be unpacked and not itself put in place. */
  readonly unpack: ArchiveKind | null
  /** What the install folder said before. */
  readonly installed: FormerSet['record']
  /** Stores the state of after: called once the new version is in place and healthy; may be called again after a crash. */
  readonly commit: (journal: Journal) => Promise<void>
  readonly signal?: AbortSignal | undefined
}

export interface RecoverJob {
  /**
   * What today's state says of this installation. unknown: no updater with this state began it, so the journal is removed and
   * nothing else done. refused: it may not be finished any more.
   */
  readonly judge: (journal: Journal) => Promise<'approved' | 'refused' | 'unknown'>
  readonly commit: InstallJob['commit']
  readonly signal?: AbortSignal | undefined
}

/** none: nothing was under way. rejected: a journal of unknown origin was removed. restored: the old version stands. finished: the new one. */
export type Recovery =
  | { readonly kind: 'none' }
  | { readonly kind: 'rejected'; readonly detail: string }
  | { readonly kind: 'restored'; readonly journal: Journal; readonly hold: boolean; readonly detail: string }
  | { readonly kind: 'finished'; readonly journal: Journal }
