/** A trust file as the JSON of `trust show --json`: what was read, with digests in place of keys. */
import type { Member, RoleMembers, Trust } from '@samebits/core'

export function trustJson(trust: Trust): object {
  return {
    product: trust.product,
    version: trust.version,
    sha256: trust.sha256,
    channels: trust.channels,
    log: { origin: trust.origin, url: trust.log.url ?? null },
    witnesses: trust.policy.witnesses.map(({ name, key }) => ({ name, keyName: key.name })),
    quorum: trust.policy.quorum,
    forkCost: trust.forkCost,
    authority: roleJson(trust.authority),
    publishers: roleJson(trust.publishers),
    rebuilders: {
      ...roleJson(trust.rebuilders),
      platforms: Object.fromEntries(trust.rebuilders.platforms),
      onMismatch: trust.rebuilders.onMismatch,
    },
    freshness: trust.freshness,
    history: trust.history,
    heads: Object.fromEntries(trust.heads),
    replaces: trust.replaces === null ? null : { origin: trust.replaces.origin, size: trust.replaces.size },
    mirrors: trust.mirrors,
  }
}

function roleJson({ threshold, members }: RoleMembers): { threshold: number; members: object[] } {
  return { threshold, members: members.map(memberJson) }
}

function memberJson({ id, operator, credential, from, until }: Member): object {
  const who =
    credential.kind === 'key'
      ? { algorithm: credential.key.algorithm, keySha256: credential.hint }
      : { issuer: credential.issuer, san: credential.san }
  return { id, operator, ...who, from, until }
}
