/** One run: what is fixed from its start (docs/decision.md step 1), in the shape in which the steps use it. */

import type { Crypto } from '../crypto.ts'
import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import { type Anchor, parseAnchor } from '../release/anchor.ts'
import type { IdentityVerifier } from '../release/identity.ts'
import { isArtifactName, isChannel, isDigest, isMediaType, isPlatform, isVersion } from '../release/names.ts'
import { parseTrust, type Trust, TrustError } from '../release/trust.ts'
import { attempt, noteFaults } from './attempt.ts'
import { type Checker, rememberedEntries } from './gather.ts'
import type { Notice } from './outcome.ts'
import { type Refusal, refuse, usage } from './refusal.ts'
import type { State } from './state.ts'
import { firstState } from './trust-in-force.ts'
import type { Installed, Want } from './want.ts'

export interface RunInput {
  readonly crypto: Crypto
  /** Absent: members that are certificate identities never count. */
  readonly identities?: IdentityVerifier | undefined
  /** The clock, read once, Unix seconds. */
  readonly now: number
  readonly want: Want
  readonly installed: Installed | null
  /** Bytes of the trust file that the application brings; null only with a state. */
  readonly trust: Uint8Array | null
  /** Bytes of the anchor beside it. */
  readonly anchor: Uint8Array | null
  /** What {@link openState} found. */
  readonly state: State | null
}

export interface Run {
  readonly checker: Checker
  readonly now: number
  readonly want: Want
  readonly installed: Installed | null
  readonly shipped: Trust | null
  readonly anchor: Anchor | null
  /** The trust version with which the run began: at most 32 steps lead on from there. */
  readonly firstVersion: number
  /** What was remembered when the run began, for what it says at its end. */
  readonly began: { readonly trustVersion: number; readonly origin: string; readonly size: number | null }
}

/** Whether this run may ask the network. `verify` and `apply` never do, whatever the want says. */
export function isOnline({ want }: Run): boolean {
  return want.online && want.action === 'update'
}

export type Prepared =
  | { readonly kind: 'ready'; readonly run: Run; readonly state: State; readonly notices: readonly Notice[] }
  | { readonly kind: 'stopped'; readonly refusal: Refusal }

/** docs/decision.md step 1; the state of a first contact where there is none. */
export function prepareRun(input: RunInput): Prepared {
  const fault = wantFault(input.want) ?? installedFault(input.installed)
  if (fault !== null) return { kind: 'stopped', refusal: usage('1', fault) }
  return attempt(
    [TrustError, ...noteFaults],
    () => ready(input, readShipped(input)),
    ({ message }) => {
      return { kind: 'stopped', refusal: refuse('TRUST_INVALID', '1', message) }
    },
  )
}

interface Shipped {
  readonly trust: Trust | null
  readonly anchor: Anchor | null
}

function readShipped({ crypto, trust, anchor }: RunInput): Shipped {
  return {
    trust: trust === null ? null : parseTrust(crypto, trust),
    anchor: anchor === null ? null : parseAnchor(anchor),
  }
}

function ready(input: RunInput, { trust, anchor }: Shipped): Prepared {
  const { crypto, identities, now, want, installed, state } = input
  const stopped = (detail: string): Prepared => ({ kind: 'stopped', refusal: refuse('TRUST_INVALID', '1', detail) })
  const product = state?.product ?? trust?.product
  if (trust !== null && trust.product !== product) return stopped(`the trust file is of ${trust.product}`)
  if (anchor !== null && anchor.product !== product) return stopped(`the anchor is of ${anchor.product}`)
  const begun = state ?? (trust === null ? null : firstState(trust))
  if (begun === null) return stopped('no trust file, and none was ever stored')
  const run: Run = {
    checker: { crypto, identities, entries: rememberedEntries(crypto) },
    now,
    want: wantOf(want, state),
    installed,
    shipped: trust,
    anchor,
    firstVersion: Math.max(trust?.version ?? 0, begun.trust.version),
    began: { trustVersion: begun.trust.version, origin: begun.log.origin, size: treeSize(begun) },
  }
  const notices: Notice[] =
    anchor === null && state === null ? [{ code: 'no-anchor', text: 'no anchor: history is read from the start' }] : []
  return { kind: 'ready', run, state: begun, notices }
}

function treeSize({ log }: State): number | null {
  return log.tree === null ? null : parseSignedCheckpoint(log.tree).checkpoint.size
}

/** What was staged is applied as it was wanted then; only the limits are given again. */
function wantOf(want: Want, state: State | null): Want {
  const staged = state?.staged ?? null
  if (want.action !== 'apply' || staged === null) return want
  const { platform, artifact, mediaType, downgradeTo } = staged.want
  return { ...want, channel: staged.channel, platform, artifact, mediaType, downgradeTo }
}

function wantFault(want: Want): string | null {
  if (!isChannel(want.channel)) return 'not a channel name'
  if (!isPlatform(want.platform) || want.platform === 'any') return 'not a platform such as linux-x64'
  if (want.artifact !== null && !isArtifactName(want.artifact)) return 'not an artifact name'
  if (want.mediaType !== null && !isMediaType(want.mediaType)) return 'not a media type'
  const { downgradeTo, acceptStale, maxAge } = want
  if (downgradeTo !== null && !isDigest(downgradeTo) && !isVersion(downgradeTo)) return 'not a release id or version'
  if ([acceptStale, maxAge].some((limit) => limit !== null && (!Number.isSafeInteger(limit) || limit < 0))) {
    return 'not a duration'
  }
  return null
}

function installedFault(installed: Installed | null): string | null {
  if (installed === null) return null
  if (installed.kind === 'sha256') return isDigest(installed.sha256) ? null : 'installed: not a SHA-256'
  return isChannel(installed.channel) && isVersion(installed.version) ? null : 'installed: not a channel and a version'
}
