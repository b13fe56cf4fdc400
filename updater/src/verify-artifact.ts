/**
 * `samebits verify`: one file, its bundle and a trust file, without the network. The decision is core's; here the file is
 * hashed and, where a state folder is named, what was seen is compared with it and remembered.
 */
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type Accepted,
  type Crypto,
  type Evidence,
  formatEvidence,
  fromUtf8,
  type IdentityVerifier,
  type Notice,
  parseTrust,
  type State,
  verifyOffline,
} from '@samebits/core'
import { writeEvidence } from './evidence-file.ts'
import { isFailure } from './failure.ts'
import { type FileDigest, hashHandle } from './file-hash.ts'
import { type Stopped, stoppedBy } from './results.ts'
import { createStateKeeper, forgetful, type StateKeeper } from './state-keeper.ts'
import { createStateStore } from './state-store.ts'

export interface VerifyOptions {
  /** Path of the file. */
  readonly file: string
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

/** @throws the system's error where the file cannot be read */
export async function verifyArtifact(options: VerifyOptions): Promise<VerifyResult> {
  const digest = await hashFile(options.file, options.signal)
  try {
    return await judgeFile(options, digest)
  } catch (error) {
    return stoppedBy(error)
  }
}

async function hashFile(path: string, signal: AbortSignal | undefined): Promise<FileDigest> {
  const handle = await open(path, 'r')
  try {
    return await hashHandle(handle, signal)
  } finally {
    await handle.close()
  }
}

async function judgeFile(options: VerifyOptions, digest: FileDigest): Promise<VerifyResult> {
  const { crypto, identities, now, want, trust, anchor, bundle } = options
  const memory = await openMemory(options)
  if (memory.kind === 'stopped') return memory
  const { state, keeper } = memory
  const result = verifyOffline({ crypto, identities, now, want, trust, anchor, bundle, file: digest, state })
  if (result.state !== null) await keeper.keep(result.state)
  const notices = [...memory.notices, ...result.notices]
  if (result.kind === 'verified') return { kind: 'verified', release: result.verdict, digest, notices }
  const { refusal } = result
  return { kind: 'stopped', refusal, notices, evidencePath: await keepEvidence(options, refusal.evidence) }
}

interface Memory {
  readonly kind: 'open'
  readonly state: State | null
  readonly keeper: StateKeeper
  readonly notices: readonly Notice[]
}

async function openMemory({ stateDir, crypto, trust, uid }: VerifyOptions): Promise<Memory | Stopped> {
  if (stateDir === null) return { kind: 'open', state: null, keeper: forgetful, notices: [] }
  const store = createStateStore({ directory: stateDir, hasher: crypto, identity: { uid } })
  const opened = await store.load({ product: parseTrust(crypto, trust).product, hasInstallRecord: false })
  if (opened.kind === 'stopped') return { kind: 'stopped', refusal: opened.refusal, notices: [], evidencePath: null }
  const { state, notices } = opened
  return { kind: 'open', state, keeper: createStateKeeper(store, crypto, state), notices }
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
