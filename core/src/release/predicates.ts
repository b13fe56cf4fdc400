/** The five things that can be said, each fact once (docs/formats.md §1). How they are written is in predicate-codecs.ts. */

/** A release: these bytes are version V of product P in channel C. Signed by publishers. */
export interface ReleaseStatement {
  readonly kind: 'release'
  readonly product: string
  readonly channel: string
  /** Semantic version without leading `v` and build metadata. */
  readonly version: string
  /** 1, 2, 3 … per product and channel. */
  readonly sequence: number
  /**
   * Id of the release before it. That it is null at sequence 1 and only there is not part of the form: whoever
   * follows the chain checks it (docs/decision.md step 18).
   */
  readonly previous: string | null
  readonly artifacts: readonly Artifact[]
  readonly builds: readonly Build[]
  /** Text for people; untrusted in every terminal and page. */
  readonly notes?: string
}

export interface Artifact {
  /** Unique within its release, also where case does not count. */
  readonly name: string
  readonly platform: string
  /** Bytes. */
  readonly size: number
  readonly mediaType: string
  /** Name of the artifact whose installer runs this file; that one has no `partOf` itself. */
  readonly partOf?: string
  /** 64 hex digits; from the subject. */
  readonly sha256: string
}

/** Where the bits came from: `sha256` is of `git archive --format=tar <gitCommit>`. */
export interface Source {
  readonly uri: string
  /** 40 or 64 lower-case hex digits. */
  readonly gitCommit: string
  readonly sha256: string
}

/** How some of a release's artifacts are built: enough for anybody to build them again. */
export interface Build {
  /** Names of artifacts; no artifact has two builds. */
  readonly artifacts: readonly string[]
  readonly source: Source
  /** SHA-256 of the recipe file. */
  readonly recipeDigest: string
  /** Config digest of the image, or SHA-256 of the Dockerfile. */
  readonly imageDigest: string
  /** Unix seconds. */
  readonly sourceDateEpoch: number
}

/** What a rebuilder got: SLSA provenance v1. Signed by that rebuilder alone. */
export interface RebuildStatement {
  readonly kind: 'rebuild'
  readonly product: string
  /** Every artifact that came out, names unique. */
  readonly subjects: readonly Subject[]
  /** One of {@link buildTypes}; a host build is never a vote. */
  readonly buildType: BuildType
  readonly source: Source
  readonly recipeDigest: string
  readonly imageDigest: string
  /** Id of the release that was rebuilt. Without it the vote can only be positive. */
  readonly release?: string
  /** What the builder chose itself, name to text: nobody decides anything by it. */
  readonly internalParameters?: ReadonlyMap<string, string>
  /** The detached list of what went into the build; its SHA-256 names a body of the log. */
  readonly dependencies: ResourceDescriptor
  readonly builder: { readonly id: string; readonly version?: ReadonlyMap<string, string> }
  readonly metadata?: { readonly invocationId?: string; readonly startedOn?: string; readonly finishedOn?: string }
  /** Build logs and the like; detached bodies too. */
  readonly byproducts?: readonly ResourceDescriptor[]
}

export interface Subject {
  readonly name: string
  readonly sha256: string
}

/** An in-toto ResourceDescriptor v1 of detached bytes. */
export interface ResourceDescriptor {
  readonly name?: string
  readonly uri?: string
  readonly mediaType?: string
  readonly sha256: string
}

/** The releases `ids` must not be installed any more. Signed by publishers or by the authority. */
export interface RevocationStatement {
  readonly kind: 'revocation'
  readonly product: string
  /** Ids, each once. */
  readonly ids: readonly string[]
  readonly reason: string
  readonly severity: Severity
  /** Text for people, never followed. */
  readonly replacement?: string
}

export type Severity = 'low' | 'medium' | 'high' | 'critical'

/** The release `id` may pass without its rebuilders. Signed by the authority. */
export interface WaiverStatement {
  readonly kind: 'waiver'
  readonly product: string
  readonly id: string
  readonly reason: string
}

/** Version `version` of the product's trust file has these bytes. Signed by the old and the new authority. */
export interface TrustStatement {
  readonly kind: 'trust'
  readonly product: string
  readonly version: number
  readonly sha256: string
  /** Bytes. */
  readonly size: number
}

export type Statement = ReleaseStatement | RebuildStatement | RevocationStatement | WaiverStatement | TrustStatement

export const buildTypes = {
  container: 'https://samebits.dev/container-build/v1',
  host: 'https://samebits.dev/host-build/v1',
} as const
export type BuildType = (typeof buildTypes)[keyof typeof buildTypes]

/** Largest detached body: a trust file, a dependency list, a build log. */
export const MAX_BODY_BYTES: number = 4 * 1024 * 1024

/** The digests of the detached bodies that a statement needs (docs/formats.md §1), each once. */
export function bodiesOf(statement: Statement): readonly string[] {
  if (statement.kind === 'trust') return [statement.sha256]
  if (statement.kind !== 'rebuild') return []
  const named = [statement.dependencies, ...(statement.byproducts ?? [])]
  return [...new Set(named.map(({ sha256 }) => sha256))]
}

/** The build that an artifact of a release came from; null for one that nobody can rebuild. */
export function buildOf(statement: ReleaseStatement, artifact: string): Build | null {
  return statement.builds.find(({ artifacts }) => artifacts.includes(artifact)) ?? null
}
