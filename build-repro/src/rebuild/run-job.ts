/** One job from where it stands to its vote, or to why there is none. May be interrupted anywhere and run again: it votes once. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { collectDependencies } from '../attest/collect-dependencies.ts'
import type { BuilderIdentity } from '../attest/provenance.ts'
import { type SignedAttestation, signAttestation } from '../attest/sign-attestation.ts'
import { lacksQuorum } from '../follow.ts'
import type { StatementKey } from '../keygen.ts'
import { asTrouble, Trouble } from '../trouble.ts'
import { dropOutputs, newAttempt } from './attempts.ts'
import { type BuiltJob, buildJob, type JobBuilder, sourceFolder } from './build-job.ts'
import { type Job, type LoggedOwnVote, ownVote, rebuilderOf } from './job.ts'
import { logVote } from './log-vote.ts'
import type { FollowedProduct } from './product.ts'
import type { VoteStore } from './vote-store.ts'

export interface Rebuilder extends JobBuilder {
  readonly key: StatementKey
  readonly identity: BuilderIdentity
  readonly votes: VoteStore
}

export interface JobVote extends LoggedOwnVote {
  /** Where the logs and, for a negative vote, the outputs are kept; null where the vote was made earlier. */
  readonly folder: string | null
}

/**
 * @param again vote though this key has voted: to take a vote back, or to say it once more
 * @throws Trouble where nothing was voted, and whose fault it is; the signal's reason where it was aborted
 */
export async function runJob(
  rebuilder: Rebuilder,
  product: FollowedProduct,
  job: Job,
  again: boolean,
  signal: AbortSignal,
): Promise<JobVote> {
  try {
    return (await votedBefore(rebuilder, product, job, again)) ?? (await buildAndVote(rebuilder, product, job, signal))
  } catch (error) {
    signal.throwIfAborted()
    throw asTrouble(error)
  }
}

/** A vote that was signed before and is logged now, or one that the log has already; null where there is none to go by. */
async function votedBefore(
  { votes, key }: Rebuilder,
  product: FollowedProduct,
  job: Job,
  again: boolean,
): Promise<JobVote | null> {
  const kept = await votes.list()
  const unfinished = kept.find(({ request, index }) => request.job === job.id && index === null)
  if (unfinished !== undefined) {
    const index = await logVote(product, votes, unfinished)
    return { index, ...unfinished.request, folder: null }
  }
  const { history, tree } = await product.now(lacksQuorum)
  const logged = ownVote(history, key.keyid, job)
  if (logged !== null && !again) return { ...logged, folder: null }
  checkListed(product, key, tree.size)
  return null
}

/** The log would not take the vote, and no client would count it: nothing is built for that. */
function checkListed({ trust }: FollowedProduct, { keyid }: StatementKey, index: number): void {
  if (rebuilderOf(trust, keyid, index) !== null) return
  throw new Trouble(
    'theirs',
    'NOT_A_REBUILDER',
    `the trust file of ${trust.product}, version ${trust.version}, lists no rebuilder with the key ${keyid}`,
  )
}

async function buildAndVote(
  rebuilder: Rebuilder,
  product: FollowedProduct,
  job: Job,
  signal: AbortSignal,
): Promise<JobVote> {
  const { votes, state } = rebuilder
  const attempt = await newAttempt(join(state, 'builds', job.id))
  try {
    const built = await buildJob(rebuilder, job, { into: attempt.folder, mirror: product.mirror }, signal)
    const signed = await attest(rebuilder, job, built, `${job.id}/${attempt.name}`, signal)
    signal.throwIfAborted()
    const { says, different } = built.verdict
    const about = { job: job.id, product: job.product, release: job.release.id, says, different }
    const request = { format: 1 as const, ...about }
    const index = await logVote(product, votes, await votes.keep({ ...signed, request }))
    if (says === 'positive') await dropOutputs(attempt)
    return { index, says, folder: attempt.folder, different }
  } finally {
    await rm(sourceFolder(attempt.folder), { recursive: true, force: true })
  }
}

async function attest(
  { engine, state, key, identity }: Rebuilder,
  { product, build: named, release }: Job,
  { build, recipe, source }: BuiltJob,
  invocationId: string,
  signal: AbortSignal,
): Promise<SignedAttestation> {
  const { recipeDigest } = named
  const inputs = { engine, scratch: join(state, 'scratch'), source: named.source, archive: source.path, recipeDigest }
  const dependencies = await collectDependencies(build, { ...inputs, recipe }, signal)
  // A recipe may make more. What belongs to another build of the release, under its name, is not for this vote to speak of.
  const outputs = build.outputs.filter(({ name }) => named.artifacts.includes(name))
  const about = { product, source: named.source, recipeDigest, release: release.id, builder: identity, invocationId }
  return signAttestation({ ...build, outputs }, { ...about, dependencies, log: await readFile(build.log.path) }, key)
}
