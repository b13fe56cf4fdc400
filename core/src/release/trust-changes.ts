/**
 * What one version of a trust file changes in the version before it, in words: what a person must have read who signs it
 * (`samebits-build trust sign`) or believes it (`samebits trust import`). Everything that a trust file says is compared; what
 * makes it easier to deceive a client is marked.
 */
import { toBase64 } from '../bytes.ts'
import { formatVkey } from '../log/vkey.ts'
import type { Member } from './members.ts'
import type { Freshness, History, Role, RoleMembers, Trust } from './trust.ts'
import { roles } from './trust.ts'

export interface TrustChange {
  readonly text: string
  /** Clients believe more, or for longer, than they did. */
  readonly weakens: boolean
}

/** Every change from `old` to `next`, in the order of the trust file's members. */
export function trustChanges(old: Trust, next: Trust): TrustChange[] {
  return [
    ...channelChanges(old, next),
    ...logChanges(old, next),
    ...witnessChanges(old, next),
    ...roles.flatMap((role) => roleChanges(role, old[role], next[role])),
    ...rebuilderChanges(old, next),
    ...freshnessChanges(old.freshness, next.freshness),
    ...historyChanges(old.history, next.history),
    ...headChanges(old, next),
    ...permissionChanges(old, next),
  ]
}

/** What it takes to show two clients two histories unnoticed (docs/design.md §2), in words. */
export function forkCostText({ forkCost, policy }: Pick<Trust, 'forkCost' | 'policy'>): string {
  if (policy.quorum === 'none') return "the log's key alone: nobody witnesses it"
  if (forkCost === 0) return "the log's key alone: two halves of the witnesses suffice"
  return `the log's key and ${forkCost} ${forkCost === 1 ? 'witness that signs' : 'witnesses that sign'} twice`
}

const change = (text: string, weakens = false): TrustChange => ({ text, weakens })

function channelChanges({ channels: before }: Trust, { channels: after }: Trust): TrustChange[] {
  return [
    ...after.filter((name) => !before.includes(name)).map((name) => change(`channel ${name} is added`)),
    ...before.filter((name) => !after.includes(name)).map((name) => change(`channel ${name} is removed`)),
  ]
}

function logChanges(old: Trust, next: Trust): TrustChange[] {
  const changes: TrustChange[] = []
  if (old.origin !== next.origin) {
    const from =
      next.replaces === null ? 'with no tree to continue from' : `continuing it at size ${next.replaces.size}`
    changes.push(change(`the log ${next.origin} takes the place of ${old.origin}, ${from}`, next.replaces === null))
  } else if (formatVkey(old.log.key) !== formatVkey(next.log.key)) {
    changes.push(change(`the key of the log ${next.origin} is another one: ${formatVkey(next.log.key)}`, true))
  }
  if (old.origin === next.origin && replacesText(old) !== replacesText(next))
    changes.push(change(`what the log replaces is ${replacesText(next)}; it was ${replacesText(old)}`, true))
  if (old.log.url !== next.log.url) changes.push(change(`the log is asked at ${next.log.url ?? 'no URL'}`))
  const [before, after] = [old.mirrors.join(', ') || 'none', next.mirrors.join(', ') || 'none']
  if (before !== after) changes.push(change(`mirrors: ${before} -> ${after}`))
  return changes
}

function replacesText({ replaces }: Trust): string {
  return replaces === null ? 'nothing' : `${replaces.origin} at size ${replaces.size}, root ${toBase64(replaces.root)}`
}

function witnessChanges(old: Trust, next: Trust): TrustChange[] {
  const names = ({ policy }: Trust) => policy.witnesses.map(({ key }) => formatVkey(key))
  const [before, after] = [names(old), names(next)]
  const rule = ({ policy }: Trust) =>
    JSON.stringify([policy.witnesses.map(({ name, key }) => [name, formatVkey(key)]), policy.groups, policy.quorum])
  const changes = [
    ...after.filter((vkey) => !before.includes(vkey)).map((vkey) => change(`witness ${vkey} is added`)),
    ...before.filter((vkey) => !after.includes(vkey)).map((vkey) => change(`witness ${vkey} is removed`)),
  ]
  if (rule(old) !== rule(next)) changes.push(change(`the quorum is ${quorumText(next)}; it was ${quorumText(old)}`))
  const [was, is] = [forkCostText(old), forkCostText(next)]
  if (was !== is) changes.push(change(`a fork costs ${is}; it cost ${was}`, next.forkCost < old.forkCost))
  return changes
}

/** As `two: 2 of w1, w2, w3`. */
function quorumText({ policy }: Trust): string {
  const group = policy.groups.find(({ name }) => name === policy.quorum)
  return group === undefined ? policy.quorum : `${group.name}: ${group.threshold} of ${group.members.join(', ')}`
}

