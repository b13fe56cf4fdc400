/** parse(format(x)) is x, for statements, entries, bundles and anchors of any content. */
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { toHex } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { type Anchor, formatAnchor, parseAnchor } from './anchor.ts'
import { formatEntry, parseEntry, type Signer } from './entry.ts'
import type { LoggedEntry } from './logged-entry.ts'
import {
  type Artifact,
  type Build,
  buildTypes,
  formatStatement,
  parseStatement,
  type RebuildStatement,
  type ReleaseStatement,
  type ResourceDescriptor,
  type RevocationStatement,
  type Source,
  type Statement,
  statementId,
  type TrustStatement,
  type WaiverStatement,
} from './statement.ts'
import { formatUpdateBundle, parseUpdateBundle, type UpdateBundle } from './update-bundle.ts'

/** Properties take their time on a busy machine. */
vi.setConfig({ testTimeout: 60_000 })

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const digest = bytesOf(32).map(toHex)
const size = fc.maxSafeNat()
const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((text) => text.trim() !== '')
const word = fc.stringMatching(/^[a-z][a-z0-9]{1,8}$/)
const name = fc.stringMatching(/^f[A-Za-z0-9._+-]{0,20}x$/)
const product = fc.array(word, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))
const platform = fc.oneof(
  fc.constant('any'),
  fc.tuple(word, word).map(([os, cpu]) => `${os}-${cpu}`),
)
const mediaType = fc.tuple(word, word).map(([type, subtype]) => `${type}/${subtype}`)
const uri = word.map((host) => `https://${host}.example/x`)
const version = fc
  .tuple(fc.nat(99), fc.nat(99), size, fc.option(word))
  .map(([major, minor, patch, tag]) => `${major}.${minor}.${patch}${tag === null ? '' : `-${tag}`}`)
/** Members that may be missing; a missing one is absent, not undefined. */
const maybe = <T extends object>(of: { [Name in keyof T]: fc.Arbitrary<T[Name]> }) =>
  fc.record(of, { requiredKeys: [] })
const labels = fc
  .dictionary(fc.stringMatching(/^[a-z][A-Za-z0-9._-]{0,8}$/), anyText, { maxKeys: 3 })
  .map((of) => new Map(Object.entries(of)))

const source: fc.Arbitrary<Source> = fc.record({ uri, gitCommit: bytesOf(20).map(toHex), sha256: digest })
const descriptor: fc.Arbitrary<ResourceDescriptor> = fc
  .tuple(digest, maybe<{ name: string; uri: string; mediaType: string }>({ name: anyText, uri, mediaType }))
  .map(([sha256, rest]) => ({ sha256, ...rest }))

const artifacts: fc.Arbitrary<readonly Artifact[]> = fc
  .uniqueArray(fc.record({ name, platform, size, mediaType, sha256: digest }), {
    minLength: 1,
    maxLength: 6,
    comparator: (a, b) =>
      a.name.toLowerCase() === b.name.toLowerCase() || (a.platform === b.platform && a.mediaType === b.mediaType),
  })
  .chain((all) =>
    fc.array(fc.nat(1), { minLength: all.length, maxLength: all.length }).map((parts) => {
      const [first] = all
      return all.map((artifact, at) =>
        at > 0 && parts[at] === 1 && first ? { ...artifact, partOf: first.name } : artifact,
      )
    }),
  )

const build: fc.Arbitrary<Omit<Build, 'artifacts'>> = fc.record({
  source,
  recipeDigest: digest,
  imageDigest: digest,
  sourceDateEpoch: size,
})

const release: fc.Arbitrary<ReleaseStatement> = fc
  .record({
    product,
    channel: word,
    version,
    sequence: size.map((n) => Math.max(1, n)),
    previous: fc.option(digest),
    artifacts,
    build: fc.option(build),
    notes: fc.option(fc.string({ unit: 'binary' })),
  })
  .map(({ build: how, notes, ...rest }) => ({
    kind: 'release',
    ...rest,
    builds: how === null ? [] : [{ ...how, artifacts: rest.artifacts.map((artifact) => artifact.name) }],
    ...(notes === null ? {} : { notes }),
  }))

