/**
 * The publisher's provenance of a build of its own: signed, put beside each artifact, and logged where its key is one that the log
 * takes rebuilds from. It is never a vote: those of the publishers' operators do not count (docs/formats.md §1).
 */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ProgramError, writeFileDurably } from '@samebits/host'
import type { ContainerEngine } from '../engines/engine.ts'
import { lacksQuorum } from '../follow.ts'
import type { StatementKey } from '../keygen.ts'
import type { OwnBuild } from '../own-build.ts'
import { type Job, jobsOf, ownVote, rebuilderOf, verdictOn } from '../rebuild/job.ts'
import { logVote } from '../rebuild/log-vote.ts'
import { type KeptVote, voteStore } from '../rebuild/vote-store.ts'
import type { Session } from '../session.ts'
import { collectDependencies } from './collect-dependencies.ts'
import type { BuilderIdentity } from './provenance.ts'
import { signAttestation } from './sign-attestation.ts'

export interface AttestRequest {
  readonly own: OwnBuild
  readonly engine: ContainerEngine
  readonly identity: BuilderIdentity
  /** Log it, where the log takes it from this key. */
  readonly log: boolean
}

export interface AttestResult {
  /** Of the statement. */
  readonly id: string
  /** Of the release that it is about; null where none that was logged names this build. */
  readonly release: string | null
  /** `<artifact>.provenance.json`, one a file: a Sigstore bundle with SLSA provenance. */
  readonly files: readonly string[]
  /** Of its entry; null where it was not logged. */
  readonly index: number | null
  /** Why it was not logged; null where it was. */
  readonly unlogged: string | null
}

/** @throws ProgramError ARTIFACT_DIFFERS where the release that names this build has other bytes */
export async function attestOwn(session: Session, key: StatementKey, request: AttestRequest): Promise<AttestResult> {
  const { view, history, tree } = await session.now(lacksQuorum)
  const job = jobsOf(view).find((each) => isSame(each, request.own)) ?? null
  if (job !== null) checkAgrees(job, request.own)
  const store = voteStore(session.workspace.at('.samebits/attestations'))
  const kept = await keptOrSigned(session, key, request, job, store)
  const files = await writeBeside(request.own, kept.entry)
  const release = job?.release.id ?? null
  const unlogged = whyUnlogged(session, key, { job, size: tree.size, wanted: request.log })
  const before = job === null ? null : ownVote(history, key.keyid, job)
  const index = unlogged !== null ? null : (kept.index ?? before?.index ?? (await logVote(session, store, kept)))
  return { id: kept.id, release, files, index, unlogged }
}

function isSame({ build }: Job, { named }: OwnBuild): boolean {
  return (
    build.source.sha256 === named.source.sha256 &&
    build.recipeDigest === named.recipeDigest &&
    build.imageDigest === named.imageDigest
  )
}

function checkAgrees(job: Job, { build }: OwnBuild): void {
  const { different } = verdictOn(job, build.outputs)
  if (different.length === 0) return
  throw new ProgramError({
    code: 'ARTIFACT_DIFFERS',
    detail: `${different.join(', ')} came out with other bytes than release ${job.release.id} has`,
    remedy: 'Find out why with samebits-build check; nothing was signed.',
    exitCode: 10,
  })
}

/** Signed once for each release and key: a run that was interrupted goes on with what it signed. */
async function keptOrSigned(
  session: Session,
  key: StatementKey,
  { own, engine, identity }: AttestRequest,
  job: Job | null,
  store: ReturnType<typeof voteStore>,
): Promise<KeptVote> {
  const { signal, workspace, trust } = session
  const { named, build, source, recipe } = own
  const name = `${job?.id ?? `commit-${named.source.gitCommit}`}-${key.keyid}`
  const before = (await store.list()).find(({ request }) => request.job === name)
  if (before !== undefined) return before
  const about = { source: named.source, archive: source.path, recipe, recipeDigest: named.recipeDigest }
  const dependencies = await collectDependencies(
    build,
    { engine, scratch: workspace.at('.samebits'), ...about },
    signal,
  )
  const signed = await signAttestation(
    build,
    {
      product: trust.product,
      source: named.source,
      recipeDigest: named.recipeDigest,
      release: job?.release.id,
      builder: identity,
      invocationId: name,
      dependencies,
      log: await readFile(build.log.path),
    },
    key,
  )
  const request = { format: 1 as const, job: name, product: trust.product, release: job?.release.id ?? null }
  return store.keep({ ...signed, request: { ...request, says: 'positive', different: [] } })
}

async function writeBeside({ artifacts }: OwnBuild, entry: Uint8Array): Promise<readonly string[]> {
  const files = artifacts.map(({ path, name }) => join(dirname(path), `${name}.provenance.json`))
  for (const file of files) await writeFileDurably(file, entry)
  return files
}

function whyUnlogged(
  { trust }: Session,
  { keyid }: StatementKey,
  { job, size, wanted }: { readonly job: Job | null; readonly size: number; readonly wanted: boolean },
): string | null {
  if (!wanted) return 'it was not asked for'
  if (job === null) return 'no logged release names this build yet'
  if (rebuilderOf(trust, keyid, size) === null)
    return 'the log takes rebuilds from keys that the trust file lists under rebuilders'
  return null
}
