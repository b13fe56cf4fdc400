/** From where a person stands to what is built: the recipe and the source of one commit, or of a folder as it lies there. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProgramError, systemReason } from '@samebits/host'
import { z } from 'zod'
import { recipeName } from '../recipe.ts'
import { type BuildRecipe, buildRecipeSchema } from './build-recipe.ts'
import { archiveCommit, fileOfCommit, type GitPlace, prefixOf, type Source } from './source.ts'

export interface OpenedBuild {
  readonly recipe: BuildRecipe
  /** SHA-256 of the recipe file. */
  readonly recipeDigest: string
  readonly source: Source
  /** Where the recipe lies in the source tree: '', or a path that ends in `/`. */
  readonly prefix: string
}

/** The recipe and the tree of `revision`, both from git: what lies in the work tree does not matter. */
export async function openCommit(
  place: GitPlace,
  revision: string,
  archive: string,
  signal: AbortSignal,
): Promise<OpenedBuild> {
  const source = await archiveCommit(place, revision, archive, signal)
  const prefix = await prefixOf(place, signal)
  const bytes = await fileOfCommit(place, source.commit, prefix + recipeName, signal)
  return { ...parseBuild(bytes), source, prefix }
}

/** A folder and the recipe in it, for a first look. */
export async function openFolder(folder: string): Promise<OpenedBuild> {
  const path = join(folder, recipeName)
  const bytes = await readFile(path).catch((error: Error) => {
    throw invalid(`cannot read ${path}: ${systemReason(error)}`)
  })
  return { ...parseBuild(bytes), source: { kind: 'folder', folder }, prefix: '' }
}

/** Building needs nothing of `publish`: a recipe may consist of `format` and `build` alone. */
const schema = z.strictObject({
  format: z.literal(1),
  product: z.string().optional(),
  publish: z.unknown().optional(),
  build: buildRecipeSchema,
})

/**
 * What a recipe's bytes say of building, and their digest.
 *
 * @throws ProgramError RECIPE_INVALID
 */
export function parseBuild(bytes: Uint8Array): { readonly recipe: BuildRecipe; readonly recipeDigest: string } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const { build } = schema.parse(JSON.parse(text))
    return { recipe: build, recipeDigest: createHash('sha256').update(bytes).digest('hex') }
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined
    throw invalid(
      issue === undefined ? 'it is not JSON in UTF-8' : `${issue.path.join('.') || 'the document'}: ${issue.message}`,
    )
  }
}

function invalid(why: string): ProgramError {
  return new ProgramError({
    code: 'RECIPE_INVALID',
    detail: `the recipe says nothing that can be built: ${why}`,
    remedy: `Add "build" to ${recipeName}; build-repro/README.md shows every field.`,
  })
}
