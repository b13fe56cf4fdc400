/**
 * The recipe, `samebits.build.json`: what a source tree says about its releases.
 *
 *     { "format": 1,
 *       "product": "example.com/notes",
 *       "publish": { "channel": "stable",
 *                    "trust": "trust.json",                       // the trust file that the application ships
 *                    "anchor": "example.com_notes.anchor.json",   // its side-car, made anew by every publish
 *                    "sizes": "sizes.json",
 *                    "key": "keys/publisher.pem",
 *                    "feed": "feed",                              // the folder that a web server serves
 *                    "feeds": ["https://example.com/notes/"] },   // where it will be served
 *       "build": { … } }                                          // build/build-recipe.ts
 *
 * Who builds needs `build`, who rebuilds also `product`, who publishes `product` and `publish`: what is missing is said to whom it is
 * missing. What is there is checked whole, whoever reads it. Paths are relative to the recipe's folder, with `/`.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ProgramError, systemReason } from '@samebits/host'
import { z } from 'zod'
import { type BuildRecipe, buildRecipeSchema } from './build/build-recipe.ts'
import { checkChannel, checkProduct } from './names.ts'

export const recipeName = 'samebits.build.json'

/** All that a recipe may say. */
export interface RecipeFile {
  readonly format: 1
  readonly product?: string | undefined
  readonly publish?: Recipe['publish'] | undefined
  readonly build?: BuildRecipe | undefined
}

/** One that can be published from. */
export interface Recipe extends RecipeFile {
  readonly product: string
  readonly publish: {
    readonly channel: string
    readonly trust: string
    readonly anchor: string
    readonly sizes: string
    readonly key: string
    readonly feed: string
    readonly feeds: readonly string[]
  }
}

/** Far above any recipe that a person would write. */
const recipeCap = 1 << 20

const path = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^\P{Cc}*$/u)
/** A feed's base URL: https, or http on this machine for trying things out. */
const feedUrl = z
  .url({ protocol: /^https?$/ })
  .refine(isFeedUrl, 'must be https, without credentials, query and fragment')
const recipeSchema = z.strictObject({
  format: z.literal(1),
  product: z.string().optional(),
  publish: z
    .strictObject({
      channel: z.string(),
      trust: path,
      anchor: path,
      sizes: path,
      key: path,
      feed: path,
      feeds: z.array(feedUrl).max(16),
    })
    .optional(),
  build: buildRecipeSchema.optional(),
})

/** Whether a URL may be a feed, or a log: https, or http to this machine, and nothing but a place. */
export function isFeedUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const local = url.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  return (url.protocol === 'https:' || local) && url.username + url.password + url.search + url.hash === ''
}

/** @throws ProgramError RECIPE_INVALID */
export function parseRecipe(bytes: Uint8Array): RecipeFile {
  if (bytes.length > recipeCap) throw invalid(`it is longer than ${recipeCap} bytes`)
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch (error) {
    throw invalid('it is not JSON in UTF-8', error)
  }
  const parsed = recipeSchema.safeParse(json)
  if (!parsed.success) throw invalid(firstIssue(parsed.error), parsed.error)
  try {
    const { product, publish } = parsed.data
    if (product !== undefined) checkProduct(product)
    if (publish !== undefined) checkChannel(publish.channel)
  } catch (error) {
    throw invalid(error instanceof ProgramError ? error.detail : String(error), error)
  }
  return parsed.data
}

export function formatRecipe(recipe: Recipe): string {
  return `${JSON.stringify(recipe, null, 2)}\n`
}

/** A recipe that was read, with the folder that its paths start from. */
export interface Workspace {
  readonly folder: string
  readonly recipe: Recipe
  /** An absolute path for one that the recipe names. */
  at(path: string): string
}

/** Reads the recipe in `folder`, or the one named by `file`. */
export async function openWorkspace(folder: string, file: string = recipeName): Promise<Workspace> {
  const recipePath = resolve(folder, file)
  const bytes = await readFile(recipePath).catch((error: Error) => {
    throw new ProgramError({
      code: 'RECIPE_INVALID',
      detail: `cannot read the recipe ${recipePath}: ${systemReason(error)}`,
      remedy: 'Run samebits-build init, or work in the folder that holds it.',
      cause: error,
    })
  })
  const base = dirname(recipePath)
  return { folder: base, recipe: demandPublish(parseRecipe(bytes)), at: (path) => resolve(base, path) }
}

function demandPublish({ product, publish, ...rest }: RecipeFile): Recipe {
  if (product !== undefined && publish !== undefined) return { ...rest, product, publish }
  throw invalid(`it does not say how to publish: it has no "${product === undefined ? 'product' : 'publish'}"`)
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue === undefined ? error.message : `${issue.path.join('.') || 'the document'}: ${issue.message}`
}

function invalid(why: string, cause?: unknown): ProgramError {
  return new ProgramError({
    code: 'RECIPE_INVALID',
    detail: `the recipe cannot be used: ${why}`,
    remedy: `Correct ${recipeName}; build-repro/README.md shows every field.`,
    cause,
  })
}
