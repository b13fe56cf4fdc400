/**
 * One build: a recipe, a source, an engine and the conditions, to outputs with their digests and the whole log.
 *
 *     <into>/log                  every byte that the steps wrote
 *     <into>/outputs/<name>       the artifacts
 *
 * What lies where meanwhile:
 *
 *     <scratch>/…/parent/source   the source tree, times clamped to the epoch; inside: conditions.path (stage.ts)
 *     <scratch>/…/home            HOME, kept from the fetch step to the build step; inside: conditions.home
 *
 * `prepareBuild` ends after the fetch step; `buildPrepared` may then be called any number of times, each on a fresh copy.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { exitCodes, ProgramError, visible } from '@samebits/host'
import type { ContainerEngine } from '../engines/engine.ts'
import type { BuildRecipe, Step } from './build-recipe.ts'
import { collectOutputs, type Output } from './collect.ts'
import { type Conditions, plainConditions } from './conditions.ts'
import { type BuildLog, type LogFacts, logFull, openBuildLog } from './log-file.ts'
import { type Objection, objectionsTo } from './objections.ts'
import { type PreparedImage, prepareImage } from './prepare-image.ts'
import type { Source } from './source.ts'
import { makeStageFolders, type Stage, sourceName, stage } from './stage.ts'
import { clampTimes, copyTree, plainModes, unpackArchive } from './tree.ts'

export interface BuildRequest {
  readonly recipe: BuildRecipe
  readonly source: Source
  /** Where the recipe lies in the source tree: '' at its root, else `folder/`. */
  readonly prefix?: string
  readonly engine: ContainerEngine
  /** An existing folder of this build's own, with room for copies of the tree; left empty. */
  readonly scratch: string
  /** Archives that may hold the image. */
  readonly archives?: readonly string[]
  /** Of this machine's tools: git, a compiler, disorderfs. Nothing of it reaches the build. */
  readonly toolEnvironment: Readonly<Record<string, string | undefined>>
  /** Unix seconds, for the record; nothing in the build sees it. */
  readonly now: () => number
  /** What the steps write, as it comes. */
  readonly onOutput?: (chunk: Uint8Array) => void
}

export interface BuildResult {
  readonly outputs: readonly Output[]
  readonly log: LogFacts
  readonly image: PreparedImage
  readonly engine: Pick<ContainerEngine, 'name' | 'version' | 'isolates'>
  readonly conditions: Conditions
  /** SOURCE_DATE_EPOCH. */
  readonly epoch: number
  /** Unix seconds. */
  readonly startedAt: number
  readonly finishedAt: number
  /** Why this must not be attested; none: it may. */
  readonly objections: readonly Objection[]
}

/** A source with everything fetched, ready to be built. */
export interface PreparedBuild {
  readonly request: BuildRequest
  readonly image: PreparedImage
  readonly epoch: number
  readonly objections: readonly Objection[]
  /** Holds `parent` and `home` as the fetch step left them (stage.ts). */
  readonly folder: string
  /** What the fetch step said. */
  readonly fetchLog: LogFacts
}

/** Prepares and builds. `into` is a folder that does not exist yet, or is empty. */
export async function runBuild(
  request: BuildRequest,
  conditions: Conditions,
  into: string,
  signal: AbortSignal,
): Promise<BuildResult> {
  const prepared = await prepareBuild(request, `${into}/fetch.log`, signal)
  try {
    return await buildPrepared(prepared, conditions, into, signal)
  } finally {
    await discardPrepared(prepared)
  }
}

