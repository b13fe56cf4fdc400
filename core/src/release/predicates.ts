/**
 * The five things that can be said, as types, and how each is written as the `subject` and `predicate` of an in-toto
 * Statement (docs/formats.md §1). A codec reads what it writes and nothing else.
 */
import { artifactName, channel, digest, mediaType, platform, product, uri, version } from './names.ts'
import {
  integer,
  list,
  literal,
  matching,
  nullable,
  object,
  type Read,
  record,
  ShapeError,
  text,
  unique,
} from './shape.ts'

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

/** How one kind of statement is written. `read` gets the subjects as they were read and must hold the predicate against them. */
export interface Codec<S extends Statement> {
  readonly predicateType: string
  read(subjects: readonly Subject[], predicate: unknown): S
  write(statement: S): { subjects: readonly Subject[]; predicate: object }
}

const MAX_ITEMS = 1024
const MAX_TEXT = 16_384
const AT = 'predicate'

const gitCommit = matching((value) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value), '40 or 64 lower-case hex digits')
/** RFC 3339 in UTC to the second or finer, as SLSA asks. */
const timestamp = matching(
  (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(value),
  'an RFC 3339 time in UTC',
)
const label = matching((value) => /^[A-Za-z][A-Za-z0-9._-]{0,63}$/.test(value), 'a short name')
const labels = record(label, text(1024), 64)
const nonEmpty = matching((value) => value.trim() !== '' && value.length <= MAX_TEXT && value.isWellFormed(), 'text')

const source: Read<Source> = object<Source>({ uri, gitCommit, sha256: digest })

/** Fails unless the subjects are those that follow from the predicate, in order. */
function agree(subjects: readonly Subject[], wanted: readonly Subject[]): void {
  const same =
    subjects.length === wanted.length &&
    wanted.every(({ name, sha256 }, at) => subjects[at]?.name === name && subjects[at]?.sha256 === sha256)
  if (!same) throw new ShapeError('subject', 'does not agree with the predicate')
}

type UnboundArtifact = Omit<Artifact, 'sha256'>
type ReleasePredicate = Omit<ReleaseStatement, 'kind' | 'artifacts'> & {
  readonly artifacts: readonly UnboundArtifact[]
}

const releasePredicate = object<Omit<ReleasePredicate, 'notes'>, Pick<Required<ReleasePredicate>, 'notes'>>(
  {
    product,
    channel,
    version,
    sequence: integer(1),
    previous: nullable(digest),
    artifacts: list(
      object<Omit<UnboundArtifact, 'partOf'>, { partOf: string }>(
        { name: artifactName, platform, size: integer(), mediaType },
        { partOf: artifactName },
      ),
      { min: 1, max: MAX_ITEMS },
    ),
    builds: list(
      object<Build>({
        artifacts: list(artifactName, { min: 1, max: MAX_ITEMS }),
        source,
        recipeDigest: digest,
        imageDigest: digest,
        sourceDateEpoch: integer(),
      }),
      { max: MAX_ITEMS },
    ),
  },
  { notes: text(MAX_TEXT) },
)

const release: Codec<ReleaseStatement> = {
  predicateType: 'https://samebits.dev/release/v1',
  read(subjects, predicate) {
    const { artifacts: unbound, ...rest } = releasePredicate(predicate, AT)
    if (subjects.length !== unbound.length) throw new ShapeError('subject', 'not one for each artifact')
    const artifacts = unbound.map((artifact, at) => ({ ...artifact, sha256: subjects[at]?.sha256 ?? '' }))
    agree(subjects, artifacts)
    checkArtifacts(artifacts)
    checkBuilds(rest.builds, artifacts)
    return { kind: 'release', ...rest, artifacts }
  },
  write({ kind: _, artifacts, ...rest }) {
    const unbound = artifacts.map(({ sha256: _digest, ...artifact }) => artifact)
    return { subjects: artifacts, predicate: { ...rest, artifacts: unbound } }
  },
}

function checkArtifacts(artifacts: readonly Artifact[]): void {
  const at = `${AT}.artifacts`
  unique(artifacts, ({ name }) => name.toLowerCase(), at, 'the name')
  const whole = artifacts.filter(({ partOf }) => partOf === undefined)
  unique(whole, (artifact) => `${artifact.platform} ${artifact.mediaType}`, at, 'the platform and media type')
  const names = new Set(whole.map(({ name }) => name))
  for (const { name, partOf } of artifacts) {
    if (partOf !== undefined && !names.has(partOf)) throw new ShapeError(at, `${name} is part of no whole artifact`)
  }
}

function checkBuilds(builds: readonly Build[], artifacts: readonly Artifact[]): void {
  const at = `${AT}.builds`
  const built = builds.flatMap((build) => build.artifacts)
  unique(built, (name) => name, at, 'the artifact')
  const names = new Set(artifacts.map(({ name }) => name))
  const unknown = built.find((name) => !names.has(name))
  if (unknown !== undefined) throw new ShapeError(at, `${unknown} is no artifact of this release`)
}

interface WrittenDescriptor {
  readonly name?: string
  readonly uri?: string
  readonly mediaType?: string
  readonly digest: { readonly sha256: string }
}

const writtenDescriptor = object<Pick<WrittenDescriptor, 'digest'>, Required<Omit<WrittenDescriptor, 'digest'>>>(
  { digest: object<{ sha256: string }>({ sha256: digest }) },
  { name: text(255), uri, mediaType },
)

const descriptor: Read<ResourceDescriptor> = (value, at) => {
  const { digest: set, ...rest } = writtenDescriptor(value, at)
  return { ...rest, sha256: set.sha256 }
}

function writeDescriptor({ sha256, ...rest }: ResourceDescriptor): WrittenDescriptor {
  return { ...rest, digest: { sha256 } }
}

interface ExternalParameters {
  readonly product: string
  readonly source: Source
  readonly recipeDigest: string
  readonly imageDigest: string
}

/** SLSA v1.0 "Provenance", `buildDefinition` and `runDetails`. */
const provenance = object({
  buildDefinition: object<
    {
      buildType: BuildType
      externalParameters: ExternalParameters & { readonly release?: string }
      resolvedDependencies: readonly ResourceDescriptor[]
    },
    { internalParameters: ReadonlyMap<string, string> }
  >(
    {
      buildType: buildType,
      externalParameters: object<ExternalParameters, { release: string }>(
        { product, source, recipeDigest: digest, imageDigest: digest },
        { release: digest },
      ),
      resolvedDependencies: list(descriptor, { min: 1, max: 1 }),
    },
    { internalParameters: labels },
  ),
  runDetails: object<
    { builder: RebuildStatement['builder'] },
    {
      metadata: NonNullable<RebuildStatement['metadata']>
      byproducts: readonly ResourceDescriptor[]
    }
  >(
    { builder: object<{ id: string }, { version: ReadonlyMap<string, string> }>({ id: uri }, { version: labels }) },
    {
      metadata: object<Record<never, never>, Required<NonNullable<RebuildStatement['metadata']>>>(
        {},
        { invocationId: text(1024), startedOn: timestamp, finishedOn: timestamp },
      ),
      byproducts: list(descriptor, { max: 16 }),
    },
  ),
})

/** Provenance of other builders is well-formed, and nothing to us. */
function buildType(value: unknown, at: string): BuildType {
  if (typeof value !== 'string') throw new ShapeError(at, 'not a string')
  const known = Object.values(buildTypes).find((type) => type === value)
  if (known === undefined) throw new ShapeError(at, 'not a build type of this version', 'unknown-type')
  return known
}

const rebuild: Codec<RebuildStatement> = {
  predicateType: 'https://slsa.dev/provenance/v1',
  read(subjects, predicate) {
    const { buildDefinition, runDetails } = provenance(predicate, AT)
    for (const { name } of subjects) artifactName(name, 'subject')
    unique(subjects, ({ name }) => name.toLowerCase(), 'subject', 'the name')
    const { externalParameters, resolvedDependencies, ...definition } = buildDefinition
    const [dependencies] = resolvedDependencies
    if (dependencies === undefined) throw new ShapeError(AT, 'no dependency list')
    return { kind: 'rebuild', subjects, ...externalParameters, ...definition, dependencies, ...runDetails }
  },
  write(statement) {
    const { subjects, product: of, source: from, recipeDigest, imageDigest, release: id } = statement
    const { internalParameters, dependencies, builder, metadata, byproducts } = statement
    const externalParameters = { product: of, source: from, recipeDigest, imageDigest, ...given('release', id) }
    const buildDefinition = {
      buildType: statement.buildType,
      externalParameters,
      ...given('internalParameters', internalParameters && Object.fromEntries(internalParameters)),
      resolvedDependencies: [writeDescriptor(dependencies)],
    }
    const runDetails = {
      builder: { id: builder.id, ...given('version', builder.version && Object.fromEntries(builder.version)) },
      ...given('metadata', metadata),
      ...given('byproducts', byproducts?.map(writeDescriptor)),
    }
    return { subjects, predicate: { buildDefinition, runDetails } }
  },
}

function given(name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [name]: value }
}

