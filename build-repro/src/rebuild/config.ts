/**
 * A rebuilder's configuration, `samebits.rebuilder.json`:
 *
 *     { "format": 1,
 *       "builder": "https://rebuilds.example.org/",   // builder.id of every vote: who vouches, and where that is written down
 *       "key": "rebuilder.pem",                       // its public half is listed under "rebuilders" of the trust files
 *       "state": "state",
 *       "products": { "example.com/notes": { "trust": "notes.trust.json", "mirror": "https://…" } },
 *       "engine": "podman",                           // all from here on are optional
 *       "path": "/build/source",                      // the source's place inside the container
 *       "images": ["base.oci.tar"],                   // archives that images are loaded from
 *       "protocols": ["https"],                       // that git may speak
 *       "jobs": 1, "everySeconds": 60, "confirm": true }
 *
 * Paths are relative to the file's folder.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { isProduct, isUri } from '@samebits/core'
import { ProgramError, systemReason } from '@samebits/host'
import { z } from 'zod'

export const rebuilderConfigName = 'samebits.rebuilder.json'

export interface ProductConfig {
  /** Absolute. */
  readonly trust: string
  /** A repository to fetch from in place of the one that releases name. What is accepted stays the same. */
  readonly mirror?: string | undefined
}

export interface RebuilderConfig {
  /** SLSA `builder.id`. */
  readonly builder: string
  /** Absolute. */
  readonly key: string
  /** Absolute. */
  readonly state: string
  readonly products: ReadonlyMap<string, ProductConfig>
  readonly engine: string | null
  readonly path: string
  /** Absolute. */
  readonly images: readonly string[]
  readonly protocols: readonly string[]
  /** Builds at one time. */
  readonly jobs: number
  /** Seconds between two looks at the logs. */
  readonly everySeconds: number
  /** Build once more before a negative vote. */
  readonly confirm: boolean
}

const file = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^\P{Cc}*$/u)
const schema = z.strictObject({
  format: z.literal(1),
  builder: z.string().refine(isUri, 'must be an absolute URI'),
  key: file,
  state: file,
  products: z
    .record(
      z.string().refine(isProduct, 'must be a product'),
      z.strictObject({ trust: file, mirror: z.string().min(1).max(2048).optional() }),
    )
    .refine((products) => Object.keys(products).length > 0, 'must name a product'),
  engine: z.enum(['podman', 'docker', 'host']).optional(),
  path: z
    .string()
    .max(255)
    .regex(/^(?:\/[A-Za-z0-9][A-Za-z0-9._+-]*){2,16}$/, 'must be an absolute path of at least two plain segments')
    .default('/build/source'),
  images: z.array(file).max(256).default([]),
  protocols: z
    .array(z.string().regex(/^[a-z][a-z0-9+.-]*$/))
    .min(1)
    .max(8)
    .default(['https']),
  jobs: z.int().min(1).max(64).default(1),
  everySeconds: z.int().min(1).max(86_400).default(60),
  confirm: z.boolean().default(true),
})

/** @throws ProgramError CONFIG_INVALID */
export async function readRebuilderConfig(
  folder: string,
  name: string = rebuilderConfigName,
): Promise<RebuilderConfig> {
  const path = resolve(folder, name)
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw invalid(`cannot read ${path}: ${systemReason(error)}`, error)
  })
  return parseRebuilderConfig(text, dirname(path))
}

/** @param base what the paths are relative to */
export function parseRebuilderConfig(text: string, base: string): RebuilderConfig {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw invalid('it is not JSON', error)
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(`${issue?.path.join('.') || 'the document'}: ${issue?.message}`, parsed.error)
  }
  const { format: _, products, engine = null, ...rest } = parsed.data
  const at = (path: string) => resolve(base, path)
  return {
    ...rest,
    engine,
    key: at(rest.key),
    state: at(rest.state),
    images: rest.images.map(at),
    products: new Map(Object.entries(products).map(([name, each]) => [name, { ...each, trust: at(each.trust) }])),
  }
}

function invalid(why: string, cause: unknown): ProgramError {
  return new ProgramError({
    code: 'CONFIG_INVALID',
    detail: `the rebuilder's configuration cannot be used: ${why}`,
    remedy: 'Correct it; docs/rebuilding.md shows every field.',
    cause,
  })
}
