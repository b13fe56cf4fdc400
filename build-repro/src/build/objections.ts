/** Why the result of a build must not be attested, however good it looks (docs/design.md §5). */
import { ProgramError } from '@samebits/host'
import { floatingImages } from '../image/dockerfile.ts'
import type { BuildRecipe } from './build-recipe.ts'
import type { Source } from './source.ts'

export interface Objection {
  readonly code: 'IMAGE_FLOATS' | 'BASE_FLOATS' | 'NETWORK_IN_BUILD' | 'NO_CONTAINER' | 'NO_COMMIT'
  readonly detail: string
  readonly remedy: string
}

export interface Circumstances {
  readonly recipe: BuildRecipe
  /** The Dockerfile's text, where the recipe names one. */
  readonly dockerfile: string | null
  readonly isolates: boolean
  readonly source: Pick<Source, 'kind'>
}

/** All of them; none: what comes out may be attested. */
export function objectionsTo({ recipe, dockerfile, isolates, source }: Circumstances): readonly Objection[] {
  const all: Objection[] = []
  const { image } = recipe
  if ('reference' in image && !/@sha256:[0-9a-f]{64}$/.test(image.reference))
    all.push({
      code: 'IMAGE_FLOATS',
      detail: `the image ${image.reference} is named by a tag, which can be moved to another image`,
      remedy: 'Name it by digest, as name@sha256:….',
    })
  for (const base of dockerfile === null ? [] : floatingImages(dockerfile))
    all.push({
      code: 'BASE_FLOATS',
      detail: `the Dockerfile takes ${base}, which can become something else`,
      remedy: 'Name images as name@sha256:…, and give ADD of a URL its --checksum.',
    })
  if (recipe.build.network === true)
    all.push({
      code: 'NETWORK_IN_BUILD',
      detail: 'the build step has the network on: what it fetched is part of no statement',
      remedy: 'Fetch in the fetch step, by a lock file, and build without the network.',
    })
  if (!isolates)
    all.push({
      code: 'NO_CONTAINER',
      detail: 'the build ran on this machine without a container',
      remedy: 'Build with --engine podman or docker.',
    })
  if (source.kind !== 'commit')
    all.push({
      code: 'NO_COMMIT',
      detail: 'the source was a folder as it lay there, not a commit',
      remedy: 'Commit, and build the commit.',
    })
  return all
}

/** @throws ProgramError NOT_ATTESTABLE with every objection in it */
export function demandAttestable(objections: readonly Objection[]): void {
  const [first] = objections
  if (first === undefined) return
  throw new ProgramError({
    code: 'NOT_ATTESTABLE',
    detail: objections.map(({ code, detail }) => `${detail} (${code})`).join('; '),
    remedy: objections.map(({ remedy }) => remedy).join(' '),
    exitCode: 10,
  })
}
