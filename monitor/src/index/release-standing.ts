/** How a release stands: its artifacts with their votes, waived, revoked. Worked out from the state whenever it is asked for. */
import { type Artifact, type ReleaseStatement, type Tally, tally, type Vote, votedArtifact } from '@samebits/core'
import type { MonitorReader, StatementRecord } from '../state/monitor-store.ts'
import { entryAt, statementOf } from './logged-entries.ts'
import type { TrustBook } from './trust-book.ts'

export interface ReleaseStanding {
  readonly statement: ReleaseStatement
  readonly artifacts: readonly { readonly artifact: Artifact; readonly tally: Tally }[]
  /** Id of a met waiver, and of a met revocation, that names it. */
  readonly waived: string | null
  readonly revoked: string | null
}

/** Null where its leaf is not kept: the product is not watched. */
export function releaseStanding(
  reader: MonitorReader,
  book: TrustBook,
  release: StatementRecord,
): ReleaseStanding | null {
  const statement = statementOf(reader, release)
  if (statement?.kind !== 'release') return null
  const naming = reader.naming(release.origin, release.id)
  const met = (kind: StatementRecord['kind']) =>
    naming.find((other) => other.kind === kind && other.metAt !== null)?.id ?? null
  const votes = votesAbout(reader, book, release, statement)
  return {
    statement,
    artifacts: statement.artifacts.map((artifact) => ({
      artifact,
      tally: tally(book.trust, votedArtifact(release.id, statement, artifact), votes),
    })),
    waived: met('waiver'),
    revoked: met('revocation'),
  }
}

/** All votes that bear on a release: those that name it, and those for the same bytes. */
function votesAbout(
  reader: MonitorReader,
  book: TrustBook,
  { origin, id }: StatementRecord,
  { artifacts }: ReleaseStatement,
): Vote[] {
  const named = [id, ...artifacts.map(({ sha256 }) => sha256)].flatMap((name) => reader.naming(origin, name))
  const rebuilds = new Set(named.flatMap((one) => (one.kind === 'rebuild' ? [one.id] : [])))
  return [...rebuilds].flatMap((rebuild) =>
    reader.entries(origin, rebuild).flatMap((record) => {
      const entry = entryAt(reader, origin, record)
      return entry === null ? [] : book.votes(entry, record)
    }),
  )
}
