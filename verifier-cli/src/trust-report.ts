/** A trust file in words: whom it trusts, with what, and what a fork would cost. */
import { forkCostText, type Member, type RoleMembers, type Trust } from '@samebits/core'
import type { Section } from './report.ts'
import { ago, utc } from './screen.ts'

export function trustSections(trust: Trust): Section[] {
  return [
    { title: `${trust.product}, trust version ${trust.version}`, rows: basics(trust) },
    roleSection('authority (signs trust files; may revoke and waive)', trust.authority),
    roleSection('publishers (sign releases; may revoke)', trust.publishers),
    roleSection(`rebuilders (a mismatch: ${trust.rebuilders.onMismatch})`, trust.rebuilders),
    { title: 'freshness', rows: freshness(trust) },
  ]
}

function basics(trust: Trust): [string, string][] {
  const heads = [...trust.heads].map(([channel, { sequence, id }]): [string, string] => [
    `floor of ${channel}`,
    `sequence ${sequence}, ${id}`,
  ])
  return [
    ['SHA-256', trust.sha256],
    ['channels', trust.channels.join(', ')],
    ['log', `${trust.origin}${trust.log.url === undefined ? '' : ` at ${trust.log.url}`}`],
    [
      'witnesses',
      trust.unwitnessed
        ? 'none'
        : `${trust.policy.witnesses.map(({ name }) => name).join(', ')} (quorum: ${trust.policy.quorum})`,
    ],
    ['a fork costs', forkCostText(trust)],
    ['history', trust.history.mode === 'complete' ? 'complete' : `offered only, until ${utc(trust.history.expires)}`],
    ...heads,
    ...(trust.replaces === null
      ? []
      : [['replaces', `${trust.replaces.origin} at size ${trust.replaces.size}`] as [string, string]]),
    ...(trust.mirrors.length === 0 ? [] : [['mirrors', trust.mirrors.join(', ')] as [string, string]]),
  ]
}

function roleSection(title: string, { threshold, members }: RoleMembers): Section {
  return {
    title: `${title}: ${threshold} of ${new Set(members.map(({ operator }) => operator)).size}`,
    rows: members.map((member) => [member.id, memberText(member)]),
  }
}

function memberText({ id, operator, credential, from, until }: Member): string {
  const who = operator === id ? '' : `of ${operator}, `
  const what =
    credential.kind === 'key'
      ? `${credential.key.algorithm} key ${credential.hint}`
      : `${credential.san} by ${credential.issuer}`
  const reach = `${from === 0 ? '' : `, from entry ${from}`}${until === null ? '' : `, until entry ${until}`}`
  return `${who}${what}${reach}`
}

function freshness({ freshness: limits }: Trust): [string, string][] {
  const rows: [string, number | null][] = [
    ['oldest view', limits.maxAge],
    ['notice from', limits.warnAge],
    ['withheld at most', limits.maxLag],
    ['clock skew', limits.clockSkew],
    ['oldest view offline', limits.offlineMaxAge],
  ]
  return rows.map(([label, seconds]) => [label, seconds === null ? 'no limit is set' : ago(seconds)])
}
