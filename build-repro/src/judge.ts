/**
 * Whether clients would take a release: by what the log's entries say (docs/decision.md steps 16-20 and 22), and by the very
 * bytes of the bundle that is handed out. The feed moves on no other word.
 */
import { passes, type Trust, verifyOffline } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { Now } from './follow.ts'
import type { LoggedRelease } from './product-view.ts'
import { identities } from './signers.ts'

/** Why clients would refuse this release now, as `CODE: detail`; null where they would not. */
export function hindrance(trust: Trust, { history, tree }: Now, { id }: LoggedRelease): string | null {
  const leaves = history.entries.map(({ index, entry }) => ({ index, leaf: entry.leaf }))
  const refusal = passes({
    crypto: nodeCrypto,
    identities,
    trust,
    leaves,
    historyTo: tree.size,
    id,
    platforms: null,
  })
  return refusal === null ? null : `${refusal.code}: ${refusal.detail}`
}

/** The newest release of a channel that passes; null where none does. */
export function newestPassing(trust: Trust, now: Now, channel: string): LoggedRelease | null {
  const newestFirst = now.view.releases
    .filter(({ statement }) => statement.channel === channel)
    .sort((a, b) => b.statement.sequence - a.statement.sequence)
  return newestFirst.find((release) => hindrance(trust, now, release) === null) ?? null
}

/** Any platform at all, for artifacts that fit every one. */
const somePlatform = 'linux-x64'

/**
 * Hands a bundle to the verification that clients run, offline and with nothing but the trust file: once for every artifact that
 * can be asked for. Null: all are accepted. (Without an anchor there is no floor: after a revocation the feed may step back for
 * those who come new, and those who were ahead say DOWNGRADE and stay.)
 */
export function refusedOffline(
  trust: Trust,
  { statement }: LoggedRelease,
  handout: { readonly bundle: Uint8Array; readonly now: number },
): string | null {
  for (const { name, platform, size, sha256, partOf } of statement.artifacts) {
    if (partOf !== undefined) continue
    const result = verifyOffline({
      crypto: nodeCrypto,
      identities,
      now: handout.now,
      want: {
        channel: statement.channel,
        platform: platform === 'any' ? somePlatform : platform,
        artifact: name,
        mediaType: null,
        maxAge: null,
      },
      trust: trust.bytes,
      anchor: null,
      bundle: handout.bundle,
      file: { size, sha256 },
    })
    if (result.kind === 'stopped') return `${result.refusal.code ?? 'USAGE'}: ${result.refusal.detail}`
  }
  return null
}
