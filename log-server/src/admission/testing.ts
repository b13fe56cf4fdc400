/** For tests: keys, trust files, signed entries, and a log of one process that admits them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  emptyRoot,
  entryMessage,
  formatEntry,
  formatSpkiPem,
  formatStatement,
  formatVkey,
  keyHint,
  makeVkey,
  parseTrust,
  type Statement,
  statementId,
  toHex,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto, type SigningKey, verifyInPool } from '@samebits/core/node'
import type { Refusal } from '../admission.ts'
import { readEdge } from '../edge.ts'
import { type Sequenced, Sequencer } from '../sequencer.ts'
import { openSqliteStore } from '../sqlite-store.ts'
import type { OpenStore } from '../store.ts'
import type { AdmissionConfig } from './admission-file.ts'
import type { Claim } from './claim.ts'
import { adoptConfig } from './in-force.ts'
import { productAdmission } from './product-admission.ts'
import { productExtension } from './product-extension.ts'
import type { ProductTables } from './tables.ts'
import { TrustLibrary } from './trust-library.ts'
import { trustRules } from './trust-rules.ts'

export const origin = 'log.example.com'
export const product = 'example.com/notes'

/** A member of a role, with the key that it signs with. */
export interface TestMember {
  readonly id: string
  readonly operator?: string
  readonly key: SigningKey
  readonly from?: number
  readonly until?: number
}

export function member(id: string, more: Partial<TestMember> = {}): TestMember {
  return { id, key: generateSigningKey('ed25519'), ...more }
}

export const hintOf = (key: SigningKey): string => keyHint(nodeCrypto, key)

const logKey = generateSigningKey('ed25519')
const vkeyOf = (name: string) => formatVkey(makeVkey(nodeCrypto, name, 1, logKey.publicKey))

export interface TestTrust {
  readonly product?: string
  readonly version?: number
  readonly channels?: readonly string[]
  readonly origin?: string
  readonly authority: readonly TestMember[]
  readonly publishers: readonly TestMember[]
  readonly rebuilders?: readonly TestMember[]
  /** Of authority, publishers and rebuilders. */
  readonly thresholds?: readonly [number, number, number]
  readonly heads?: Readonly<Record<string, { readonly sequence: number; readonly id: string }>>
  readonly onMismatch?: 'refuse' | 'report'
  /** Takes the place of the policy of one log without witnesses. */
  readonly policy?: string
  readonly replaces?: { readonly origin: string; readonly size: number; readonly root: string }
}

/** The bytes of a trust file. */
export function trustFile(trust: TestTrust): Uint8Array {
  const [authority, publishers, rebuilders] = trust.thresholds ?? [1, 1, 0]
  const policy = trust.policy ?? `log ${vkeyOf(trust.origin ?? origin)} http://127.0.0.1:1/\nquorum none\n`
  const witnessed = !policy.endsWith('quorum none\n')
  const role = (threshold: number, members: readonly TestMember[]) => ({
    threshold,
    members: members.map(({ key, ...rest }) => ({ ...rest, publicKey: formatSpkiPem(key) })),
  })
  return Buffer.from(
    JSON.stringify({
      format: 1,
      version: trust.version ?? 1,
      product: trust.product ?? product,
      channels: trust.channels ?? ['stable', 'beta'],
      tlogPolicy: policy,
      authority: role(authority, trust.authority),
      publishers: role(publishers, trust.publishers),
      rebuilders: { ...role(rebuilders, trust.rebuilders ?? []), onMismatch: trust.onMismatch ?? 'refuse' },
      freshness: { clockSkew: '5m', ...(witnessed && { maxAge: '30d', warnAge: '7d', maxLag: '7d' }) },
      history: { mode: 'complete' },
      heads: trust.heads ?? {},
      ...(trust.replaces && { replaces: trust.replaces }),
      ...(!witnessed && { unwitnessed: true }),
    }),
  )
}

export const sha256 = (bytes: Uint8Array): string => toHex(nodeCrypto.sha256(bytes))

/** A statement with its payload and id. */
export interface Payload {
  readonly statement: Statement
  readonly payload: Uint8Array
  readonly id: string
}

export function payloadOf(statement: Statement): Payload {
  const payload = formatStatement(statement)
  return { statement, payload, id: statementId(nodeCrypto, payload) }
}

/** Digest of the artifact of a {@link release}: one for each sequence and `build`. */
export const artifactDigest = (sequence: number, build = ''): string => sha256(Buffer.from(`${sequence}${build}`))

const source = { uri: 'https://git.example.com/notes', gitCommit: 'ab'.repeat(20), sha256: 'cd'.repeat(32) }
const digests = { recipeDigest: 'ef'.repeat(32), imageDigest: '01'.repeat(32) }

/** The release `sequence` on `previous`; `build` makes rivals differ. */
export function release(
  sequence: number,
  previous: string | null,
  more: { build?: string; channel?: string; product?: string } = {},
): Payload {
  const name = 'notes-linux-x64.tar.gz'
  return payloadOf({
    kind: 'release',
    product: more.product ?? product,
    channel: more.channel ?? 'stable',
    version: `1.${sequence}.0`,
    sequence,
    previous,
    artifacts: [
      {
        name,
        platform: 'linux-x64',
        size: 4,
        mediaType: 'application/gzip',
        sha256: artifactDigest(sequence, more.build),
      },
    ],
    builds: [{ artifacts: [name], source, ...digests, sourceDateEpoch: 1 }],
  })
}

