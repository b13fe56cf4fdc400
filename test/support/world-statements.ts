/** Statements and trust files of one product, with defaults that make an honest release. */
import {
  type Artifact,
  formatStatement,
  type RebuildStatement,
  type ReleaseStatement,
  statementId,
  toHex,
  utf8,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { logLine, type MemoryLog, publicPem, witnessLine } from './world.ts'

export const PRODUCT = 'example.com/notes'
export const hex = (text: string): string => toHex(nodeCrypto.sha256(utf8(text)))

const source = { uri: 'git+https://example.com/notes.git', gitCommit: 'a'.repeat(40), sha256: hex('source') }
const recipeDigest = hex('recipe')
const imageDigest = hex('image')

/** The bytes of an artifact, as far as a test needs them. */
export function artifactBytes(version: string, platform = 'linux-x64'): Uint8Array {
  return utf8(`notes ${version} ${platform}`)
}

export function artifact(version: string, platform = 'linux-x64', over: Partial<Artifact> = {}): Artifact {
  const bytes = artifactBytes(version, platform)
  return {
    name: `notes-${version}-${platform}.tar.gz`,
    platform,
    size: bytes.length,
    mediaType: 'application/gzip',
    sha256: toHex(nodeCrypto.sha256(bytes)),
    ...over,
  }
}

/** Release `sequence` of channel stable, version 1.<sequence>.0, built as all others. */
export function release(
  sequence: number,
  previous: string | null,
  over: Partial<ReleaseStatement> = {},
): ReleaseStatement {
  const version = over.version ?? `1.${sequence}.0`
  const artifacts = over.artifacts ?? [artifact(version)]
  const builds = [
    { artifacts: artifacts.map(({ name }) => name), source, recipeDigest, imageDigest, sourceDateEpoch: 1 },
  ]
  return {
    kind: 'release',
    product: PRODUCT,
    channel: 'stable',
    version,
    sequence,
    previous,
    artifacts,
    builds,
    ...over,
  }
}

export function idOf(statement: Parameters<typeof formatStatement>[0]): string {
  return statementId(nodeCrypto, formatStatement(statement))
}

/** A rebuild of a release: positive where `subjects` is not given. */
export function rebuild(of: ReleaseStatement, over: Partial<RebuildStatement> = {}): RebuildStatement {
  return {
    kind: 'rebuild',
    product: of.product,
    subjects: of.artifacts.map(({ name, sha256 }) => ({ name, sha256 })),
    buildType: 'https://samebits.dev/container-build/v1',
    source,
    recipeDigest,
    imageDigest,
    release: idOf(of),
    dependencies: { sha256: hex('dependencies') },
    builder: { id: 'https://example.com/builder' },
    ...over,
  }
}

interface RoleOptions {
  readonly threshold: number
  readonly members: readonly object[]
}

/** A member whose key is that of the name. */
export function member(name: string, over: object = {}): object {
  return { id: name, publicKey: publicPem(name), ...over }
}

export interface TrustOptions {
  readonly version?: number
  readonly product?: string
  readonly log: MemoryLog
  readonly witnesses?: readonly string[]
  /** How many of them a quorum takes; 0 for `quorum none`. */
  readonly quorum?: number
  readonly authority?: RoleOptions
  readonly publishers?: RoleOptions
  readonly rebuilders?: RoleOptions & { readonly onMismatch?: string; readonly platforms?: object }
  readonly freshness?: object
  readonly history?: object
  readonly heads?: object
  readonly channels?: readonly string[]
  /** Further members of the file, or other values for those above. */
  readonly over?: object
}

const witnessed = { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m', offlineMaxAge: '90d' }

/** The exact bytes of a trust file: two publishers of which one suffices, one rebuilder of two, complete history. */
export function trustFile(options: TrustOptions): Uint8Array {
  const { log, witnesses = ['w1.example', 'w2.example', 'w3.example'], quorum = 2 } = options
  const lines = witnesses.map(witnessLine).join('')
  const group = `group all ${quorum} ${witnesses.join(' ')}\nquorum all\n`
  const isNone = quorum === 0
  const file = {
    format: 1,
    version: options.version ?? 1,
    product: options.product ?? PRODUCT,
    channels: options.channels ?? ['stable', 'beta'],
    tlogPolicy: logLine(log) + (isNone ? 'quorum none\n' : lines + group),
    authority: options.authority ?? { threshold: 1, members: [member('root')] },
    publishers: options.publishers ?? { threshold: 1, members: [member('alice'), member('bob')] },
    rebuilders: {
      onMismatch: 'refuse',
      ...(options.rebuilders ?? { threshold: 1, members: [member('rob'), member('rita')] }),
    },
    freshness: options.freshness ?? (isNone ? { clockSkew: '5m' } : witnessed),
    history: options.history ?? { mode: 'complete' },
    heads: options.heads ?? {},
    ...(isNone ? { unwitnessed: true } : {}),
    ...options.over,
  }
  return utf8(`${JSON.stringify(file, null, 2)}\n`)
}

/** The statement that names a trust file. */
export function trustStatement(bytes: Uint8Array, version: number, product: string = PRODUCT) {
  return { kind: 'trust' as const, product, version, sha256: toHex(nodeCrypto.sha256(bytes)), size: bytes.length }
}

export function revocation(...ids: readonly string[]) {
  return { kind: 'revocation' as const, product: PRODUCT, ids, reason: 'a flaw', severity: 'high' as const }
}

export function waiver(id: string) {
  return { kind: 'waiver' as const, product: PRODUCT, id, reason: 'a hotfix' }
}
