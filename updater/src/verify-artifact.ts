/**
 * `samebits verify`: one file, its bundle and a trust file, without the network. The decision is core's; here the file is
 * hashed and, where a state folder is named, what was seen is compared with it and remembered.
 */
import { dirname, join } from 'node:path'
import {
  type Accepted,
  type Crypto,
  type Evidence,
  formatEvidence,
  fromUtf8,
  type IdentityVerifier,
  type Notice,
  type Refusal,
  refuse,
  type State,
  utf8,
  verifyOffline,
} from '@samebits/core'
import { writeEvidence } from './evidence-file.ts'
import { isFailure } from './failure.ts'
import type { FileDigest } from './file-hash.ts'
import { Gossip, type GossipOptions } from './gossip.ts'
import { type Stopped, stoppedBy } from './results.ts'
import { createStateKeeper, forgetful, type StateKeeper } from './state-keeper.ts'
import { createStateStore } from './state-store.ts'
import { trustProduct } from './trust-product.ts'

export interface VerifyOptions {
  /** Path of the file: evidence is written beside it. */
  readonly file: string
  /** Its length and SHA-256, of `hashFile`, which may still be at work. */
  readonly digest: Promise<FileDigest>
  /** Exact bytes of its update bundle, of the trust file and of the anchor. */
  readonly bundle: Uint8Array
  readonly trust: Uint8Array
  readonly anchor: Uint8Array | null
  readonly want: {
    readonly channel: string
    readonly platform: string
    readonly artifact: string | null
    readonly mediaType: string | null
    /** Seconds; null: the age is told and refuses nothing. */
    readonly maxAge: number | null
  }
  /** Unix seconds. */
  readonly now: number
  readonly crypto: Crypto
  readonly identities?: IdentityVerifier
  /** Where to compare and remember; null: nothing is stored. */
  readonly stateDir: string | null
  readonly uid: number | undefined
  /** Told, after the judgement, what the bundle and the state showed. Absent: no network at all. */
  readonly gossip?: Omit<GossipOptions, 'crypto'>
  readonly signal?: AbortSignal
}

export type VerifyResult =
  | {
      readonly kind: 'verified'
      readonly release: Accepted
      readonly digest: FileDigest
      readonly notices: readonly Notice[]
    }
  | Stopped

/** @throws what `digest` rejects with */
export async function verifyArtifact(options: VerifyOptions): Promise<VerifyResult> {
  const gossip = options.gossip === undefined ? null : new Gossip({ ...options.gossip, crypto: options.crypto })
  gossip?.believe(options.trust)
  gossip?.sawBundle(options.bundle)
  const result = await judgeFile(options, gossip).catch((error: unknown) => stoppedBy(error))
  if (result.kind === 'stopped' && result.refusal.evidence !== null) gossip?.sawEvidence(result.refusal.evidence)
  await gossip?.handIn(options.signal)
  return result
}

async function judgeFile(options: VerifyOptions, gossip: Gossip | null): Promise<VerifyResult> {
  const { crypto, identities, now, want, trust, anchor, bundle, digest } = options
  const memory = await openMemory(options)
  if (memory.kind === 'stopped') return memory
  const { state, keeper } = memory
  // The file is hashed meanwhile: what its digest should be is asked last.
  const result = verifyOffline({ crypto, identities, now, want, trust, anchor, bundle, file: null, state })
  if (result.state !== null) {
    gossip?.believe(utf8(result.state.trust.body))
    if (result.state.log.tree !== null) gossip?.sawCheckpoint(result.state.log.tree)
    await keeper.keep(result.state)
  }
  const notices = [...memory.notices, ...result.notices]
  const seen = await digest
  if (result.kind === 'stopped') return await refused(options, result.refusal, notices)
  const refusal = mismatch(result.verdict, seen)
  if (refusal !== null) return await refused(options, refusal, notices)
  return { kind: 'verified', release: result.verdict, digest: seen, notices }
}

async function refused(options: VerifyOptions, refusal: Refusal, notices: readonly Notice[]): Promise<Stopped> {
  return { kind: 'stopped', refusal, notices, evidencePath: await keepEvidence(options, refusal.evidence) }
}

/** docs/decision.md step 24, for a file in hand. */
function mismatch({ files }: Accepted, seen: FileDigest): Refusal | null {
  const [artifact] = files
  if (artifact?.sha256 === seen.sha256 && artifact.size === seen.size) return null
  const wanted = `${artifact?.name} has ${artifact?.size} and ${artifact?.sha256}`
  return refuse('DIGEST_MISMATCH', '24', `the file has ${seen.size} bytes and SHA-256 ${seen.sha256}; ${wanted}`)
}

interface Memory {
  readonly kind: 'open'
  readonly state: State | null
  readonly keeper: StateKeeper
  readonly notices: readonly Notice[]
}

async function openMemory({ stateDir, crypto, trust, uid }: VerifyOptions): Promise<Memory | Stopped> {
  const product = stateDir === null ? null : trustProduct(crypto, trust)
  if (stateDir === null || product === null) return { kind: 'open', state: null, keeper: forgetful, notices: [] }
  const store = createStateStore({ directory: stateDir, hasher: crypto, identity: { uid } })
  const opened = await store.load({ product, hasInstallRecord: false })
  if (opened.kind === 'stopped') return { kind: 'stopped', refusal: opened.refusal, notices: [], evidencePath: null }
  const { state, notices } = opened
  return { kind: 'open', state, keeper: createStateKeeper(store, state), notices }
}

/** Evidence goes beside the state, or beside the file; where it cannot be written there the refusal stands without it. */
async function keepEvidence({ stateDir, file, uid }: VerifyOptions, evidence: Evidence | null): Promise<string | null> {
  if (evidence === null) return null
  const folder = stateDir === null ? dirname(file) : join(stateDir, 'evidence')
  try {
    return await writeEvidence(folder, fromUtf8(formatEvidence(evidence)), { uid })
  } catch (error) {
    if (isFailure(error, 'PATH_REFUSED')) return null
    throw error
  }
}
