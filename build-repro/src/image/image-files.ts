/**
 * What is written down of a base image that is made from Debian's packages: the wish, which people write, and the lock, which
 * `samebits-build image` writes beside it.
 *
 *     debian.image.json   { "format": 1,
 *                           "suite": "bookworm",
 *                           "architecture": "amd64",
 *                           "sources": ["deb http://deb.debian.org/debian bookworm main"],
 *                           "packages": ["build-essential", "locales"],   // beside Debian's essential ones and apt
 *                           "locales": ["et_EE.UTF-8"],                   // made with localedef; C.UTF-8 is always there
 *                           "epoch": 1790000000 }                         // every time inside, and of the image
 *
 *     debian.lock.json    { "format": 1, "wish": { … }, "packages": [{ "file", "url", "size", "sha256" }],
 *                           "image": { "id", "manifestDigest", "layerDigest" } }
 *
 * Whoever has the lock makes the same image, bit for bit: from the pool of the same .debs without any network, or from wherever their
 * URLs still answer with bytes of these digests.
 */
import { ProgramError } from '@samebits/host'
import { z } from 'zod'

export interface ImageWish {
  readonly format: 1
  readonly suite: string
  readonly architecture: string
  readonly sources: readonly string[]
  readonly packages: readonly string[]
  readonly locales: readonly string[]
  readonly epoch: number
}

export interface LockedPackage {
  /** `<name>_<version>_<architecture>.deb`, as apt names it. */
  readonly file: string
  readonly url: string
  readonly size: number
  readonly sha256: string
}

export interface ImageLock {
  readonly format: 1
  readonly wish: ImageWish
  readonly packages: readonly LockedPackage[]
  readonly image: { readonly id: string; readonly manifestDigest: string; readonly layerDigest: string }
}

const word = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.+-]{0,127}$/, 'must be a name of lower-case letters, digits, ".", "+" and "-"')
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const wishSchema: z.ZodType<ImageWish> = z.strictObject({
  format: z.literal(1),
  suite: word,
  architecture: z.enum(['amd64', 'arm64']),
  sources: z
    .array(
      z
        .string()
        .regex(
          /^deb https?:\/\/[!-Z^-~]+( [A-Za-z0-9./-]+)+$/,
          'must be "deb http(s)://… suite component", without options',
        ),
    )
    .min(1)
    .max(16),
  packages: z.array(word).max(1024),
  locales: z.array(z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?(@[a-z]+)?\.UTF-8$/)).max(64),
  epoch: z.int().min(0).max(0xffff_ffff),
})
const lockSchema: z.ZodType<ImageLock> = z.strictObject({
  format: z.literal(1),
  wish: wishSchema,
  packages: z
    .array(
      z.strictObject({
        file: z.string().regex(/^[a-z0-9][A-Za-z0-9.+~%:_-]{0,250}\.deb$/),
        url: z.url({ protocol: /^https?$/ }).max(4096),
        size: z.int().min(1),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1)
    .max(16_384),
  image: z.strictObject({ id: digest, manifestDigest: digest, layerDigest: digest }),
})

/** @throws ProgramError IMAGE_WISH_INVALID */
export function parseImageWish(text: string): ImageWish {
  return parse(wishSchema, text, 'IMAGE_WISH_INVALID')
}

/** @throws ProgramError IMAGE_LOCK_INVALID */
export function parseImageLock(text: string): ImageLock {
  return parse(lockSchema, text, 'IMAGE_LOCK_INVALID')
}

export function formatImageLock(lock: ImageLock): string {
  return `${JSON.stringify(lock, null, 1)}\n`
}

function parse<T>(schema: z.ZodType<T>, text: string, code: string): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined
    const why = issue === undefined ? 'it is not JSON' : `${issue.path.join('.') || 'the document'}: ${issue.message}`
    throw new ProgramError({
      code,
      detail: `the description of the image cannot be used: ${why}`,
      remedy: 'build-repro/README.md shows every field; a lock is made again with samebits-build image --update.',
      cause: error,
    })
  }
}
