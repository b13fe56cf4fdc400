/** Taking the artifacts out of a tree that somebody else's program has just written. */
import { mkdir, realpath } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import { ProgramError, systemReason } from '@samebits/host'
import { copyMeasured, type Measured, measure } from '../artifacts.ts'
import { artifactOf, type BuildRecipe, type RecipeArtifact } from './build-recipe.ts'

export interface Output extends Measured {
  /** As the recipe says. */
  readonly artifact: RecipeArtifact
}

/**
 * Copies each artifact of the recipe from the tree to `into`, by its name. Nothing runs in the tree any more. A path that leads out of
 * the tree through a symbolic link is refused: the build must not choose which of this machine's files are taken.
 *
 * @throws ProgramError ARTIFACT
 */
export async function collectOutputs(
  recipe: Pick<BuildRecipe, 'artifacts'>,
  folder: string,
  into: string,
  signal: AbortSignal,
): Promise<readonly Output[]> {
  await mkdir(into, { recursive: true })
  const root = await realpath(folder)
  const outputs: Output[] = []
  for (const artifact of recipe.artifacts.map(artifactOf)) {
    const path = join(root, artifact.path)
    const real = await realpath(path).catch((error: Error) => {
      throw refuse(`the build did not make ${artifact.path}: ${systemReason(error)}`)
    })
    if (!real.startsWith(root + sep)) throw refuse(`${artifact.path} leads out of the source tree`)
    const measured = await measure(real, signal)
    const target = join(into, basename(artifact.path))
    await copyMeasured(measured, target, signal)
    outputs.push({ ...measured, name: basename(artifact.path), path: target, artifact })
  }
  return outputs
}

function refuse(detail: string): ProgramError {
  return new ProgramError({
    code: 'ARTIFACT',
    detail,
    remedy: 'Look at the log of the build, and at "artifacts" in the recipe.',
    exitCode: 10,
  })
}
