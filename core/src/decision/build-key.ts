/** What a vote that names no release speaks for: bytes, and the build that they came from. */
import type { KnownArtifact } from './state.ts'

interface BuildDigests {
  readonly source: string | null
  readonly recipeDigest: string | null
  readonly imageDigest: string | null
}

/** Bytes and where they came from: what a vote that names no release speaks for. */
export function buildKey(sha256: string, { source, recipeDigest, imageDigest }: BuildDigests): string {
  return [sha256, source, recipeDigest, imageDigest].join(' ')
}

export function artifactKey(artifact: KnownArtifact): string {
  return buildKey(artifact.sha256, artifact)
}