/** A vote for the digest, or about a release. `dependencies` is the digest of the detached list. */
export function vote(sha: string, dependencies: string, more: { release?: string; name?: string; salt?: string } = {}) {
  return payloadOf({
    kind: 'rebuild',
    product,
    subjects: [{ name: more.name ?? 'notes-linux-x64.tar.gz', sha256: sha }],
    buildType: 'https://samebits.dev/container-build/v1',
    source,
    ...digests,
    ...(more.release && { release: more.release }),
    dependencies: { sha256: dependencies },
    builder: { id: `https://rebuilder.example.com/${more.salt ?? ''}` },
  })
}

export const revocation = (ids: readonly string[], reason = 'stolen key'): Payload =>
  payloadOf({ kind: 'revocation', product, ids, reason, severity: 'high' })

export const waiver = (id: string, reason = 'hotfix'): Payload => payloadOf({ kind: 'waiver', product, id, reason })

export const trustStatement = (version: number, body: Uint8Array, of = product): Payload =>
  payloadOf({ kind: 'trust', product: of, version, sha256: sha256(body), size: body.length })

/** The leaf of a statement signed with a key. ECDSA gives other bytes each time. */
export function sign({ payload }: Pick<Payload, 'payload'>, key: SigningKey): Uint8Array {
  const signature = key.sign(entryMessage(payload))
  return formatEntry(nodeCrypto, { payload, signer: { kind: 'key', hint: hintOf(key) }, signature })
}

export function configOf(...files: readonly Uint8Array[]): AdmissionConfig {
  const rules = files.map((bytes) => trustRules(nodeCrypto, parseTrust(nodeCrypto, bytes), origin))
  return { mode: 'product', products: new Map(rules.map((one) => [one.product, one])) }
}

async function openSqlite(folder: string): Promise<OpenStore<ProductTables>> {
  return openSqliteStore({ path: join(folder, 'log.db'), extension: productExtension })
}

/** A log of one process in a temporary folder, whose commits count as published at once. */
export class TestLog {
  readonly store: OpenStore<ProductTables>
  readonly library = new TrustLibrary(nodeCrypto, origin)
  config: AdmissionConfig
  now = 1_800_000_000
  readonly #folder: string
  readonly admission
  readonly #sequencer: Sequencer<Claim, ProductTables>
  readonly faults: unknown[] = []

  static async open(config: AdmissionConfig, open = openSqlite): Promise<TestLog> {
    const folder = mkdtempSync(join(tmpdir(), 'samebits-admission-'))
    const store = await open(folder)
    const head = await store.create(emptyRoot(nodeCrypto))
    const log = new TestLog(folder, store, config, { head, edge: await readEdge(nodeCrypto, store, 0), published: 0 })
    await log.adopt()
    return log
  }

  private constructor(
    folder: string,
    store: OpenStore<ProductTables>,
    config: AdmissionConfig,
    start: ConstructorParameters<typeof Sequencer>[2],
  ) {
    this.#folder = folder
    this.store = store
    this.config = config
    this.admission = productAdmission({
      crypto: nodeCrypto,
      verify: verifyInPool,
      origin,
      maxLeafBytes: 65_535,
      config: () => this.config,
      committed: store.tables.committed,
      library: this.library,
    })
    this.#sequencer = new Sequencer(
      {
        store,
        admission: this.admission,
        hasher: nodeCrypto,
        limits: { maxPendingEntries: 10_000, maxPendingBytes: 1 << 28, maxBatchEntries: 512, maxWaitMs: 60_000 },
        now: () => this.now,
        defer: setImmediate,
        clock: () => performance.now(),
      },
      {
        committed: (head) => this.#sequencer.published(head.size),
        failed: (error) => this.faults.push(error),
      },
      start,
    )
  }

  /** Puts the trust files of `config` in force where they are newer. */
  adopt(): Promise<void> {
    return this.store.update((tables) => adoptConfig(tables, this.library, this.config))
  }

  async add(leaf: Uint8Array): Promise<Sequenced | Refusal> {
    const prepared = await this.admission.prepare(leaf)
    return prepared.kind === 'refuse' ? prepared : this.#sequencer.submit(prepared)
  }

  /** The index, or the refusal's code. */
  async tell(leaf: Uint8Array): Promise<number | string> {
    const outcome = await this.add(leaf)
    return outcome.kind === 'refuse' ? outcome.code : outcome.index
  }

  /** Submits leaves as one batch, in this order. */
  async tellTogether(leaves: readonly Uint8Array[]): Promise<(number | string)[]> {
    const prepared = await Promise.all(leaves.map((leaf) => this.admission.prepare(leaf)))
    const outcomes = await Promise.all(
      prepared.map((one) => (one.kind === 'refuse' ? one : this.#sequencer.submit(one))),
    )
    return outcomes.map((outcome) => (outcome.kind === 'refuse' ? outcome.code : outcome.index))
  }

  put(body: Uint8Array): Promise<void> {
    return this.store.update((tables) => tables.putBlob(sha256(body), body, this.now))
  }

  async head(channel = 'stable'): Promise<{ sequence: number; id: string } | null> {
    const rows = await this.store.tables.committed.heads(product)
    return rows.find((row) => row.channel === channel)?.head ?? null
  }

  async close(): Promise<void> {
    await this.store.close()
    rmSync(this.#folder, { recursive: true })
  }
}
