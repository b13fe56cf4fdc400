/**
 * The publisher's own build: a commit of this repository by its recipe, in `.samebits/builds/<commit>/`:
 *
 *     source.tar, log, fetch.log, outputs/
 *     build.json     the end: what came out and how. With it there, a run that was interrupted goes on with these bytes
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Build } from '@samebits/core'
import { isCode, ProgramError, writeFileDurably } from '@samebits/host'
import { copyMeasured, type Measured } from './artifacts.ts'
import { buildCommit } from './build/build-commit.ts'
import { plainConditions } from './build/conditions.ts'
import { demandAttestable, objectionsTo } from './build/objections.ts'
import type { BuildResult } from './build/run-build.ts'
import type { ContainerEngine } from './engines/engine.ts'
import { holds } from './feed.ts'
import { recipeName } from './recipe.ts'
import type { Session } from './session.ts'
import { archiveCommit, type CommitArchive } from './source/archive.ts'
import { type FoundRecipe, findRecipe } from './source/find-recipe.ts'
import { type Environment, sealedGit } from './source/git.ts'
import { type OwnSource, ownSource } from './source/own-source.ts'
import { filesIn } from './source/read-archive.ts'
import { Trouble } from './trouble.ts'

export interface OwnBuildRequest {
  /** A commit, a tag, `HEAD`. */
  readonly revision: string
  /** Where others fetch the source; null: where `origin` is. */
  readonly sourceUri: string | null
  readonly engine: ContainerEngine
  /** Archives that may hold the image. */
  readonly images: readonly string[]
  readonly environment: Environment
  /** Absolute: where the artifacts go. */
  readonly out: string
}

export interface OwnBuild {
  /** As a release statement says it. */
  readonly named: Build
  readonly build: BuildResult
  readonly recipe: FoundRecipe
  /** The source's archive. */
  readonly source: CommitArchive
  /** The artifacts in `out`. */
  readonly artifacts: readonly Measured[]
}

/** @throws ProgramError NO_SOURCE, NO_SOURCE_URI, NO_BUILD, NOT_ATTESTABLE, BUILD_FAILED, BUILD_TIMEOUT */
export async function buildOwn(session: Session, request: OwnBuildRequest): Promise<OwnBuild> {
  const { workspace, machine, signal } = session
  const own = await ownSource(workspace.folder, request.revision)
  const uri = request.sourceUri ?? own.uri
  if (uri === null) throw noSourceUri()
  if (own.dirty) machine.say(`what is not committed is not built: this is commit ${own.commit}`)
  const folder = workspace.at(`.samebits/builds/${own.commit}`)
  await mkdir(folder, { recursive: true })
  await removeFrom(folder, (name) => name.startsWith('.')) // of a run that was interrupted
  const source = await archiveOwn(session, request, own, folder)
  const { recipe, digest: recipeDigest } = await ownRecipe(source, own)
  const { isolates } = request.engine
  demandAttestable(objectionsTo({ recipe: recipe.recipe, dockerfile: null, isolates, source: { kind: 'commit' } }))
  const build =
    (await finishedBuild(folder, recipeDigest, signal)) ??
    (await buildAnew(session, request, { recipe, source, folder, recipeDigest }))
  const named: Build = {
    artifacts: build.outputs.map(({ name }) => name),
    source: { uri, gitCommit: own.commit, sha256: source.sha256 },
    recipeDigest,
    imageDigest: build.image.digest,
    sourceDateEpoch: build.epoch,
  }
  return { named, build, recipe, source, artifacts: await handOut(build, request.out, signal) }
}

const gitTimeoutMs = 10 * 60_000

async function archiveOwn(
  { signal }: Session,
  { environment }: OwnBuildRequest,
  own: OwnSource,
  folder: string,
): Promise<CommitArchive> {
  const git = sealedGit({ environment, protocols: [], signal, timeoutMs: gitTimeoutMs })
  return archiveCommit(git, own, folder)
}

/** The recipe as the commit has it: what lies in the work tree may be newer. */
async function ownRecipe(source: CommitArchive, { prefix, commit }: OwnSource) {
  const path = prefix === '' ? recipeName : `${prefix}/${recipeName}`
  const [file] = await filesIn(source.path, (each) => each === path)
  if (file === undefined) throw noBuild(`commit ${commit} has no ${path}`)
  const digest = createHash('sha256').update(file.bytes).digest('hex')
  const recipe = await findRecipe(source.path, digest).catch((error: unknown) => {
    throw error instanceof Trouble ? noBuild(error.detail) : error
  })
  return { digest, recipe }
}

function noBuild(detail: string): ProgramError {
  return new ProgramError({
    code: 'NO_BUILD',
    detail,
    remedy: 'Say in the recipe how to build, and commit it; docs/publishing.md shows how.',
  })
}

interface Begun {
  readonly recipe: FoundRecipe
  readonly recipeDigest: string
  readonly source: CommitArchive
  readonly folder: string
}

/** Builds in a folder that holds the source's archive, and perhaps what an interrupted run left. */
async function buildAnew(session: Session, request: OwnBuildRequest, begun: Begun): Promise<BuildResult> {
  const { machine, signal } = session
  const { engine, images, environment } = request
  const { recipe, source, folder, recipeDigest } = begun
  await removeFrom(folder, (name) => join(folder, name) !== source.path)
  machine.say(`building commit ${source.commit} with ${engine.name} ${engine.version}`)
  const scratch = join(folder, 'scratch')
  const commit = { recipe, source, engine, images, environment, now: () => machine.now(), scratch }
  const build = await buildCommit(commit, plainConditions, folder, signal)
  await writeFileDurably(join(folder, 'build.json'), `${JSON.stringify({ recipeDigest, build })}\n`)
  return build
}

async function removeFrom(folder: string, which: (name: string) => boolean): Promise<void> {
  for (const name of (await readdir(folder)).filter(which))
    await rm(join(folder, name), { recursive: true, force: true })
}

/** A build that came to its end here before, with its outputs still there; null where there is none. */
async function finishedBuild(folder: string, recipeDigest: string, signal: AbortSignal): Promise<BuildResult | null> {
  const text = await readFile(join(folder, 'build.json'), 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (text === null) return null
  // Written by this program under the workspace's lock, durably and at once; the outputs are held against it.
  const kept = JSON.parse(text) as { readonly recipeDigest: string; readonly build: BuildResult }
  if (kept.recipeDigest !== recipeDigest) return null
  for (const output of kept.build.outputs) if (!(await holds(output.path, output, signal))) return null
  return kept.build
}

async function handOut({ outputs }: BuildResult, out: string, signal: AbortSignal): Promise<readonly Measured[]> {
  await mkdir(out, { recursive: true })
  const artifacts: Measured[] = []
  for (const { name, path, size, sha256 } of outputs) {
    const target = join(out, name)
    if (!(await holds(target, { name, path, size, sha256 }, signal)))
      await copyMeasured({ name, path, size, sha256 }, target, signal)
    artifacts.push({ name, path: target, size, sha256 })
  }
  return artifacts
}

function noSourceUri(): ProgramError {
  return new ProgramError({
    code: 'NO_SOURCE_URI',
    detail: 'nobody can tell where to fetch this source: the repository has no remote "origin" with a public address',
    remedy: 'Give --source git+https://….',
  })
}
