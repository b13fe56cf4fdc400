/**
 * The local choice (docs/decision.md, *Terms*): what to look for and under which limits. It never comes from a feed.
 */
/**
 * `update` looks for something newer and may stage it; `verify` judges one artifact and its bundle, offline; `apply`
 * judges what was staged again, with today's state and clock, without the network.
 */
export type WantAction = 'update' | 'verify' | 'apply'

export interface Want {
  readonly action: WantAction
  readonly channel: string
  /** `<process.platform>-<process.arch>`, e.g. `linux-x64`. */
  readonly platform: string
  /** Name of the artifact, where several fit. */
  readonly artifact: string | null
  /** Media type of the artifact, where several fit. */
  readonly mediaType: string | null
  /** Offline is asked for, never the consequence of a failure. */
  readonly online: boolean
  /** `--accept-stale`: replaces the limit of step 11 only; seconds. */
  readonly acceptStale: number | null
  /** `--max-age` of `verify`; seconds. */
  readonly maxAge: number | null
  /** `--downgrade-to`: the id (64 hex digits) or the exact version that may be below the floor. */
  readonly downgradeTo: string | null
}

/**
 * What is installed: the install record, or what an application knows of itself. Bytes cannot carry their own id, so the
 * id is looked up in the state, in what is known, or among the anchor's heads.
 */
export type Installed =
  | {
      readonly kind: 'record'
      readonly channel: string
      readonly id: string
      readonly sequence: number
      readonly version: string
    }
  | { readonly kind: 'version'; readonly channel: string; readonly version: string }
  | { readonly kind: 'sha256'; readonly sha256: string }