/** Unpacks the source, finds the image, runs the fetch step. */
export async function prepareBuild(
  request: BuildRequest,
  logPath: string,
  signal: AbortSignal,
): Promise<PreparedBuild> {
  const { recipe, source, engine, scratch, prefix = '' } = request
  const folder = await mkdtemp(join(scratch, 'prepared-'))
  try {
    const stopped = new AbortController()
    const log = await openLog(logPath, stopped, request)
    const both = AbortSignal.any([signal, stopped.signal])
    await unpackSource(source, await makeStageFolders(folder))
    const epoch = epochOf(recipe, source, request.now())
    await clampTimes(folder, epoch)
    const at = join(folder, 'parent', sourceName, prefix)
    const about = { engine, folder: at, epoch, archives: request.archives ?? [], onOutput: log.write }
    const image = await prepareImage(recipe.image, about, both)
    const objections = objectionsTo({ recipe, dockerfile: image.dockerfile, isolates: engine.isolates, source })
    if (recipe.fetch !== undefined) {
      const staged = await stage({ ...request, prefix, image, epoch, folder, conditions: plainConditions }, both)
      try {
        await runStep(staged, 'fetch', recipe.fetch, true, log, both)
      } finally {
        await staged.release()
      }
      await clampTimes(folder, epoch)
    }
    return { request, image, epoch, objections, folder, fetchLog: log.close() }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** Runs the build step on a copy of what was prepared, under these conditions. */
export async function buildPrepared(
  prepared: PreparedBuild,
  conditions: Conditions,
  into: string,
  signal: AbortSignal,
): Promise<BuildResult> {
  const { request, image, epoch, objections } = prepared
  const { recipe, engine, scratch, prefix = '' } = request
  const folder = await mkdtemp(join(scratch, 'build-'))
  const startedAt = request.now()
  let staged: Stage | null = null
  try {
    const stopped = new AbortController()
    const log = await openLog(join(into, 'log'), stopped, request)
    const both = AbortSignal.any([signal, stopped.signal])
    await copyTree(prepared.folder, folder)
    await clampTimes(folder, epoch)
    staged = await stage({ ...request, prefix, image, epoch, folder, conditions }, both)
    await runStep(staged, 'build', recipe.build, recipe.build.network === true, log, both)
    await staged.release()
    const outputs = await collectOutputs(recipe, staged.recipeFolder, join(into, 'outputs'), signal)
    const facts = { name: engine.name, version: engine.version, isolates: engine.isolates }
    const finishedAt = request.now()
    return { outputs, log: log.close(), image, engine: facts, conditions, epoch, startedAt, finishedAt, objections }
  } finally {
    await staged?.release()
    await rm(folder, { recursive: true, force: true })
  }
}

export async function discardPrepared(prepared: PreparedBuild): Promise<void> {
  await rm(prepared.folder, { recursive: true, force: true })
}

async function runStep(
  staged: Stage,
  name: 'fetch' | 'build',
  step: Step,
  network: boolean,
  log: BuildLog,
  signal: AbortSignal,
): Promise<void> {
  log.note(`${name} step${network ? ', network on' : ''}`)
  const outcome = await staged.run(step, network, log.write, signal)
  if (outcome.kind === 'exited' && outcome.status === 0) return
  const why = outcome.kind === 'timed-out' ? 'took longer than its limit' : `ended with status ${outcome.status}`
  const lastLine = log.lastLine()
  log.note(`the ${name} step ${why}`)
  const { path } = log.close()
  throw new ProgramError({
    code: outcome.kind === 'timed-out' ? 'BUILD_TIMEOUT' : 'BUILD_FAILED',
    detail: `the ${name} step ${why}: ${visible(lastLine)}; its log is ${path}`,
    remedy: 'The last lines of the log say why.',
    exitCode: outcome.kind === 'timed-out' ? exitCodes.io : 10,
  })
}

async function openLog(path: string, stopped: AbortController, { onOutput }: BuildRequest): Promise<BuildLog> {
  await mkdir(dirname(path), { recursive: true })
  return openBuildLog(path, () => stopped.abort(logFull()), onOutput)
}

async function unpackSource(source: Source, folder: string): Promise<void> {
  if (source.kind === 'folder' && `${resolve(folder)}/`.startsWith(`${resolve(source.folder)}/`))
    throw new ProgramError({
      code: 'USAGE',
      detail: `the working folder ${folder} lies inside the source ${source.folder}`,
      remedy: 'Choose a working folder outside of it with --scratch.',
    })
  if (source.kind === 'commit') await unpackArchive(source.archive, folder)
  else await copyTree(source.folder, folder, { sourceOnly: true })
  await plainModes(folder)
}

function epochOf({ epoch }: BuildRecipe, source: Source, now: number): number {
  if (epoch !== 'commit') return epoch
  return source.kind === 'commit' ? source.time : now
}
