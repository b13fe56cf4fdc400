/** Everything that went into a build, as far as it can be named: source, image, what is installed there, what lock files pin. */
import { createHash } from 'node:crypto'
import type { Source } from '@samebits/core'
import type { BuildResult } from '../build/run-build.ts'
import { filesIn } from '../source/read-archive.ts'
import type { Dependency } from './dependency.ts'
import { type ImageRecords, imagePackages } from './image-packages.ts'
import { lockReaders } from './lock-files.ts'

export interface Inputs extends Pick<ImageRecords, 'engine' | 'scratch' | 'debs'> {
  readonly source: Source
  /** The tar of the source. */
  readonly archive: string
  /** Where the recipe lies in it: '' or a path that ends in `/`. */
  readonly prefix: string
  readonly recipeDigest: string
}

export async function collectDependencies(
  build: BuildResult,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<readonly Dependency[]> {
  const { engine, scratch, debs, source, archive, prefix, recipeDigest } = inputs
  const { image } = build
  const { gitCommit, sha256, uri } = source
  const installed = await imagePackages({ engine, image: image.facts.id, scratch, debs }, signal)
  return [
    { name: 'source', uri: `${uri}@${gitCommit}`, digest: { gitCommit, sha256 }, digestOf: 'git archive --format=tar' },
    { name: `${prefix}samebits.build.json`, digest: { sha256: recipeDigest } },
    { name: 'image', digest: { sha256: image.facts.id.slice('sha256:'.length) }, digestOf: 'OCI image configuration' },
    ...(image.dockerfile === null ? [] : [{ name: 'Dockerfile', digest: { sha256: image.digest } }]),
    ...installed,
    ...(await lockedDependencies(archive)),
  ]
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
