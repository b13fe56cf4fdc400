/** Which trust file rules, and what changes with it (docs/decision.md step 3). */

import { fromUtf8, toHex, utf8 } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import type { Member } from '../release/members.ts'
import { parseTrust, roles, type Trust, TrustError } from '../release/trust.ts'
import { attempt } from './attempt.ts'
import { credentialName, nothingKnown, type Rule, revocationMetAt } from './known.ts'
import { type Refusal, refuse } from './refusal.ts'
import { type LogState, MAX_PAST_LOGS, STATE_MEDIA_TYPE, type State, type StoredTrust, type TrustVia } from './state.ts'

/** The state of a first contact, with a shipped trust file. */
export function firstState(trust: Trust): State {
  return {
    mediaType: STATE_MEDIA_TYPE,
    product: trust.product,
    generation: 0,
    trust: storedTrust(trust, 'shipped'),
    time: 0,
    log: newLog(trust.origin),
    past: [],
    known: nothingKnown,
    floors: new Map(),
    previous: null,
    staged: null,
    held: [],
    checkedAt: null,
  }
}

function storedTrust(trust: Trust, via: TrustVia): StoredTrust {
  return { version: trust.version, sha256: trust.sha256, body: fromUtf8(trust.bytes), via, endsAt: null }
}

function newLog(origin: string): LogState {
  return { origin, tree: null, q: null, read: { from: 0, to: 0 }, convicted: null }
}

export type Ruling =
  | { readonly kind: 'ruling'; readonly rule: Rule; readonly state: State }
  | { readonly kind: 'stopped'; readonly refusal: Refusal }

/** docs/decision.md step 3: the higher version of the shipped and the stored. `shipped` null: the stored one alone. */
export function trustInForce(hasher: Hasher, shipped: Trust | null, state: State): Ruling {
  if (shipped !== null && isStored(shipped, state)) return ruling(shipped, state)
  const stored = readStored(hasher, state)
  if (stored === null)
    return { kind: 'stopped', refusal: refuse('STATE_INVALID', '2', 'the stored trust file is refused') }
  if (shipped === null || shipped.version < stored.version) return ruling(stored, state)
  if (shipped.version === stored.version) {
    const detail = `two trust files of version ${stored.version}: ${shipped.sha256} shipped, ${stored.sha256} stored`
    return { kind: 'stopped', refusal: refuse('TRUST_INVALID', '3', detail) }
  }
  return ruling(shipped, adoptTrust(state, stored, shipped, 'shipped'))
}

function ruling(trust: Trust, state: State): Ruling {
  return { kind: 'ruling', rule: { trust, endsAt: state.trust.endsAt }, state }
}

/** Whether the shipped file is the stored one, byte for byte: then it need not be read a second time. */
function isStored({ bytes, product, version }: Trust, { trust, product: ours }: State): boolean {
  return fromUtf8(bytes) === trust.body && version === trust.version && product === ours
}

/** The stored trust file, or null where this program refuses what an earlier one accepted. */
function readStored(hasher: Hasher, state: State): Trust | null {
  const trust = attempt(
    [TrustError],
    () => parseTrust(hasher, utf8(state.trust.body)),
    () => null,
  )
  return trust?.product === state.product && trust.version === state.trust.version ? trust : null
}

/**
 * The state under another trust version. What is known is kept by credential, so it needs no other judgement than to be
 * asked again; history is read again where the new version names keys, or reaches of keys, that the old one did not.
 * Where it names another log, the old one becomes past: met revocations (kept as met) and floors stay, the rest goes.
 */
export function adoptTrust(state: State, old: Trust, next: Trust, via: TrustVia): State {
  const trust = storedTrust(next, via)
  if (next.origin !== old.origin)
    return { ...moveLog(state, { trust: old, endsAt: state.trust.endsAt }, next.origin), trust }
  if (!namesOthers(old, next)) return { ...state, trust }
  return { ...readAgain(state), trust }
}

/** The state with history to be read again, from where it began. */
export function readAgain(state: State): State {
  const { read } = state.log
  const log = { ...state.log, read: { ...read, to: read.from } }
  return { ...state, log, known: { ...state.known, ignored: 0 } }
}

function moveLog(state: State, old: Rule, origin: string): State {
  const { read: _, ...left } = state.log
  const back = state.past.find((log) => log.origin === origin)
  const past = [...state.past.filter((log) => log !== back), left].slice(-MAX_PAST_LOGS)
  const kept = state.known.statements
    .filter((statement) => statement.kind === 'revocation' && revocationMetAt(old, statement) !== null)
    .map((statement) => ({ ...statement, entries: [], kept: true as const }))
  return {
    ...state,
    log: { ...newLog(origin), ...back },
    past,
    known: { ...nothingKnown, statements: kept },
    staged: null,
  }
}

/** Whether `next` names a key, an identity, a reach of one, or a threshold, that `old` did not. */
function namesOthers(old: Trust, next: Trust): boolean {
  const names = (trust: Trust): Set<string> =>
    new Set(
      roles.flatMap((role) => [
        JSON.stringify([role, trust[role].threshold]),
        ...trust[role].members.map((member) => JSON.stringify([role, ...reachOf(member)])),
      ]),
    )
  const before = names(old)
  return [...names(next)].some((name) => !before.has(name))
}

function reachOf(member: Member): (string | number | null)[] {
  return [credentialName(member), member.operator, member.from, member.until]
}

export type Imported =
  | { readonly kind: 'imported'; readonly state: State }
  | { readonly kind: 'stopped'; readonly refusal: Refusal }

/**
 * `samebits trust import --digest`: a person names the digest of a trust file that no log brought, because the old witnesses or
 * the old log are lost. It must be newer than the one in force.
 */
export function importTrust(hasher: Hasher, state: State, bytes: Uint8Array, digest: string): Imported {
  const refused = (detail: string): Imported => ({ kind: 'stopped', refusal: refuse('TRUST_INVALID', '3', detail) })
  if (toHex(hasher.sha256(bytes)) !== digest) return refused('the file has another digest than the one given')
  const next = attempt(
    [TrustError],
    () => parseTrust(hasher, bytes),
    ({ detail }) => detail,
  )
  if (typeof next === 'string') return refused(next)
  const current = readStored(hasher, state)
  if (current === null)
    return { kind: 'stopped', refusal: refuse('STATE_INVALID', '2', 'the stored trust file is refused') }
  if (next.product !== state.product) return refused(`the file is of ${next.product}`)
  if (next.version <= current.version) return refused(`version ${next.version} is not newer than ${current.version}`)
  return { kind: 'imported', state: adoptTrust(state, current, next, 'shipped') }
}
