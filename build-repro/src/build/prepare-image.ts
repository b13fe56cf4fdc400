/** From the image that a recipe names to one that the engine has, by its ID. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProgramError, systemReason } from '@samebits/host'
import type { ContainerEngine, ImageFacts } from '../engines/engine.ts'
import type { ImageSource } from './build-recipe.ts'

export interface PreparedImage {
  readonly facts: ImageFacts
  /** What the statements call `imageDigest`: the ID, or for a Dockerfile its SHA-256; 64 hex digits (docs/formats.md §1). */
  readonly digest: string
  /** The Dockerfile's text, where there is one. */
  readonly dockerfile: string | null
}

export interface ImagePreparation {
  readonly engine: ContainerEngine
  /** The folder that the recipe's paths start from. */
  readonly folder: string
  /** SOURCE_DATE_EPOCH. */
  readonly epoch: number
  /** Archives that may hold the image; the one that does is loaded. */
  readonly archives: readonly string[]
  readonly onOutput: (chunk: Uint8Array) => void
}

/** @throws ProgramError IMAGE_MISSING, IMAGE_MISMATCH, ENGINE_FAILED */
export async function prepareImage(
  image: ImageSource,
  about: ImagePreparation,
  signal: AbortSignal,
): Promise<PreparedImage> {
  if ('dockerfile' in image) return builtImage(image.dockerfile, about, signal)
  const facts =
    'id' in image ? await imageById(image.id, about, signal) : await about.engine.pullImage(image.reference, signal)
  return { facts, digest: bare(facts.id), dockerfile: null }
}

async function imageById(id: string, { engine, archives }: ImagePreparation, signal: AbortSignal): Promise<ImageFacts> {
  const there = await engine.findImage(id, signal)
  if (there !== null) return there
  for (const archive of archives) {
    const loaded = await engine.loadImage(archive, id, signal).catch((error: unknown) => {
      if (error instanceof ProgramError && error.code === 'IMAGE_MISMATCH' && archives.length > 1) return null
      throw error
    })
    if (loaded !== null) return loaded
  }
  throw new ProgramError({
    code: 'IMAGE_MISSING',
    detail: `${engine.name} does not have the image ${id}`,
    remedy: 'Name the archive that holds it with --image-archive, or make it again with samebits-build image.',
  })
}

async function builtImage(path: string, about: ImagePreparation, signal: AbortSignal): Promise<PreparedImage> {
  const { engine, folder, epoch, onOutput } = about
  const file = join(folder, path)
  const bytes = await readFile(file).catch((error: Error) => {
    throw new ProgramError({
      code: 'IMAGE_MISSING',
      detail: `cannot read the Dockerfile ${file}: ${systemReason(error)}`,
      remedy: 'Correct the recipe, or commit the file.',
      cause: error,
    })
  })
  const facts = await engine.buildImage({ dockerfile: file, context: folder, epoch, onOutput }, signal)
  const digest = createHash('sha256').update(bytes).digest('hex')
  return { facts, digest, dockerfile: bytes.toString('utf8') }
}

function bare(id: string): string {
  return id.slice('sha256:'.length)
}
