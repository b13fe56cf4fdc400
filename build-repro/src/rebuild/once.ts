/** One release rebuilt on request, every build that it names. */
import { exitCodes, ProgramError } from '@samebits/host'
import { lacksQuorum } from '../follow.ts'
import type { ProductView } from '../product-view.ts'
import { Trouble } from '../trouble.ts'
import { type Job, jobsOf } from './job.ts'
import type { FollowedProduct } from './product.ts'
import { type JobVote, type Rebuilder, runJob } from './run-job.ts'

export interface OnceRequest {
  /** An id, or a version that one release alone has. */
  readonly wanted: string
  /** Vote though this key has voted. */
  readonly again: boolean
}

export interface OnceResult {
  readonly product: string
  readonly release: string
  readonly votes: readonly (JobVote & { readonly job: string })[]
}

/**
 * @throws ProgramError NOT_FOUND, AMBIGUOUS, NO_BUILD (exit 10), and the code of what kept a build from its end: exit 20 where it
 * was this machine's or the network's, 10 where the release cannot be built from what it says
 */
export async function rebuildOnce(
  rebuilder: Rebuilder,
  products: readonly FollowedProduct[],
  { wanted, again }: OnceRequest,
  signal: AbortSignal,
): Promise<OnceResult> {
  const found: { product: FollowedProduct; jobs: readonly Job[]; release: string }[] = []
  for (const product of products) {
    const { view } = await product.now(lacksQuorum)
    for (const release of releasesOf(view, wanted))
      found.push({ product, release, jobs: jobsOf(view).filter((job) => job.release.id === release) })
  }
  const [one, ...others] = found
  if (one === undefined) throw notFound(products, wanted)
  if (others.length > 0)
    throw ambiguous(
      wanted,
      found.map(({ release }) => release),
    )
  if (one.jobs.length === 0) throw noBuild(one.release)
  const votes: (JobVote & { job: string })[] = []
  for (const job of one.jobs) {
    const vote = await runJob(rebuilder, one.product, job, again, signal).catch((error: unknown) => {
      throw error instanceof Trouble ? asFailure(error) : error
    })
    votes.push({ ...vote, job: job.id })
  }
  return { product: one.product.name, release: one.release, votes }
}

function releasesOf({ releases }: ProductView, wanted: string): readonly string[] {
  return releases
    .filter(({ id, statement, metAt }) => id === wanted || (metAt !== null && statement.version === wanted))
    .map(({ id }) => id)
}

function asFailure({ whose, code, detail, cause }: Trouble): ProgramError {
  if (cause instanceof ProgramError && cause.exitCode === 11) return cause
  const remedy =
    whose === 'ours'
      ? 'Nothing was voted. Run it again when that is mended.'
      : 'Nothing was voted. The release cannot be rebuilt here from what it says: tell its publisher, or bring what is missing.'
  return new ProgramError({ code, detail, remedy, exitCode: whose === 'ours' ? 20 : 10, cause })
}

function notFound(products: readonly FollowedProduct[], wanted: string): ProgramError {
  return new ProgramError({
    code: 'NOT_FOUND',
    detail: `no release ${wanted} of ${products.map(({ name }) => name).join(', ')} is in the log`,
    remedy: 'Name the id that publish printed, or a version.',
    exitCode: 10,
  })
}

function ambiguous(wanted: string, ids: readonly string[]): ProgramError {
  return new ProgramError({
    code: 'AMBIGUOUS',
    detail: `${ids.length} releases are ${wanted}: ${ids.join(', ')}`,
    remedy: 'Name one by its id.',
    exitCode: exitCodes.usage,
  })
}

function noBuild(release: string): ProgramError {
  return new ProgramError({
    code: 'NO_BUILD',
    detail: `release ${release} does not say how it is built, is not met, or is revoked`,
    remedy: 'Releases are rebuilt that samebits-build publish --build made.',
    exitCode: 10,
  })
}