const revocationPredicate = object<Omit<RevocationStatement, 'kind' | 'replacement'>, { replacement: string }>(
  {
    product,
    ids: list(digest, { min: 1, max: MAX_ITEMS }),
    reason: nonEmpty,
    severity: literal<Severity>('low', 'medium', 'high', 'critical'),
  },
  { replacement: nonEmpty },
)

const revocation: Codec<RevocationStatement> = {
  predicateType: 'https://samebits.dev/revocation/v1',
  read(subjects, predicate) {
    const said = revocationPredicate(predicate, AT)
    unique(said.ids, (id) => id, `${AT}.ids`, 'the id')
    agree(
      subjects,
      said.ids.map((sha256) => ({ name: said.product, sha256 })),
    )
    return { kind: 'revocation', ...said }
  },
  write({ kind: _, ...predicate }) {
    return { subjects: predicate.ids.map((sha256) => ({ name: predicate.product, sha256 })), predicate }
  },
}

const waiverPredicate = object<Omit<WaiverStatement, 'kind'>>({ product, id: digest, reason: nonEmpty })

const waiver: Codec<WaiverStatement> = {
  predicateType: 'https://samebits.dev/waiver/v1',
  read(subjects, predicate) {
    const said = waiverPredicate(predicate, AT)
    agree(subjects, [{ name: said.product, sha256: said.id }])
    return { kind: 'waiver', ...said }
  },
  write({ kind: _, ...predicate }) {
    return { subjects: [{ name: predicate.product, sha256: predicate.id }], predicate }
  },
}

const trustPredicate = object<Omit<TrustStatement, 'kind'>>({
  product,
  version: integer(1),
  sha256: digest,
  size: integer(1, MAX_BODY_BYTES),
})

const trust: Codec<TrustStatement> = {
  predicateType: 'https://samebits.dev/trust/v1',
  read(subjects, predicate) {
    const said = trustPredicate(predicate, AT)
    agree(subjects, [{ name: 'trust.json', sha256: said.sha256 }])
    return { kind: 'trust', ...said }
  },
  write({ kind: _, ...predicate }) {
    return { subjects: [{ name: 'trust.json', sha256: predicate.sha256 }], predicate }
  },
}

export const codecs: { readonly [Kind in Statement['kind']]: Codec<Extract<Statement, { kind: Kind }>> } = {
  release,
  rebuild,
  revocation,
  waiver,
  trust,
}

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
