/**
 * How each kind of statement is written as the `subject` and `predicate` of an in-toto Statement (docs/formats.md §1).
 * A codec reads what it writes and nothing else.
 */
import { artifactName, channel, digest, mediaType, platform, product, uri, version } from './names.ts'
import {
  type Artifact,
  type Build,
  type BuildType,
  buildTypes,
  MAX_BODY_BYTES,
  type RebuildStatement,
  type ReleaseStatement,
  type ResourceDescriptor,
  type RevocationStatement,
  type Severity,
  type Source,
  type Statement,
  type Subject,
  type TrustStatement,
  type WaiverStatement,
} from './predicates.ts'
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
