/** What an updater is made of: one typed object, defaults in one place. */
import type { Crypto, IdentityVerifier } from '@samebits/core'
import type { RetryPolicy, Sleep } from './backoff.ts'
import type { GossipEvent } from './gossip.ts'
import type { HealthCheck } from './health-check.ts'
import type { Fetch } from './http-client.ts'
import type { InstallStep } from './install-job.ts'

export interface UpdaterOptions {
  /** Exact bytes of the trust file that the application ships. */
  readonly trust: Uint8Array
  /** Exact bytes of the anchor beside it. Without one, history is read from the start of the log. */
  readonly anchor?: Uint8Array | null
  /** A folder of the application's own, for what the client remembers. It must outlive updates. */
  readonly stateDir: string
  /** Where files are installed; null for an application that installs by itself: see `download`. */
  readonly installDir: string | null
  /** What the application knows of itself, where no install record says it. */
  readonly installed?: { readonly channel: string; readonly version: string } | { readonly sha256: string }
  readonly channel: string
  /** `<process.platform>-<process.arch>` */
  readonly platform: string
  /** Name and media type of the artifact, where several fit. */
  readonly artifact?: string | null
  readonly mediaType?: string | null
  /** Feeds to ask instead of those of the anchor. */
  readonly feeds?: readonly string[] | null
  /** Sent to the feeds: a token, for example. */
  readonly feedHeaders?: Readonly<Record<string, string>>
  /** A bundle to judge instead of asking feeds. */
  readonly bundle?: Uint8Array | null
  /** A folder in which the artifact may lie already, as a person brought it. */
  readonly localFiles?: string | null
  /** False: no network at all. Never the consequence of a failure. Default true. */
  readonly online?: boolean
  /** Seconds; local and shown. */
  readonly acceptStale?: number | null
  /** A release id or version to step back to on purpose. */
  readonly downgradeTo?: string | null
  /**
   * Install again what is installed: for files that are not what the install record says, as after a disk image was restored. The
   * floor stays what the state says, so this is no way to step back.
   */
  readonly repair?: boolean
  readonly healthCheck?: HealthCheck
  /** Give installed files the right to be run. */
  readonly executable?: boolean
  /**
   * The artifact is an archive (tar.gz, zip): unpack it once it is verified, into `versions/` of the install folder, and let
   * `current` there lead to it. An artifact that is no archive is then refused.
   */
  readonly unpack?: boolean

  readonly fetch: Fetch
  /** Unix seconds. */
  readonly clock: () => number
  /** Milliseconds that only go up. */
  readonly stopwatch: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Operating system, as `process.platform`. */
  readonly os: NodeJS.Platform
  /** As `process.getuid?.()`. */
  readonly uid: number | undefined
  readonly crypto: Crypto
  /** For trust files that name certificate identities. */
  readonly identities?: IdentityVerifier
  /**
   * Monitors that are handed the checkpoints which a run was shown, and evidence, at its end: prefixes of URLs, https. Nobody unless
   * told, and nothing when `online` is false. No result depends on it; each call takes at most five seconds longer.
   */
  readonly gossip?: readonly string[]
  readonly onEvent?: (event: UpdaterEvent) => void

  /**
   * Called for every 2 MiB of a download and every 2,048 entries of history. Network buffers are garbage that the engine lets pile up to about 100 MB before it looks;
   * a program that must stay small collects the young generation here. Default: nothing.
   */
  readonly relieveMemory?: () => void
  readonly retry?: RetryPolicy
  readonly sleep?: Sleep
  readonly idleTimeoutMs?: number
  readonly totalTimeoutMs?: number
  /** Longest time for reading history in one run; what was read is kept. */
  readonly historyBudgetMs?: number
}

/** What happens on the way, for a progress display or a log. */
export type UpdaterEvent =
  | GossipEvent
  | { readonly kind: 'history'; readonly from: number; readonly to: number; readonly size: number }
  | { readonly kind: 'download'; readonly name: string; readonly received: number; readonly total: number }
  | { readonly kind: 'install'; readonly step: InstallStep }
  | { readonly kind: 'recovered'; readonly outcome: 'rejected' | 'restored' | 'finished'; readonly detail: string }
