/** One job built: the logged source, by the logged recipe, in the logged image, to what came out and what went in. */
import { join } from 'node:path'
import { buildCommit } from '../build/build-commit.ts'
import { plainConditions } from '../build/conditions.ts'
import { demandAttestable, objectionsTo } from '../build/objections.ts'
import type { BuildResult } from '../build/run-build.ts'
import type { ContainerEngine } from '../engines/engine.ts'
import type { CommitArchive } from '../source/archive.ts'
import { fetchSource } from '../source/fetch-source.ts'
import { type FoundRecipe, findRecipe } from '../source/find-recipe.ts'
import { type Environment, sealedGit } from '../source/git.ts'
import { Trouble } from '../trouble.ts'
import { type Job, type Verdict, verdictOn } from './job.ts'

export interface JobBuilder {
  readonly engine: ContainerEngine
  readonly environment: Environment
  /** The rebuilder's state folder. */
  readonly state: string
  /** The source's place inside the container. */
  readonly path: string
  readonly images: readonly string[]
  readonly protocols: readonly string[]
  readonly confirm: boolean
  readonly now: () => number
  readonly say: (line: string) => void
}

export interface BuiltJob {
  /** The build that the vote is about: the last one. */
  readonly build: BuildResult
  readonly verdict: Verdict
  readonly recipe: FoundRecipe
  readonly source: CommitArchive
}

/** A fetch of a large history over a slow line. */
const gitTimeoutMs = 30 * 60_000

/**
 * Builds a job; once more where it came out different, unless told otherwise, so that a bad disk or memory here does not speak
 * against somebody else's release.
 *
 * @param into a new folder: the source's archive, which the caller removes; `1/` and `2/` with log and outputs
 * @throws Trouble, ProgramError: there is no verdict then
 */
export async function buildJob(
  builder: JobBuilder,
  job: Job,
  { into, mirror }: { readonly into: string; readonly mirror: string | undefined },
  signal: AbortSignal,
): Promise<BuiltJob> {
  const { environment, protocols, state, confirm, say } = builder
  const git = sealedGit({ environment, protocols, signal, timeoutMs: gitTimeoutMs })
  const folders = { cache: join(state, 'sources'), work: sourceFolder(into) }
  const source = await fetchSource(git, job.build.source, folders, mirror)
  const recipe = await findRecipe(source.path, job.build.recipeDigest)
  checkRecipe(job, recipe, source.time)
  const { isolates } = builder.engine
  demandAttestable(objectionsTo({ recipe: recipe.recipe, dockerfile: null, isolates, source: { kind: 'commit' } }))
  let build = await buildOnce(builder, job, { recipe, source, into: join(into, '1') }, signal)
  let verdict = verdictOf(job, build)
  if (verdict.says === 'negative' && confirm) {
    say(`${job.id}: ${verdict.different.join(', ')} came out different; building once more`)
    build = await buildOnce(builder, job, { recipe, source, into: join(into, '2') }, signal)
    verdict = verdictOf(job, build)
  }
  return { build, verdict, recipe, source }
}

/** Where an attempt's archive of the source lies. */
export function sourceFolder(attempt: string): string {
  return join(attempt, 'source')
}

/** What the release says about image and epoch must be what its recipe says, before anything runs. */
function checkRecipe({ build, product }: Job, { recipe, product: of }: FoundRecipe, committedAt: number): void {
  const epoch = recipe.epoch === 'commit' ? committedAt : recipe.epoch
  if (of !== product) throw mismatch(`the recipe is for ${of}, the release of ${product}`)
  if (epoch !== build.sourceDateEpoch)
    throw mismatch(`the recipe says the epoch ${epoch}, the release ${build.sourceDateEpoch}`)
  if ('id' in recipe.image && recipe.image.id !== `sha256:${build.imageDigest}`)
    throw mismatch(`the recipe names the image ${recipe.image.id}, the release sha256:${build.imageDigest}`)
}

function mismatch(detail: string): Trouble {
  return new Trouble('theirs', 'RECIPE_MISMATCH', detail)
}

async function buildOnce(
  builder: JobBuilder,
  job: Job,
  { recipe, source, into }: Pick<BuiltJob, 'recipe' | 'source'> & { readonly into: string },
  signal: AbortSignal,
): Promise<BuildResult> {
  const { engine, environment, state, images, path, now } = builder
  const commit = { recipe, source, engine, images, environment, now, scratch: join(state, 'scratch', job.id) }
  const build = await buildCommit(commit, { ...plainConditions, path }, into, signal)
  if (build.image.digest !== job.build.imageDigest)
    throw mismatch(`the recipe's image is ${build.image.digest} here, the release names ${job.build.imageDigest}`)
  return build
}

function verdictOf(job: Job, { outputs }: BuildResult): Verdict {
  const verdict = verdictOn(job, outputs)
  if (verdict.missing.length > 0)
    throw new Trouble('theirs', 'ARTIFACT_MISSING', `the recipe does not make ${verdict.missing.join(', ')}`)
  return verdict
}
