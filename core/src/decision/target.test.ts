/** Which artifact is meant, and with which parts. */
import { describe, expect, it } from 'vitest'
import type { KnownArtifact } from './state.ts'
import { selectTarget, type TargetWant } from './target.ts'

const file = (name: string, over: Partial<KnownArtifact> = {}): KnownArtifact => ({
  ...{ name, platform: 'linux-x64', mediaType: 'application/gzip', partOf: null, sha256: '' },
  ...{ source: null, recipeDigest: null, imageDigest: null },
  ...over,
})
const zip = { mediaType: 'application/zip' }
const found = (artifacts: readonly KnownArtifact[], over: Partial<TargetWant> = {}, channels = ['stable']) => {
  const want = { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null, ...over }
  const selected = selectTarget(channels, { channel: 'stable', artifacts }, want)
  if ('refusal' in selected) return [selected.refusal.code, selected.refusal.detail]
  const { artifact, parts } = selected.target
  return [artifact.name, ...parts.map(({ name }) => name)]
}

describe('of the artifacts of a release', () => {
  it.each<[string, ReturnType<typeof found>, unknown[]]>([
    ['the one for the platform', found([file('a', { platform: 'win32-x64' }), file('b')]), ['b']],
    ['one for any platform', found([file('a', { platform: 'any' })]), ['a']],
    [
      'the one for the platform before one for any',
      found([file('a', { platform: 'any', ...zip }), file('b', zip)], zip),
      ['b'],
    ],
    ['the one that is named', found([file('a'), file('b')], { artifact: 'b' }), ['b']],
    ['the one of that media type', found([file('a'), file('b', zip)], zip), ['b']],
    [
      'with its parts, and no others',
      found([file('a'), file('p', { partOf: 'a' }), file('q', { partOf: 'b' })]),
      ['a', 'p'],
    ],
    ['not: a part alone', found([file('p', { partOf: 'a' })]), ['WRONG_PLATFORM', 'no artifact for linux-x64']],
    [
      'not: another name, another media type',
      found([file('a')], { artifact: 'b', ...zip }),
      ['WRONG_PLATFORM', 'no artifact for linux-x64, b, application/zip'],
    ],
    ['not: several', found([file('a'), file('b')]), [null, 'several artifacts fit: a, b']],
    [
      'not: of another channel',
      found([file('a')], { channel: 'beta' }),
      ['WRONG_CHANNEL', 'the release is of channel stable, not beta'],
    ],
    [
      'not: of a channel that is none',
      found([file('a')], {}, ['beta']),
      ['WRONG_CHANNEL', 'stable is no channel of this trust file'],
    ],
  ])('%s', (_, selected, expected) => {
    expect(selected).toEqual(expected)
  })
})
