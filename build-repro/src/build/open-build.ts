/** From where a person stands to what is built: the recipe and the source of one commit, or of a folder as it lies there. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProgramError, systemReason } from '@samebits/host'
import { parseRecipe, recipeName } from '../recipe.ts'
import { archiveCommit } from '../source/archive.ts'
import { type Environment, sealedGit } from '../source/git.ts'
import { ownSource } from '../source/own-source.ts'
import { filesIn } from '../source/read-archive.ts'
import type { BuildRecipe } from './build-recipe.ts'
import type { Source } from './source.ts'

export interface OpenedBuild {
  readonly recipe: BuildRecipe
  /** SHA-256 of the recipe file. */
  readonly recipeDigest: string
  readonly source: Source
  /** Where the recipe lies in the source tree: '', or a path that ends in `/`. */
  readonly prefix: string
}

/** Of one command. */
const gitTimeoutMs = 600_000

/** The recipe and the tree of `revision`, both from git: what lies in the work tree does not matter. */
export async function openCommit(
  { folder, revision, work, environment }: CommitRequest,
  signal: AbortSignal,
): Promise<OpenedBuild & { readonly dirty: boolean }> {
  const own = await ownSource(folder, revision)
  const git = sealedGit({ environment, protocols: [], signal, timeoutMs: gitTimeoutMs })
  const { path, sha256, commit, time } = await archiveCommit(git, own, work)
  const prefix = own.prefix === '' ? '' : `${own.prefix}/`
  const [recipe] = await filesIn(path, (each) => each === prefix + recipeName)
  if (recipe === undefined) throw invalid(`commit ${commit} has no ${prefix}${recipeName}`)
  const source = { kind: 'commit', archive: path, sha256, commit, time } as const
  return { ...parseBuild(recipe.bytes), source, prefix, dirty: own.dirty }
}

export interface CommitRequest {
  /** In the work tree of a repository; holds the recipe. */
  readonly folder: string
  /** A commit, a tag, `HEAD`. */
  readonly revision: string
  /** Where the archive goes. */
  readonly work: string
  readonly environment: Environment
}

/** A folder and the recipe in it, for a first look. */
export async function openFolder(folder: string): Promise<OpenedBuild> {
  const path = join(folder, recipeName)
  const bytes = await readFile(path).catch((error: Error) => {
    throw invalid(`cannot read ${path}: ${systemReason(error)}`)
  })
  return { ...parseBuild(bytes), source: { kind: 'folder', folder }, prefix: '' }
}

/**
 * What a recipe's bytes say of building, and their digest.
 *
 * @throws ProgramError RECIPE_INVALID
 */
export function parseBuild(bytes: Uint8Array): { readonly recipe: BuildRecipe; readonly recipeDigest: string } {
  const { build } = parseRecipe(bytes)
  if (build === undefined) throw invalid('it has no "build"')
  return { recipe: build, recipeDigest: createHash('sha256').update(bytes).digest('hex') }
}

function invalid(why: string): ProgramError {
  return new ProgramError({
    code: 'RECIPE_INVALID',
    detail: `the recipe says nothing that can be built: ${why}`,
    remedy: `Add "build" to ${recipeName}; build-repro/README.md shows every field.`,
  })
}
