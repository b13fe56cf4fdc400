/** The first trust file of a product, and what both the first and later ones are made of. */
import type { Role } from '@samebits/core'

export interface NewMember {
  readonly role: Role
  readonly id: string
  /** Null: it counts for itself. */
  readonly operator: string | null
  readonly by: { readonly publicKey: string } | { readonly identity: { readonly issuer: string; readonly san: string } }
}

export interface FirstTrust {
  readonly product: string
  readonly channels: readonly string[]
  /** A whole C2SP tlog-policy. */
  readonly policy: string
  readonly members: readonly NewMember[]
  /** 1 for authority and publishers, 0 for rebuilders, where nothing is said. */
  readonly thresholds: ReadonlyMap<Role, number>
  readonly trustedRoot: object | null
}

/** Complete history, no heads yet; with witnesses limits of age besides, without them none can hold. Not checked here. */
export function firstTrust({ product, channels, policy, members, thresholds, trustedRoot }: FirstTrust): string {
  const role = (name: Role, threshold: number) => ({
    threshold: thresholds.get(name) ?? threshold,
    members: members.filter((member) => member.role === name).map(memberText),
  })
  const { freshness, ...permission } = witnessedBy(policy, {})
  const trust = {
    format: 1,
    version: 1,
    product,
    channels,
    tlogPolicy: policy,
    authority: role('authority', 1),
    publishers: role('publishers', 1),
    rebuilders: { ...role('rebuilders', 0), onMismatch: 'refuse' },
    freshness,
    history: { mode: 'complete' },
    heads: {},
    ...(trustedRoot === null ? {} : { trustedRoot }),
    ...permission,
  }
  return `${JSON.stringify(trust, null, 2)}\n`
}

export function memberText({ id, operator, by }: NewMember): { id: string; [field: string]: unknown } {
  return { id, ...(operator === null ? {} : { operator }), ...by }
}

/** Witnesses bring time, and with it limits of age: those there are, or these. */
export function witnessedBy(
  policy: string,
  { clockSkew = '5m', ...limits }: Readonly<Record<string, string>>,
): { freshness: Record<string, string>; unwitnessed?: true } {
  if (/^[ \t]*quorum[ \t]+none[ \t]*$/m.test(policy)) return { freshness: { clockSkew }, unwitnessed: true }
  return { freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', ...limits, clockSkew } }
}
