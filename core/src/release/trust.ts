/**
 * The trust file: whom an application believes about one product, and when it stops (docs/formats.md §2).
 *
 *     { "format": 1, "version": 1, "product": "example.com/notes", "channels": ["stable", "beta"],
 *       "tlogPolicy": "log …\nwitness …\nquorum …\n",
 *       "authority":  { "threshold": 1, "members": [ … ] },
 *       "publishers": { "threshold": 1, "members": [ … ] },
 *       "rebuilders": { "threshold": 2, "platforms": { "darwin-arm64": 0 }, "members": [ … ], "onMismatch": "refuse" },
 *       "freshness":  { "maxAge": "30d", "warnAge": "7d", "maxLag": "7d", "clockSkew": "5m", "offlineMaxAge": "90d" },
 *       "history":    { "mode": "complete" },
 *       "heads":      { "stable": { "sequence": 7, "id": "…" } } }
 *
 * and, where they apply, `replaces`, `mirrors`, `trustedRoot`, `unwitnessed`, `forkable`. People write it, so that its
 * layout is free; it is identified by the SHA-256 of its exact bytes.
 */
import { equalBytes, toHex, utf8 } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import { emptyRoot } from '../log/compact-range.ts'
import { NO_QUORUM, type Policy, type PolicyLog, parsePolicy } from '../log/policy.ts'
import { checkTrustPolicy } from '../log/trust-policy.ts'
import { keyNameFault } from '../log/vkey.ts'
import { countOperators, type Member, members } from './members.ts'
import { channel, digest, platform, product } from './names.ts'
import { MAX_BODY_BYTES } from './predicates.ts'
import {
  base64,
  integer,
  list,
  literal,
  matching,
  membersOf,
  object,
  opaque,
  type Read,
  record,
  ShapeError,
  text,
  unique,
} from './shape.ts'
import { type JsonObject, parseJson } from './strict-json.ts'
import { date, duration } from './time.ts'
import { httpsUrl } from './url.ts'

export type Role = 'authority' | 'publishers' | 'rebuilders'
export const roles: readonly Role[] = ['authority', 'publishers', 'rebuilders']

/** Why a trust file was refused: `unknown-format` is a file for newer clients, which ends the reach of the version before it. */
export type TrustFault = 'malformed' | 'unknown-format'

/** A trust file that must not be used. */
export class TrustError extends Error {
  override readonly name = 'TrustError'
  readonly code = 'TRUST_INVALID'
  readonly fault: TrustFault
  readonly detail: string

  constructor(fault: TrustFault, detail: string, options?: ErrorOptions) {
    super(`trust file: ${detail}`, options)
    this.fault = fault
    this.detail = detail
  }
}

/** Members of which `threshold` distinct operators must agree. */
export interface RoleMembers {
  readonly threshold: number
  readonly members: readonly Member[]
}

export interface Rebuilders extends RoleMembers {
  /** Thresholds that hold for one platform instead. */
  readonly platforms: ReadonlyMap<string, number>
  /** Whether one standing negative vote stops a release, or is only told. */
  readonly onMismatch: 'refuse' | 'report'
}

/** Seconds. Null throughout but `clockSkew` where nothing is witnessed: there is no time then. */
export interface Freshness {
  /** Oldest view accepted. */
  readonly maxAge: number | null
  /** Age from which there is a notice. */
  readonly warnAge: number | null
  /** How long a newer release may be left out by a feed. */
  readonly maxLag: number | null
  readonly clockSkew: number
  /** `maxAge` for a client that is offline on purpose; null: there is none such. */
  readonly offlineMaxAge: number | null
}

/** `expires`: Unix seconds, 00:00 UTC of the day in the file; from then on the file is refused. */
export type History = { readonly mode: 'complete' } | { readonly mode: 'offered'; readonly expires: number }

/** A release of a channel, whatever the statements say. */
export interface ChannelHead {
  readonly sequence: number
  readonly id: string
}

