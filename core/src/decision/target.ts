/** Which artifact of a release is meant (docs/decision.md step 16). */
import { type Refusal, refuse, usage } from './refusal.ts'
import type { KnownArtifact, KnownRelease } from './state.ts'
import type { Want } from './want.ts'

export type TargetWant = Pick<Want, 'channel' | 'platform' | 'artifact' | 'mediaType'>

/** The artifact, and the files that its installer runs. */
export interface Target {
  readonly artifact: KnownArtifact
  readonly parts: readonly KnownArtifact[]
}

/** docs/decision.md step 16, but for the product. */
export function selectTarget(
  channels: readonly string[],
  release: Pick<KnownRelease, 'channel' | 'artifacts'>,
  want: TargetWant,
): { readonly target: Target } | { readonly refusal: Refusal } {
  const { channel, artifacts } = release
  const wrong = (detail: string): { refusal: Refusal } => ({ refusal: refuse('WRONG_CHANNEL', '16', detail) })
  if (channel !== want.channel) return wrong(`the release is of channel ${channel}, not ${want.channel}`)
  if (!channels.includes(channel)) return wrong(`${channel} is no channel of this trust file`)
  const whole = artifacts.filter(({ partOf }) => partOf === null)
  const fitting = whole.filter(
    ({ name, platform, mediaType }) =>
      (platform === want.platform || platform === 'any') &&
      (want.artifact === null || name === want.artifact) &&
      (want.mediaType === null || mediaType === want.mediaType),
  )
  const [first] = fitting
  if (first === undefined) {
    const wanted = [want.artifact, want.mediaType].filter((part) => part !== null)
    return { refusal: refuse('WRONG_PLATFORM', '16', `no artifact for ${[want.platform, ...wanted].join(', ')}`) }
  }
  if (fitting.length > 1 && want.mediaType === null) {
    return { refusal: usage('16', `several artifacts fit: ${fitting.map(({ name }) => name).join(', ')}`) }
  }
  const artifact = fitting.find(({ platform }) => platform === want.platform) ?? first
  return { target: { artifact, parts: artifacts.filter(({ partOf }) => partOf === artifact.name) } }
}
