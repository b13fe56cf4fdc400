/** A commit built as its own recipe says, by its publisher or by a rebuilder: what comes out may be attested, or it is no result. */
import { mkdir, rm } from 'node:fs/promises'
import type { ContainerEngine } from '../engines/engine.ts'
import type { CommitArchive } from '../source/archive.ts'
import type { FoundRecipe } from '../source/find-recipe.ts'
import type { Environment } from '../source/git.ts'
import type { Conditions } from './conditions.ts'
import { demandAttestable } from './objections.ts'
import { type BuildResult, runBuild } from './run-build.ts'

export interface CommitBuild {
  readonly recipe: FoundRecipe
  readonly source: CommitArchive
  readonly engine: ContainerEngine
  /** Archives that may hold the image. */
  readonly images: readonly string[]
  readonly environment: Environment
  /** Unix seconds. */
  readonly now: () => number
  /** A folder of this build's own: what lies there is removed before, and it is removed after. */
  readonly scratch: string
}

/** @throws ProgramError NOT_ATTESTABLE, BUILD_FAILED, BUILD_TIMEOUT, … */
export async function buildCommit(
  { recipe, source, engine, images, environment, now, scratch }: CommitBuild,
  conditions: Conditions,
  into: string,
  signal: AbortSignal,
): Promise<BuildResult> {
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true })
  const { path: archive, sha256, commit, time } = source
  const request = {
    recipe: recipe.recipe,
    source: { kind: 'commit', archive, sha256, commit, time },
    prefix: recipe.prefix,
    engine,
    scratch,
    archives: images,
    toolEnvironment: environment,
    now,
  } as const
  try {
    const build = await runBuild(request, conditions, into, signal)
    demandAttestable(build.objections)
    return build
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
