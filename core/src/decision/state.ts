/**
 * What a client remembers from run to run (docs/decision.md, *State*): the trust in force, the newest tree, time,
 * history, floors. Reading and writing it is in state-format.ts, the two files on disk in state-file.ts.
 *
 * `known` may only forbid: whatever permits (signatures, votes, waivers) is verified with its inclusion in each run.
 */
export const STATE_MEDIA_TYPE: 'application/vnd.samebits.state+json;version=1' =
  'application/vnd.samebits.state+json;version=1'

/** Bytes of a state at most; checksum line not counted. */
export const MAX_STATE_SIZE: number = 4 * 1024 * 1024

/** Logs before the present one that are remembered. */
export const MAX_PAST_LOGS = 4

/** Where the trust in force came from: with the application (or imported by a person), or logged. */
export type TrustVia = 'shipped' | { readonly origin: string; readonly index: number }

export interface StoredTrust {
  readonly version: number
  /** SHA-256 of the UTF-8 of `body`, hex. */
  readonly sha256: string
  /** The trust file's exact text. */
  readonly body: string
  readonly via: TrustVia
  /** Index at which a version of a format unknown here was met: this version reaches no further. */
  readonly endsAt: number | null
}

/** A log proven to have shown two histories. */
export interface Conviction {
  readonly detail: string
  /** The text of the evidence file (docs/formats.md §5). */
  readonly evidence: string
}

export interface LogState {
  readonly origin: string
  /** The newest view, the signed checkpoint verbatim; null before the first. */
  readonly tree: string | null
  /** q of `tree`; null with `quorum none` or before the first view. */
  readonly q: number | null
  /** Entries [from, to) were read. `tree.size` is at least `to`, and they are never one variable. */
  readonly read: { readonly from: number; readonly to: number }
  readonly convicted: Conviction | null
}

/** A log before this one. */
export type PastLog = Omit<LogState, 'read'>

/**
 * An entry that signed a statement: its index, and the credential it verified under, the SHA-256 of the key's SPKI DER in hex
 * or `<issuer> <san>`. (Ids of members may be given to other keys by a later trust version.)
 */
export interface KnownEntry {
  readonly index: number
  readonly member: string
}

export interface KnownArtifact {
  readonly name: string
  readonly platform: string
  readonly mediaType: string
  readonly partOf: string | null
  readonly sha256: string
  /** SHA-256 of the source archive, hex; null together with the next two where the artifact has no build. */
  readonly source: string | null
  readonly recipeDigest: string | null
  readonly imageDigest: string | null
}

export interface KnownRelease {
  readonly id: string
  readonly channel: string
  readonly sequence: number
  readonly version: string
  readonly previous: string | null
  readonly artifacts: readonly KnownArtifact[]
  readonly entries: readonly KnownEntry[]
  /** `time` at the end of the first run in which this release would pass for this want; null before. */
  readonly ripeAt: number | null
}

export interface KnownStatement {
  readonly id: string
  readonly kind: 'revocation' | 'waiver' | 'trust'
  /** Ids of the releases it names; empty for `trust`. */
  readonly ids: readonly string[]
  readonly entries: readonly KnownEntry[]
  /** Of `trust`: the body it names. `joined`: history was read again with that body's authority. */
  readonly trust?: {
    readonly version: number
    readonly sha256: string
    readonly size: number
    readonly joined: boolean
  }
  /** A revocation kept as met from a log before this one. */
  readonly kept?: true
}

/**
 * One subject of a rebuild statement. Whether it is positive depends on the release it is held against, so it is not
 * stored: `tallyOf` says.
 */
export interface KnownVote {
  readonly index: number
  /** The credential, as in {@link KnownEntry}. */
  readonly member: string
  /** Name of the artifact, as the operator rebuilt it. */
  readonly name: string
  /** SHA-256 the operator got, hex. */
  readonly artifact: string
  readonly source: string
  readonly recipeDigest: string
  readonly imageDigest: string
  /** Id of the release it is about, where it names one. */
  readonly release: string | null
}

export interface Known {
  readonly releases: readonly KnownRelease[]
  readonly statements: readonly KnownStatement[]
  /** The standing vote of each member for each artifact name and release (or bytes). */
  readonly votes: readonly KnownVote[]
  /** Entries by unknown keys, of unknown types, or past a key's share: counted, never fatal. */
  readonly ignored: number
}

export interface Floor {
  readonly sequence: number
  readonly id: string
}

/** `installed.json` in the install directory: the install record. */
export interface InstallRecord {
  readonly product: string
  readonly channel: string
  readonly id: string
  readonly sequence: number
  readonly version: string
  readonly sha256: string
  readonly trustVersion: number
}

/** What was installed before, kept for roll-back; `manifestSha256` covers the kept files. */
export interface PreviousInstall extends InstallRecord {
  readonly manifestSha256: string
}

/** What to fetch and install: names, lengths and digests as the publishers signed them. */
export interface SignedFile {
  readonly name: string
  readonly size: number
  readonly sha256: string
  readonly mediaType: string
}

/** A verified update that waits to be applied. */
export interface Staged {
  readonly id: string
  readonly channel: string
  readonly sequence: number
  readonly version: string
  /** The artifact first, then its parts. */
  readonly files: readonly SignedFile[]
  /** The update bundle under the stored view, its JSON text. */
  readonly bundle: string
  /** The want it was staged under. */
  readonly want: {
    readonly platform: string
    readonly artifact: string | null
    readonly mediaType: string | null
    readonly online: boolean
    readonly downgradeTo: string | null
  }
}

/** A release not to be installed: its health check failed, or a person stepped back from it. */
export interface Held {
  readonly id: string
  readonly reason: 'failed' | 'stepped-back'
}

export interface State {
  readonly mediaType: typeof STATE_MEDIA_TYPE
  readonly product: string
  /** Goes up by one with each write. */
  readonly generation: number
  readonly trust: StoredTrust
  /** The largest q ever accepted, Unix seconds; never from the local clock. */
  readonly time: number
  readonly log: LogState
  /** Newest last, at most 4. */
  readonly past: readonly PastLog[]
  readonly known: Known
  /** By channel. A Map, since `constructor` is a channel like any other. */
  readonly floors: ReadonlyMap<string, Floor>
  readonly previous: PreviousInstall | null
  readonly staged: Staged | null
  readonly held: readonly Held[]
  /** Local time of the last run that ended in accepted or current, Unix seconds; shown only. */
  readonly checkedAt: number | null
}
