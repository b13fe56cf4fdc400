/**
 * From a finished build to the statement about it: SLSA provenance v1 (slsa.dev/spec/v1.0/provenance) in the closed form of
 * docs/formats.md §1. `externalParameters` are complete: source, recipe and image are all that can steer a build here, and the
 * recipe holds the rest (commands, epoch, outputs). What the builder chose itself is in `internalParameters`.
 */
import { buildTypes, type RebuildStatement, type ResourceDescriptor, type Source } from '@samebits/core'
import { demandAttestable } from '../build/objections.ts'
import type { BuildResult } from '../build/run-build.ts'
import type { Body } from './body.ts'

export interface Attested {
  readonly product: string
  readonly source: Source
  readonly recipeDigest: string
  /** Id of the release that was rebuilt; without it the statement can only speak for bytes. */
  readonly release?: string | undefined
  readonly builder: BuilderIdentity
  /** Names this run in the builder's own records. */
  readonly invocationId: string
  readonly dependencies: Body
  readonly byproducts: readonly Body[]
}

/** SLSA "Builder". */
export interface BuilderIdentity {
  /** An absolute URI: who vouches for this builder, and where that is written down. */
  readonly id: string
  /** Of samebits-build. */
  readonly version: string
}

/** @throws ProgramError NOT_ATTESTABLE for a build that proves nothing to others: a host build, a floating image, network */
export function provenance(build: BuildResult, attested: Attested): RebuildStatement {
  demandAttestable(build.objections)
  const { product, source, recipeDigest, release, builder, invocationId, dependencies, byproducts } = attested
  const { image, engine, outputs } = build
  return {
    kind: 'rebuild',
    product,
    subjects: outputs.map(({ name, sha256 }) => ({ name, sha256 })),
    buildType: engine.isolates ? buildTypes.container : buildTypes.host,
    source,
    recipeDigest,
    imageDigest: image.digest,
    ...(release === undefined ? {} : { release }),
    internalParameters: internalParameters(build),
    dependencies: descriptorOf(dependencies),
    builder: {
      id: builder.id,
      version: new Map([
        ['samebits-build', builder.version],
        [engine.name, engine.version],
      ]),
    },
    metadata: { invocationId, startedOn: rfc3339(build.startedAt), finishedOn: rfc3339(build.finishedAt) },
    ...(byproducts.length === 0 ? {} : { byproducts: byproducts.map(descriptorOf) }),
  }
}

/** The conditions that this builder chose, and what the engine made of the image's name. */
function internalParameters({ conditions, epoch, image, log }: BuildResult): ReadonlyMap<string, string> {
  const { path, home, hostname, user, umask, timezone, locale } = conditions
  return new Map([
    ['path', path],
    ['home', home],
    ['hostname', hostname],
    ['user', `${user.name} ${user.uid}:${user.gid}`],
    ['umask', umask.toString(8).padStart(4, '0')],
    ['timezone', timezone],
    ['locale', locale],
    ['platform', image.facts.platform],
    ['imageId', image.facts.id],
    ['sourceDateEpoch', String(epoch)],
    ['logSha256', log.sha256],
  ])
}

function descriptorOf({ name, mediaType, sha256 }: Body): ResourceDescriptor {
  return { name, mediaType, sha256 }
}

/** SLSA "Timestamp": RFC 3339 in UTC. */
function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
