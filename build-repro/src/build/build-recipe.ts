/**
 * The part `build` of the recipe (recipe.ts): how a source tree becomes its artifacts (docs/design.md §5).
 *
 *     "build": {
 *       "image": { "id": "sha256:<64 hex>" },                 // or { "id", "lock": "image.lock.json" },
 *                                                             // { "reference": "node@sha256:<64 hex>" }, { "dockerfile": "Dockerfile.repro" }
 *       "fetch": { "run": ["npm ci --ignore-scripts"] },      // optional: network on, pinned by a lock file
 *       "build": { "run": ["npm run build"] },                // network off
 *       "artifacts": ["dist/app"],                            // or { "path", "platform"?, "mediaType"? }
 *       "epoch": "commit",                                    // SOURCE_DATE_EPOCH: the commit's time, or a number
 *       "environment": { "CGO_ENABLED": "0" },                // optional: more variables, for both steps
 *       "limits": { "minutes": 60, "memoryMiB": 4096, "processes": 4096 } }   // optional
 *
 * `run` is the lines of one `sh -eu` script, in the source tree's root. Paths are relative to the recipe's folder, with `/`.
 */
import { z } from 'zod'

export type ImageSource =
  /** An image ID; with `lock`, the packages that it can be made from again (image/lock-file.ts). */
  | { readonly id: string; readonly lock?: string | undefined }
  /** A registry's name, with its manifest digest; without one it floats, and nothing built in it is attested. */
  | { readonly reference: string }
  /** Built here; its bases by digest, else it floats too. */
  | { readonly dockerfile: string }

export interface Step {
  readonly run: readonly string[]
  /** In a build step: for a first look only, nothing built with it is attested. */
  readonly network?: boolean | undefined
}

export interface RecipeArtifact {
  readonly path: string
  readonly platform?: string | undefined
  readonly mediaType?: string | undefined
}

export interface BuildRecipe {
  readonly image: ImageSource
  readonly fetch?: Step | undefined
  readonly build: Step
  readonly artifacts: readonly (string | RecipeArtifact)[]
  readonly epoch: 'commit' | number
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly limits?:
    | {
        readonly minutes?: number | undefined
        readonly memoryMiB?: number | undefined
        readonly processes?: number | undefined
      }
    | undefined
}

const imageId = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 lower-case hex digits')
/** A path that stays inside the recipe's folder, in one spelling. */
const insidePath = z
  .string()
  .max(4096)
  .refine(isInsidePath, 'must be a relative path without "..", "." and empty segments')
/** As registries spell names; no option of a command line begins like this. */
const reference = z
  .string()
  .max(512)
  .regex(/^[a-z0-9][A-Za-z0-9._:/@-]*$/, 'must be an image reference')
const line = z
  .string()
  .min(1)
  .max(65_536)
  .regex(/^[^\0\n\r]*$/, 'must be one line')
const step = { run: z.array(line).min(1).max(256) }
/** What the build itself fixes: a recipe that sets them would take the pinning apart. */
const fixedVariables = new Set(['SOURCE_DATE_EPOCH', 'TZ', 'LANG', 'LC_ALL', 'HOME', 'USER', 'LOGNAME', 'LD_PRELOAD'])
const variables = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/),
    z
      .string()
      .max(65_536)
      .regex(/^[^\0]*$/),
  )
  .refine((all) => Object.keys(all).every((name) => !fixedVariables.has(name)), {
    error: `sets a variable that the build fixes: ${[...fixedVariables].join(', ')}`,
  })

export const buildRecipeSchema: z.ZodType<BuildRecipe> = z.strictObject({
  image: z.union([
    z.strictObject({ id: imageId, lock: insidePath.optional() }),
    z.strictObject({ reference }),
    z.strictObject({ dockerfile: insidePath }),
  ]),
  fetch: z.strictObject({ ...step }).optional(),
  build: z.strictObject({ ...step, network: z.boolean().optional() }),
  artifacts: z
    .array(
      z.union([
        insidePath,
        z.strictObject({ path: insidePath, platform: z.string().optional(), mediaType: z.string().optional() }),
      ]),
    )
    .min(1)
    .max(256)
    .refine((all) => new Set(all.map(baseNameOf)).size === all.length, 'two artifacts have one name'),
  epoch: z.union([z.literal('commit'), z.int().min(0).max(0xffff_ffff)]),
  environment: variables.optional(),
  limits: z
    .strictObject({
      minutes: z.int().min(1).max(1440).optional(),
      memoryMiB: z.int().min(64).max(1_048_576).optional(),
      processes: z.int().min(16).max(1_048_576).optional(),
    })
    .optional(),
})

/** An artifact of a recipe, in its long form. */
export function artifactOf(artifact: string | RecipeArtifact): RecipeArtifact {
  return typeof artifact === 'string' ? { path: artifact } : artifact
}

function baseNameOf(artifact: string | RecipeArtifact): string {
  return artifactOf(artifact).path.split('/').at(-1)?.toLowerCase() ?? ''
}

function isInsidePath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\\\u0000-\u001f\u007f]/.test(path)) return false
  return path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..')
}