/** A tree of the log before this one. */
export interface Replaces {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

export interface Trust {
  readonly version: number
  readonly product: string
  readonly channels: readonly string[]
  readonly policy: Policy
  /** The one log of the policy; its key's name is `origin`. */
  readonly log: PolicyLog
  readonly origin: string
  /** How many witnesses must sign twice for a fork to pass; 0 where the file allows that. */
  readonly forkCost: number
  readonly authority: RoleMembers
  readonly publishers: RoleMembers
  readonly rebuilders: Rebuilders
  readonly freshness: Freshness
  readonly history: History
  readonly heads: ReadonlyMap<string, ChannelHead>
  readonly replaces: Replaces | null
  readonly mirrors: readonly string[]
  /** Sigstore TrustedRoot; present exactly where a member is an identity. */
  readonly trustedRoot: JsonObject | null
  readonly unwitnessed: boolean
  readonly forkable: boolean
  /** The exact bytes, their SHA-256 in hex, and their number. */
  readonly bytes: Uint8Array
  readonly sha256: string
  readonly size: number
}

const MAX_CHANNELS = 64
const MAX_THRESHOLD = 256
const MAX_POLICY_CHARACTERS = 1 << 20
const HASH_BYTES = 32

interface WrittenRebuilders extends RoleMembers {
  readonly platforms?: ReadonlyMap<string, number>
  readonly onMismatch: 'refuse' | 'report'
}

interface Required1 {
  readonly format: 1
  readonly version: number
  readonly product: string
  readonly channels: readonly string[]
  readonly tlogPolicy: string
  readonly authority: RoleMembers
  readonly publishers: RoleMembers
  readonly rebuilders: WrittenRebuilders
  readonly freshness: Freshness
  readonly history: History
  readonly heads: ReadonlyMap<string, ChannelHead>
}

interface Optional1 {
  readonly replaces: Replaces
  readonly mirrors: readonly string[]
  readonly trustedRoot: JsonObject
  readonly unwitnessed: true
  readonly forkable: true
}

type Written = Required1 & Partial<Optional1>

const threshold = integer(0, MAX_THRESHOLD)

const freshness: Read<Freshness> = (value, at) => {
  const written = object<Pick<Freshness, 'clockSkew'>, Record<Exclude<keyof Freshness, 'clockSkew'>, number>>(
    { clockSkew: duration },
    { maxAge: duration, warnAge: duration, maxLag: duration, offlineMaxAge: duration },
  )(value, at)
  const { maxAge = null, warnAge = null, maxLag = null, offlineMaxAge = null, clockSkew } = written
  return { maxAge, warnAge, maxLag, clockSkew, offlineMaxAge }
}

const history: Read<History> = (value, at) => {
  if (membersOf(value, at).get('mode') === 'complete') {
    return object<{ mode: 'complete' }>({ mode: literal('complete') })(value, at)
  }
  return object<{ mode: 'offered'; expires: number }>({ mode: literal('offered'), expires: date })(value, at)
}

const origin = matching((value) => keyNameFault(value) === null && utf8(value).length <= 255, 'the origin of a log')

function trustShape(hasher: Hasher): Read<Written> {
  const role: Read<RoleMembers> = object<RoleMembers>({ threshold, members: members(hasher) })
  return object<Required1, Optional1>(
    {
      format: literal(1),
      version: integer(1),
      product,
      channels: list(channel, { min: 1, max: MAX_CHANNELS }),
      tlogPolicy: text(MAX_POLICY_CHARACTERS),
      authority: role,
      publishers: role,
      rebuilders: object<Omit<WrittenRebuilders, 'platforms'>, { platforms: ReadonlyMap<string, number> }>(
        { threshold, members: members(hasher), onMismatch: literal('refuse', 'report') },
        { platforms: record(platform, threshold, 64) },
      ),
      freshness,
      history,
      heads: record(channel, object<ChannelHead>({ sequence: integer(1), id: digest }), MAX_CHANNELS),
    },
    {
      replaces: object<Replaces>({ origin, size: integer(), root: base64({ min: HASH_BYTES, max: HASH_BYTES }) }),
      mirrors: list(httpsUrl, { min: 1, max: 16 }),
      trustedRoot: opaque,
      unwitnessed: literal(true),
      forkable: literal(true),
    },
  )
}

/** Reads a trust file and holds it against every rule of docs/formats.md §2. Throws {@link TrustError}. */
export function parseTrust(hasher: Hasher, bytes: Uint8Array): Trust {
  try {
    if (bytes.length > MAX_BODY_BYTES) throw new ShapeError('', `above ${MAX_BODY_BYTES} bytes`)
    const value = parseJson('JSON', bytes)
    refuseOtherFormat(value)
    const { rebuilders, tlogPolicy, format: _, ...written } = trustShape(hasher)(value, '')
    const policy = parsePolicy(hasher, tlogPolicy)
    const { log, forkCost } = checkTrustPolicy(policy, written)
    const trust: Trust = {
      ...written,
      policy,
      log,
      origin: log.key.name,
      forkCost,
      rebuilders: { platforms: new Map(), ...rebuilders },
      replaces: written.replaces ?? null,
      mirrors: written.mirrors ?? [],
      trustedRoot: written.trustedRoot ?? null,
      unwitnessed: written.unwitnessed ?? false,
      forkable: written.forkable ?? false,
      bytes,
      sha256: toHex(hasher.sha256(bytes)),
      size: bytes.length,
    }
    for (const rule of rules) rule(trust, hasher)
    return trust
  } catch (error) {
    throw asTrustError(error)
  }
}

function asTrustError(error: unknown): unknown {
  if (error instanceof ShapeError) {
    return new TrustError(error.fault === 'unknown-type' ? 'unknown-format' : 'malformed', error.detail, {
      cause: error,
    })
  }
  if (error instanceof FormatError) return new TrustError('malformed', error.message, { cause: error })
  return error
}

/** Decided before anything else is read: nothing is known of the members of another format. */
function refuseOtherFormat(value: unknown): void {
  const format = integer(1)(membersOf(value, '').get('format'), 'format')
  if (format !== 1) throw new ShapeError('format', `${format} is not known to this version`, 'unknown-type')
}

/** What the shapes cannot say; each refuses by a ShapeError. */
const rules: readonly ((trust: Trust, hasher: Hasher) => void)[] = [
  checkChannels,
  checkMembers,
  checkThresholds,
  checkKeysApart,
  checkFreshness,
  checkIdentities,
  checkReplaces,
]

function checkChannels({ channels, heads, mirrors, replaces }: Trust): void {
  unique(channels, (name) => name, 'channels', 'the channel')
  unique(mirrors, (url) => url, 'mirrors', 'the mirror')
  const stray = [...heads.keys()].find((name) => !channels.includes(name))
  if (stray !== undefined) throw new ShapeError('heads', `${stray} is not one of the channels`)
  const missing = replaces === null ? undefined : channels.find((name) => !heads.has(name))
  if (missing !== undefined)
    throw new ShapeError('heads', `a file with "replaces" names every channel, and not ${missing}`)
}

/** Every id, key and identity stands once in the whole file. Operators may stand anywhere. */
function checkMembers(trust: Trust): void {
  const everyone = roles.flatMap((role) => trust[role].members)
  unique(everyone, ({ id }) => id, 'members', 'the id')
  unique(everyone, ({ credential }) => credentialName(credential), 'members', 'the key or identity')
  const spellings = new Map<string, string>()
  for (const { operator } of everyone) {
    const folded = operator.toLowerCase()
    const known = spellings.get(folded) ?? operator
    if (known !== operator) throw new ShapeError('members', `${known} and ${operator} would be two operators`)
    spellings.set(folded, operator)
  }
}

function credentialName(credential: Member['credential']): string {
  return credential.kind === 'key' ? credential.hint : `${credential.issuer} ${credential.san}`
}

function checkThresholds({ authority, publishers, rebuilders }: Trust): void {
  for (const [name, role] of Object.entries({ authority, publishers })) {
    if (role.threshold < 1) throw new ShapeError(`${name}.threshold`, 'below 1')
    demandOperators(`${name}.threshold`, role.threshold, role.members)
  }
  const publishing = new Set(publishers.members.map(({ operator }) => operator))
  const voters = rebuilders.members.filter(({ operator }) => !publishing.has(operator))
  demandOperators('rebuilders.threshold', rebuilders.threshold, voters)
  for (const [name, needed] of rebuilders.platforms) demandOperators(`rebuilders.platforms.${name}`, needed, voters)
}

function demandOperators(at: string, threshold: number, members: readonly Member[]): void {
  const operators = countOperators(members)
  if (threshold > operators)
    throw new ShapeError(at, `${threshold} of ${operators} operators that count can never be met`)
}

/** A key that signs trees must not also sign statements: one theft would be two. */
function checkKeysApart(trust: Trust): void {
  const treeKeys = [trust.log, ...trust.policy.witnesses].map(({ key }) => key.publicKey)
  for (const { id, credential } of roles.flatMap((role) => trust[role].members)) {
    if (credential.kind !== 'key') continue
    const { publicKey } = credential.key
    if (treeKeys.some((treeKey) => equalBytes(treeKey, publicKey))) {
      throw new ShapeError('members', `the key of ${id} is also the log's or a witness's`)
    }
  }
}

function checkFreshness({ freshness: { maxAge, warnAge, maxLag, offlineMaxAge }, policy }: Trust): void {
  if (policy.quorum === NO_QUORUM) {
    const given = [maxAge, warnAge, maxLag, offlineMaxAge].some((limit) => limit !== null)
    if (given) throw new ShapeError('freshness', 'with quorum none there is no time, and no limit but clockSkew')
  } else if (maxAge === null || warnAge === null || maxLag === null) {
    throw new ShapeError('freshness', 'maxAge, warnAge or maxLag is missing')
  }
}

function checkIdentities(trust: Trust): void {
  const listed = roles.some((role) => trust[role].members.some(({ credential }) => credential.kind === 'identity'))
  if (listed && trust.trustedRoot === null) throw new ShapeError('trustedRoot', 'missing, though an identity is listed')
  if (!listed && trust.trustedRoot !== null) throw new ShapeError('trustedRoot', 'given, though no identity is listed')
}

function checkReplaces({ replaces, origin: current, version }: Trust, hasher: Hasher): void {
  if (replaces === null) return
  if (version === 1) throw new ShapeError('replaces', 'version 1 has no log before it')
  if (replaces.origin === current) throw new ShapeError('replaces', 'the origin of the log itself')
  if (replaces.size === 0 && !equalBytes(replaces.root, emptyRoot(hasher))) {
    throw new ShapeError('replaces', 'not the root of the empty tree')
  }
}
