/**
 * Whether a release passes its own trust file, as far as the log's entries say: the same questions that a client with complete
 * history asks (docs/decision.md steps 17-20 and 22).
 */
import { operatorsOf, type Trust, tally, votedArtifact } from '@samebits/core'
import type { LoggedRelease, ProductView } from './product-view.ts'

/** Why clients would refuse this release now; null where they would not. */
export function hindrance(trust: Trust, view: ProductView, release: LoggedRelease): string | null {
  return (
    unmet(trust, release) ??
    offChain(view, release) ??
    rivalled(view, release) ??
    revoked(view, release) ??
    unbuilt(trust, view, release)
  )
}

/** The newest release of a channel that passes; null where none does. */
export function newestPassing(trust: Trust, view: ProductView, channel: string): LoggedRelease | null {
  const bySequence = view.releases
    .filter(({ statement }) => statement.channel === channel)
    .sort((a, b) => b.statement.sequence - a.statement.sequence)
  return bySequence.find((release) => hindrance(trust, view, release) === null) ?? null
}

function unmet(trust: Trust, { metAt, signatures }: LoggedRelease): string | null {
  if (metAt !== null) return null
  const signed = operatorsOf(trust, 'publishers', signatures).size
  return `${signed} of ${trust.publishers.threshold} publishers have signed it`
}

/** A met release whose `previous` is no part of the chain that ends in the head. */
function offChain(view: ProductView, { id, statement }: LoggedRelease): string | null {
  const head = view.heads.get(statement.channel)
  for (let at = head?.id ?? null; at !== null; ) {
    if (at === id) return null
    at = view.releases.find((release) => release.id === at)?.statement.previous ?? null
  }
  return 'it does not continue the chain of its channel'
}

function rivalled(view: ProductView, { id, statement }: LoggedRelease): string | null {
  const rival = view.releases.find(
    (other) =>
      other.metAt !== null &&
      other.id !== id &&
      other.statement.channel === statement.channel &&
      other.statement.sequence === statement.sequence,
  )
  return rival === undefined ? null : `release ${rival.id} was met with the same sequence`
}

/** A revocation that was met before the release's first entry does not count: it cannot have meant it. */
function revoked(view: ProductView, { id, entries }: LoggedRelease): string | null {
  const first = Math.min(...entries.map(({ index }) => index))
  const standing = view.revocations.some(
    ({ metAt, statement }) => metAt !== null && metAt > first && statement.ids.includes(id),
  )
  return standing ? 'it is revoked' : null
}

function unbuilt(trust: Trust, view: ProductView, { id, statement }: LoggedRelease): string | null {
  const waived = view.waivers.some(({ metAt, statement: waiver }) => metAt !== null && waiver.id === id)
  const votes = view.votes.map(({ vote }) => vote)
  for (const artifact of statement.artifacts) {
    const { enough, needed, negative, positive, refused } = tally(trust, votedArtifact(id, statement, artifact), votes)
    if (refused) return `${negative.join(', ')} rebuilt ${artifact.name} and got other bytes`
    if (!enough && !waived) return `${artifact.name} waits for rebuilders: ${positive.length} of ${needed}`
  }
  return null
}
