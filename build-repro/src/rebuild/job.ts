/**
 * What there is to rebuild: one job for each build that a met, unrevoked release names. Decided from the log's entries alone; no
 * I/O.
 */
import { type Build, type Member, type ReleaseStatement, type Trust, validAt } from '@samebits/core'
import type { History } from '../history.ts'
import type { LoggedRelease, ProductView } from '../product-view.ts'

export interface Job {
  /** `<release id>-<n>`: the n-th build that the release names. Also a file name. */
  readonly id: string
  readonly product: string
  readonly release: LoggedRelease
  readonly build: Build
}

/** The jobs of a product, the newest release first. */
export function jobsOf({ releases, revocations }: ProductView): readonly Job[] {
  const revoked = new Set(revocations.filter(({ metAt }) => metAt !== null).flatMap(({ statement }) => statement.ids))
  return releases
    .filter(({ id, metAt }) => metAt !== null && !revoked.has(id))
    .sort((a, b) => (b.metAt ?? 0) - (a.metAt ?? 0))
    .flatMap((release) =>
      release.statement.builds.map((build, at) => {
        return { id: `${release.id}-${at}`, product: release.statement.product, release, build }
      }),
    )
}

export interface LoggedOwnVote {
  readonly index: number
  readonly says: 'positive' | 'negative'
  /** Artifacts of the release that came out with other bytes. */
  readonly different: readonly string[]
}

/** The newest vote about a job that this key has logged; null where it has logged none. */
export function ownVote({ entries }: Pick<History, 'entries'>, keyid: string, job: Job): LoggedOwnVote | null {
  let newest: LoggedOwnVote | null = null
  for (const { index, entry } of entries) {
    const { statement, signer } = entry
    if (statement.kind !== 'rebuild' || signer.kind !== 'key' || signer.hint !== keyid) continue
    if (statement.release !== job.release.id) continue
    const { build } = job
    const same =
      statement.source.sha256 === build.source.sha256 &&
      statement.recipeDigest === build.recipeDigest &&
      statement.imageDigest === build.imageDigest
    if (!same) continue
    const { says, different } = verdictOn(job, statement.subjects)
    newest = { index, says, different }
  }
  return newest
}

export interface Verdict extends Omit<LoggedOwnVote, 'index'> {
  /** Artifacts of the release that did not come out. */
  readonly missing: readonly string[]
}

/** What these outputs say about the artifacts of the job. */
export function verdictOn(job: Job, outputs: readonly { readonly name: string; readonly sha256: string }[]): Verdict {
  const made = new Map(outputs.map(({ name, sha256 }) => [name, sha256]))
  const wanted = artifactsOf(job.release.statement, job.build)
  const missing = wanted.filter(({ name }) => !made.has(name)).map(({ name }) => name)
  const different = wanted
    .filter(({ name, sha256 }) => made.has(name) && made.get(name) !== sha256)
    .map(({ name }) => name)
  return { says: different.length === 0 ? 'positive' : 'negative', different, missing }
}

function artifactsOf({ artifacts }: ReleaseStatement, build: Build) {
  return artifacts.filter(({ name }) => build.artifacts.includes(name))
}

/** The rebuilder that signs with this key, as the trust file lists it for an entry at `index`; null where it does not. */
export function rebuilderOf({ rebuilders }: Trust, keyid: string, index: number): Member | null {
  const found = rebuilders.members.find(({ credential }) => credential.kind === 'key' && credential.hint === keyid)
  return found !== undefined && validAt(found, index) ? found : null
}
