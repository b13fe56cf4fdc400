/** Room in the state: what goes, in which order, and what never does. */
import { describe, expect, it } from 'vitest'
import { nodeCrypto } from '../node.ts'
import { canonicalJson } from '../release/strict-json.ts'
import { compacted } from './compact.ts'
import { findRelease, metReleasesAt, nothingKnown } from './known.ts'
import type { Floor, Known, KnownRelease, KnownVote } from './state.ts'
import { MAX_STATE_SIZE } from './state.ts'

const hex = (text: string) => Buffer.from(nodeCrypto.sha256(Buffer.from(text))).toString('hex')
const [source, recipeDigest, imageDigest] = ['source', 'recipe', 'image'].map(hex) as [string, string, string]

const release = (sequence: number, channel = 'stable'): KnownRelease => ({
  id: hex(`${channel} ${sequence}`),
  channel,
  sequence,
  version: `1.${sequence}.0`,
  previous: sequence === 1 ? null : hex(`${channel} ${sequence - 1}`),
  artifacts: ['linux', 'macos', 'windows'].map((platform) => ({
    ...{ name: `notes-${platform}.tar.gz`, platform, mediaType: 'application/gzip', partOf: null },
    ...{ sha256: hex(`${channel} ${sequence} ${platform}`), source, recipeDigest, imageDigest },
  })),
  entries: [{ index: sequence * 10, member: hex('publisher') }],
  ripeAt: null,
})

/** What an operator says of every artifact: the same bytes, or others. */
const votes = ({ id, sequence, artifacts }: KnownRelease, operator: string, other = false): KnownVote[] =>
  artifacts.map(({ name, sha256 }) => ({
    ...{ index: sequence * 10 + 1, member: hex(operator), name, artifact: other ? hex('other') : sha256 },
    ...{ source, recipeDigest, imageDigest, release: id },
  }))

const product = (count: number): Known => {
  const releases = Array.from({ length: count }, (_, at) => release(at + 1))
  return { ...nothingKnown, releases, votes: releases.flatMap((one) => votes(one, 'rob')) }
}
const floorAt = (sequence: number): Map<string, Floor> =>
  new Map([['stable', { sequence, id: hex(`stable ${sequence}`) }]])
const sizeOf = (known: Known) => canonicalJson(known).length

describe('what is known', () => {
  it('stays as it is while there is room', () => {
    const known = product(500)
    expect(compacted(known, floorAt(499))).toBe(known)
  })

  it('loses builds and positive votes below the floor first, and only there', () => {
    const small = compacted(product(1100), floorAt(1000))
    expect(small.releases.map(({ artifacts }) => artifacts.every(({ source: from }) => from === null))).toEqual(
      Array.from({ length: 1100 }, (_, at) => at + 1 < 1000),
    )
    expect(small.releases.every(({ artifacts }) => artifacts.length === 3)).toBe(true)
    expect(new Set(small.votes.map(({ index }) => index))).toEqual(
      new Set(Array.from({ length: 101 }, (_, at) => (at + 1000) * 10 + 1)),
    )
  })

  it('fits a state with ten thousand releases of many artifacts, first met without a floor', () => {
    const small = compacted(product(10_000), new Map())
    expect(sizeOf(small)).toBeLessThan(MAX_STATE_SIZE)
    expect(small.releases.filter(({ artifacts }) => artifacts.length > 0)).toEqual(product(10_000).releases.slice(-256))
  })

  it.each([
    ['below the floor', floorAt(4900)],
    ['without a floor', new Map()],
  ])('keeps whatever forbids, %s', (_, floors) => {
    const known = product(5000)
    const against = votes(release(3), 'rhea', true)
    const statements = [
      { id: hex('r'), kind: 'revocation', ids: [release(2).id], entries: [{ index: 7, member: hex('p') }] } as const,
    ]
    const small = compacted({ ...known, statements, votes: [...known.votes, ...against] }, floors)
    const skeleton = ({ releases }: Known) => releases.map((one) => ({ ...one, artifacts: [] }))
    expect(skeleton(small)).toEqual(skeleton(known))
    expect(small.statements).toEqual(statements)
    expect(small.votes).toEqual(expect.arrayContaining(against))
  })

  it('keeps a vote for bytes that a release of today has as well', () => {
    const known = product(1100)
    const [old, young] = [known.releases[0] as KnownRelease, known.releases[1099] as KnownRelease]
    const shared = { ...young, artifacts: old.artifacts }
    const nameless = votes(old, 'rhea').map((vote) => ({ ...vote, release: null }))
    const both = { ...known, releases: [...known.releases.slice(0, -1), shared], votes: [...known.votes, ...nameless] }
    expect(compacted(both, floorAt(1000)).votes).toEqual(expect.arrayContaining(nameless))
    const alone = { ...known, votes: [...known.votes, ...nameless] }
    expect(compacted(alone, floorAt(1000)).votes).not.toEqual(expect.arrayContaining(nameless))
  })

  it('is not emptied by sequences that somebody made up', () => {
    const jumps = Array.from({ length: 300 }, (_, at) => ({
      ...release(2 ** 40 + at),
      entries: [{ index: at, member: hex('x') }],
    }))
    const known = product(10_000)
    const small = compacted({ ...known, releases: [...jumps, ...known.releases] }, new Map())
    expect(findRelease(small, release(10_000).id)?.artifacts).toHaveLength(3)
    expect(small.releases).toHaveLength(10_300)
  })
})

it('releases are found among thousands by id and by place', () => {
  const known = product(3000)
  expect(findRelease(known, release(2999).id)).toEqual(release(2999))
  expect(findRelease(known, hex('nothing'))).toBeNull()
  const publishers = { threshold: 1, members: [] }
  const rule = { trust: { publishers }, endsAt: null } as unknown as Parameters<typeof metReleasesAt>[0]
  expect(metReleasesAt(rule, known, { channel: 'stable', sequence: 5 })).toEqual([])
})
