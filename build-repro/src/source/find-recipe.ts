/** The recipe that a release names, in the source that it names. A statement says its digest, not its place. */
import { createHash } from 'node:crypto'
import type { BuildRecipe } from '../build/build-recipe.ts'
import { parseRecipe, recipeName } from '../recipe.ts'
import { Trouble } from '../trouble.ts'
import { filesIn } from './read-archive.ts'

export interface FoundRecipe {
  /** Where it lies: '' at the root of the source, else a path that ends in `/`. */
  readonly prefix: string
  readonly recipe: BuildRecipe
  readonly product: string
}

/** @throws Trouble RECIPE_UNKNOWN (theirs), ProgramError RECIPE_INVALID */
export async function findRecipe(archive: string, recipeDigest: string): Promise<FoundRecipe> {
  const recipes = await filesIn(archive, (path) => path === recipeName || path.endsWith(`/${recipeName}`))
  const same = recipes.filter(({ bytes }) => createHash('sha256').update(bytes).digest('hex') === recipeDigest)
  const [found, ...others] = same.sort((a, b) => a.path.length - b.path.length)
  if (found === undefined)
    throw unknown(`none of the ${recipes.length} files ${recipeName} in the source has the SHA-256 ${recipeDigest}`)
  if (others.length > 0 && found.path !== recipeName)
    throw unknown(`${found.path} and ${others[0]?.path} are the same recipe, and build different things`)
  const { build, product } = parseRecipe(found.bytes)
  if (build === undefined) throw unknown(`${found.path} does not say how to build`)
  if (product === undefined) throw unknown(`${found.path} does not say of which product it is`)
  return { prefix: found.path.slice(0, -recipeName.length), recipe: build, product }
}

function unknown(detail: string): Trouble {
  return new Trouble('theirs', 'RECIPE_UNKNOWN', detail)
}
