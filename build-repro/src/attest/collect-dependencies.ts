/** Everything that went into a build, as far as it can be named: source, image, what is installed there, what lock files pin. */
import { createHash } from 'node:crypto'
import type { Source } from '@samebits/core'
import type { BuildResult } from '../build/run-build.ts'
import { parseImageLock } from '../image/image-files.ts'
import { recipeName } from '../recipe.ts'
import type { FoundRecipe } from '../source/find-recipe.ts'
import { filesIn } from '../source/read-archive.ts'
import type { Dependency } from './dependency.ts'
import { type ImageRecords, imagePackages } from './image-packages.ts'
import { lockReaders } from './lock-files.ts'

export interface Inputs extends Pick<ImageRecords, 'engine' | 'scratch'> {
  readonly source: Source
  /** The tar of the source. */
  readonly archive: string
  readonly recipe: FoundRecipe
  readonly recipeDigest: string
}

export async function collectDependencies(
  build: BuildResult,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<readonly Dependency[]> {
  const { engine, scratch, source, archive, recipe, recipeDigest } = inputs
  const { image } = build
  const { gitCommit, sha256, uri } = source
  const debs = await pinnedDebs(archive, recipe)
  const installed = await imagePackages({ engine, image: image.facts.id, scratch, debs }, signal)
  return [
    { name: 'source', uri: `${uri}@${gitCommit}`, digest: { gitCommit, sha256 }, digestOf: 'git archive --format=tar' },
    { name: `${recipe.prefix}${recipeName}`, digest: { sha256: recipeDigest } },
    { name: 'image', digest: { sha256: image.facts.id.slice('sha256:'.length) }, digestOf: 'OCI image configuration' },
    ...(image.dockerfile === null ? [] : [{ name: 'Dockerfile', digest: { sha256: image.digest } }]),
    ...installed,
    ...(await lockedDependencies(archive)),
  ]
}

/** The .debs that an image was made from, where the recipe names the lock that says so (image/image-files.ts). */
async function pinnedDebs(archive: string, { recipe, prefix }: FoundRecipe): Promise<ImageRecords['debs']> {
  const { image } = recipe
  if (!('id' in image) || image.lock === undefined) return undefined
  const path = prefix + image.lock
  const [file] = await filesIn(archive, (each) => each === path)
  if (file === undefined) return undefined
  const lock = parseImageLock(Buffer.from(file.bytes).toString('utf8'))
  if (lock.image.id !== image.id) return undefined // of another image: it says nothing about this one
  return new Map(lock.packages.map(({ file: name, sha256 }) => [debKey(name), sha256]))
}

/** `git_1%3a2.39.5_amd64.deb`, as apt names it, is version 1:2.39.5. */
function debKey(file: string): string {
  return file.slice(0, -'.deb'.length).replaceAll('%3a', ':')
}

/** Each lock file of the source by its own digest, and what it pins. */
async function lockedDependencies(archive: string): Promise<readonly Dependency[]> {
  const files = await filesIn(archive, (path) => lockReaders.has(nameOf(path)) && !path.includes('node_modules/'))
  return files.flatMap(({ path, bytes }) => {
    const digest = { sha256: createHash('sha256').update(bytes).digest('hex') }
    const read = lockReaders.get(nameOf(path))
    return [{ name: path, digest }, ...(read?.(Buffer.from(bytes).toString('utf8')) ?? [])]
  })
}

function nameOf(path: string): string {
  return path.split('/').at(-1) ?? ''
}