function roleChanges(role: Role, old: RoleMembers, next: RoleMembers): TrustChange[] {
  const changes: TrustChange[] = []
  if (old.threshold !== next.threshold)
    changes.push(change(`${role}: ${next.threshold} must agree, not ${old.threshold}`, next.threshold < old.threshold))
  const before = new Map(old.members.map((member) => [member.id, member]))
  const after = new Map(next.members.map((member) => [member.id, member]))
  for (const member of next.members) {
    const was = before.get(member.id)
    if (was === undefined) changes.push(change(`${role}: ${member.id} is added, ${memberText(member)}`))
    else changes.push(...memberChanges(role, was, member))
  }
  for (const member of old.members)
    if (!after.has(member.id))
      changes.push(change(`${role}: ${member.id} is removed, and nothing that it ever signed counts any more`))
  return changes
}

function memberChanges(role: Role, old: Member, next: Member): TrustChange[] {
  const who = `${role}: ${next.id}`
  const changes: TrustChange[] = []
  const [was, is] = [credentialText(old), credentialText(next)]
  if (was !== is) changes.push(change(`${who} is the ${is}; it was the ${was}`))
  if (old.operator !== next.operator) changes.push(change(`${who} counts for ${next.operator}, not ${old.operator}`))
  if (old.from !== next.from)
    changes.push(change(`${who} counts from entry ${next.from}, not ${old.from}`, next.from < old.from))
  if (old.until !== next.until) {
    const until = next.until === null ? 'without an end' : `until entry ${next.until}, and not from there on`
    changes.push(change(`${who} counts ${until}`, (next.until ?? Infinity) > (old.until ?? Infinity)))
  }
  return changes
}

function memberText(member: Member): string {
  const from = member.from === 0 ? '' : `, from entry ${member.from}`
  const until = member.until === null ? '' : `, until entry ${member.until}`
  const operator = member.operator === member.id ? '' : ` of ${member.operator}`
  return `the ${credentialText(member)}${operator}${from}${until}`
}

function credentialText({ credential }: Member): string {
  return credential.kind === 'key'
    ? `${credential.key.algorithm} key ${credential.hint}`
    : `identity ${credential.san} by ${credential.issuer}`
}

function rebuilderChanges({ rebuilders: old }: Trust, { rebuilders: next }: Trust): TrustChange[] {
  const changes: TrustChange[] = []
  if (old.onMismatch !== next.onMismatch)
    changes.push(
      change(`a negative vote is ${next.onMismatch === 'refuse' ? 'refused' : 'told'}`, next.onMismatch === 'report'),
    )
  for (const platform of new Set([...old.platforms.keys(), ...next.platforms.keys()])) {
    const was = old.platforms.get(platform) ?? old.threshold
    const is = next.platforms.get(platform) ?? next.threshold
    if (was !== is) changes.push(change(`rebuilders: ${is} must agree on ${platform}, not ${was}`, is < was))
  }
  return changes
}

const limitNames: Readonly<Record<keyof Freshness, string>> = {
  maxAge: 'the oldest view',
  warnAge: 'the age of a notice',
  maxLag: 'how long a release may be withheld',
  clockSkew: 'the clock skew',
  offlineMaxAge: 'the oldest view offline',
}

function freshnessChanges(old: Freshness, next: Freshness): TrustChange[] {
  const names = Object.keys(limitNames) as (keyof Freshness)[]
  return names.flatMap((name) => {
    const [was, is] = [old[name], next[name]]
    if (was === is) return []
    // Without an offline limit nobody may be offline; without any other limit there is none.
    const none = name === 'offlineMaxAge' ? -1 : Number.POSITIVE_INFINITY
    const text = `${limitNames[name]} is ${durationText(is)}; it was ${durationText(was)}`
    return [change(text, (is ?? none) > (was ?? none))]
  })
}

function durationText(seconds: number | null): string {
  if (seconds === null) return 'not set'
  for (const [unit, length] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const)
    if (seconds % length === 0) return `${seconds / length}${unit}`
  return `${seconds}s`
}

function historyChanges(old: History, next: History): TrustChange[] {
  const text = (history: History) =>
    history.mode === 'complete'
      ? 'complete'
      : `offered only, until ${new Date(history.expires * 1000).toISOString().slice(0, 10)}`
  const [was, is] = [text(old), text(next)]
  return was === is ? [] : [change(`history is ${is}; it was ${was}`, next.mode === 'offered')]
}

function headChanges({ heads: old }: Trust, { heads: next }: Trust): TrustChange[] {
  const changes: TrustChange[] = []
  for (const [channel, { sequence, id }] of next) {
    const was = old.get(channel)
    if (was?.sequence === sequence && was.id === id) continue
    const text = `${channel} has its head at sequence ${sequence}, ${id}: clients take nothing below it`
    changes.push(change(text, was !== undefined && sequence < was.sequence))
  }
  for (const channel of old.keys())
    if (!next.has(channel)) changes.push(change(`${channel} has no head in the file any more`, true))
  return changes
}

function permissionChanges(old: Trust, next: Trust): TrustChange[] {
  const changes: TrustChange[] = []
  if (next.unwitnessed && !old.unwitnessed) changes.push(change('no witnesses are asked for (unwitnessed)', true))
  if (next.forkable && !old.forkable) changes.push(change('a quorum that can be split is allowed (forkable)', true))
  if (JSON.stringify(old.trustedRoot) !== JSON.stringify(next.trustedRoot))
    changes.push(change('the authorities of identities (trustedRoot) are others'))
  return changes
}
