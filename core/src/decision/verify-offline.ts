/**
 * The stateless `verify` (docs/decision.md, after step 25): steps 1, 3, 5-8 against the anchor if there is one, 10 from the
 * bundle, 13-20 by the offered rules, 22, and the digest. Nothing is stored.
 */
import type { Crypto } from '../crypto.ts'
import type { IdentityVerifier } from '../release/identity.ts'
import { judge } from './judge.ts'
import type { Notice } from './outcome.ts'
import { type Refusal, refuse } from './refusal.ts'
import { prepareRun } from './run.ts'
import type { State } from './state.ts'
import { type Accepted, acceptedOf, provenLines } from './verdict.ts'
import type { Want } from './want.ts'

export interface OfflineInput {
  readonly crypto: Crypto
  /** Absent: members that are certificate identities never count. */
  readonly identities?: IdentityVerifier | undefined
  /** Unix seconds. */
  readonly now: number
  readonly want: Omit<Want, 'action' | 'online' | 'downgradeTo' | 'acceptStale'>
  readonly trust: Uint8Array
  readonly anchor: Uint8Array | null
  readonly bundle: Uint8Array
  /** What the caller found: length and SHA-256 (hex) of the file; null where only the bundle is to be judged. */
  readonly file: { readonly size: number; readonly sha256: string } | null
  /** `--state DIR`: steps 2 and 4 too, and what step 8 remembers is in the result. */
  readonly state?: State | null
}

export type OfflineResult =
  | {
      readonly kind: 'verified'
      readonly verdict: Accepted
      /** What was proven, one line each. */
      readonly lines: readonly string[]
      readonly notices: readonly Notice[]
      readonly state: State
    }
  | {
      readonly kind: 'stopped'
      readonly refusal: Refusal
      readonly notices: readonly Notice[]
      /** Null where not even the inputs were good. To be kept with `--state` only. */
      readonly state: State | null
    }

/** Judges one file by its update bundle, without the network and without memory. */
export function verifyOffline(input: OfflineInput): OfflineResult {
  const { bundle, file, state = null } = input
  const want: Want = { ...input.want, action: 'verify', online: false, downgradeTo: null, acceptStale: null }
  const prepared = prepareRun({ ...input, want, installed: null, state })
  if (prepared.kind === 'stopped') return { ...prepared, notices: [], state: null }
  const outcome = judge(prepared.run, prepared.state, { offers: [bundle], answers: new Map() })
  const notices = [...prepared.notices, ...outcome.notices]
  const stopped = (refusal: Refusal): OfflineResult => ({ kind: 'stopped', refusal, notices, state: outcome.state })
  if (outcome.kind === 'stopped') return stopped(outcome.refusal)
  const verdict = acceptedOf(outcome)
  const refusal = file === null ? null : checkFile(verdict, file)
  if (refusal !== null) return stopped(refusal)
  return { kind: 'verified', verdict, lines: provenLines(verdict.proven), notices, state: outcome.state }
}

function checkFile({ files }: Accepted, file: { readonly size: number; readonly sha256: string }): Refusal | null {
  const [artifact] = files
  if (artifact?.sha256 === file.sha256 && artifact.size === file.size) return null
  const detail = `the file has ${file.size} bytes and SHA-256 ${file.sha256}; ${artifact?.name} has ${artifact?.size} and ${artifact?.sha256}`
  return refuse('DIGEST_MISMATCH', '24', detail)
}