const time = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString())
const rebuild: fc.Arbitrary<RebuildStatement> = fc
  .record({
    product,
    subjects: fc.uniqueArray(fc.record({ name, sha256: digest }), {
      minLength: 1,
      maxLength: 5,
      selector: (of) => of.name.toLowerCase(),
    }),
    buildType: fc.constantFrom(...Object.values(buildTypes)),
    source,
    recipeDigest: digest,
    imageDigest: digest,
    dependencies: descriptor,
    builder: fc
      .tuple(uri, maybe<{ version: ReadonlyMap<string, string> }>({ version: labels }))
      .map(([id, rest]) => ({ id, ...rest })),
    rest: maybe<
      Required<Pick<RebuildStatement, 'release' | 'internalParameters' | 'byproducts'>> & {
        metadata: NonNullable<RebuildStatement['metadata']>
      }
    >({
      release: digest,
      internalParameters: labels,
      byproducts: fc.array(descriptor, { maxLength: 3 }),
      metadata: maybe<{ invocationId: string; startedOn: string; finishedOn: string }>({
        invocationId: anyText,
        startedOn: time,
        finishedOn: time,
      }),
    }),
  })
  .map(({ rest, ...required }) => ({ kind: 'rebuild', ...required, ...rest }))

const revocation: fc.Arbitrary<RevocationStatement> = fc
  .tuple(
    product,
    fc.uniqueArray(digest, { minLength: 1, maxLength: 5 }),
    anyText,
    fc.constantFrom('low', 'medium', 'high', 'critical' as const),
    maybe<{ replacement: string }>({ replacement: anyText }),
  )
  .map(([of, ids, reason, severity, rest]) => ({
    kind: 'revocation',
    product: of,
    ids,
    reason,
    severity: severity as 'low',
    ...rest,
  }))
const waiver: fc.Arbitrary<WaiverStatement> = fc.record({
  kind: fc.constant('waiver'),
  product,
  id: digest,
  reason: anyText,
})
const trust: fc.Arbitrary<TrustStatement> = fc.record({
  kind: fc.constant('trust'),
  product,
  version: fc.integer({ min: 1 }),
  sha256: digest,
  size: fc.integer({ min: 1, max: 4 * 1024 * 1024 }),
})
const statement: fc.Arbitrary<Statement> = fc.oneof(release, rebuild, revocation, waiver, trust)

describe('parse(format(x)) is x, for any', () => {
  it('statement', () => {
    fc.assert(
      fc.property(statement, (of) => {
        expect(parseStatement(formatStatement(of))).toEqual(of)
      }),
      { numRuns: 400 },
    )
  })

  const certificate = fc.record({
    kind: fc.constant('certificate' as const),
    certificate: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    timestamps: fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 4 }),
  })
  const signer: fc.Arbitrary<Signer> = fc.oneof(
    fc.record({ kind: fc.constant('key' as const), hint: digest }),
    certificate,
  )

  it('entry, whoever signed it and however', () => {
    fc.assert(
      fc.property(statement, signer, fc.uint8Array({ minLength: 1, maxLength: 1024 }), (of, by, signature) => {
        const payload = formatStatement(of)
        const leaf = formatEntry(nodeCrypto, { payload, signer: by, signature })
        const id = statementId(nodeCrypto, payload)
        expect(parseEntry(nodeCrypto, leaf)).toEqual({ leaf, payload, id, statement: of, signer: by, signature })
      }),
    )
  })

  const hashes = fc.array(bytesOf(32), { maxLength: 3 })
  const logged: fc.Arbitrary<readonly LoggedEntry[]> = fc.uniqueArray(
    fc.record({ index: size, inclusion: hashes, leaf: fc.uint8Array({ maxLength: 50 }) }),
    { maxLength: 4, selector: ({ index }) => index },
  )

  it('update bundle', () => {
    const bundle: fc.Arbitrary<UpdateBundle> = fc.record({
      views: fc.array(
        fc.record({
          checkpoint: fc.string({ unit: 'binary' }),
          consistency: fc.uniqueArray(fc.record({ from: size.map((n) => Math.max(1, n)), proof: hashes }), {
            maxLength: 4,
            selector: ({ from }) => from,
          }),
          entries: logged,
        }),
        { minLength: 1, maxLength: 3 },
      ),
      trust: fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 3 }),
    })
    fc.assert(
      fc.property(bundle, (of) => {
        expect(parseUpdateBundle(formatUpdateBundle(of))).toEqual(of)
      }),
    )
  })

  it('anchor', () => {
    const head = fc.record({ sequence: fc.integer({ min: 1 }), id: digest })
    const anchor: fc.Arbitrary<Anchor> = fc.record({
      product,
      checkpoint: fc.string({ unit: 'binary' }),
      heads: fc.dictionary(word, head, { maxKeys: 3 }).map((of) => new Map(Object.entries(of))),
      entries: logged,
      feeds: fc.uniqueArray(uri, { maxLength: 3 }),
    })
    fc.assert(
      fc.property(anchor, (of) => {
        expect(parseAnchor(formatAnchor(of))).toEqual(of)
      }),
    )
  })
})
