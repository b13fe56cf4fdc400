import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../bytes.ts'
import { formatVkey, makeVkey } from '../log/vkey.ts'
import { generateSigningKey, nodeCrypto } from '../node.ts'
import { formatSpkiPem } from '../spki.ts'
import { buildTypes, type RebuildStatement, type ReleaseStatement } from './statement.ts'
import { parseTrust, type Trust } from './trust.ts'
import { bearing, rebuildersNeeded, standingVotes, tally, type Vote, votedArtifact, votesOf } from './votes.ts'

const hex = (letter: string) => letter.repeat(64)
const member = (id: string, more: object = {}) => ({
  id,
  publicKey: formatSpkiPem(generateSigningKey('ed25519')),
  ...more,
})

function makeTrust(rebuilders: object = {}): Trust {
  const log = makeVkey(nodeCrypto, 'log.example', 1, generateSigningKey('ed25519').publicKey)
  const witness = makeVkey(nodeCrypto, 'witness.example', 4, generateSigningKey('ed25519').publicKey)
  const file = {
    format: 1,
    version: 1,
    product: 'example.com/notes',
    channels: ['stable'],
    tlogPolicy: `log ${formatVkey(log)}\nwitness w ${formatVkey(witness)}\nquorum w\n`,
    authority: { threshold: 1, members: [member('root')] },
    publishers: { threshold: 1, members: [member('alice'), member('zoe')] },
    rebuilders: {
      threshold: 2,
      platforms: { 'darwin-arm64': 0 },
      members: [
        member('carol'),
        member('carol2', { operator: 'carol' }),
        member('dave', { from: 5, until: 50 }),
        member('alice-builds', { operator: 'alice' }),
      ],
      onMismatch: 'refuse',
      ...rebuilders,
    },
    freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' },
    history: { mode: 'complete' },
    heads: {},
  }
  return parseTrust(nodeCrypto, utf8(JSON.stringify(file)))
}

const trust = makeTrust()
const source = { uri: 'git+https://example.com/notes', gitCommit: '0'.repeat(40), sha256: hex('5') }
const RELEASE = hex('1')

const release: ReleaseStatement = {
  kind: 'release',
  product: 'example.com/notes',
  channel: 'stable',
  version: '1.0.0',
  sequence: 1,
  previous: null,
  artifacts: [
    { name: 'notes', platform: 'linux-x64', size: 1, mediaType: 'a/b', sha256: hex('a') },
    { name: 'docs', platform: 'any', size: 1, mediaType: 'a/b', sha256: hex('d') },
    { name: 'mac', platform: 'darwin-arm64', size: 1, mediaType: 'a/b', sha256: hex('e') },
  ],
  builds: [{ artifacts: ['notes', 'mac'], source, recipeDigest: hex('6'), imageDigest: hex('7'), sourceDateEpoch: 0 }],
}
const about = (name: string) => {
  const artifact = release.artifacts.find((candidate) => candidate.name === name)
  if (artifact === undefined) throw new Error(`no artifact ${name}`)
  return votedArtifact(RELEASE, release, artifact)
}

const rebuild: RebuildStatement = {
  kind: 'rebuild',
  product: 'example.com/notes',
  subjects: [{ name: 'notes', sha256: hex('a') }],
  buildType: buildTypes.container,
  source,
  recipeDigest: hex('6'),
  imageDigest: hex('7'),
  release: RELEASE,
  dependencies: { sha256: hex('8') },
  builder: { id: 'https://builder.example' },
}
const got = (sha256: string, name = 'notes') => ({ ...rebuild, subjects: [{ name, sha256 }] })
const { release: _, ...unnamed } = rebuild

describe('a rebuild is a vote', () => {
  it.each([
    ['of a rebuilder', rebuild, 'carol', 3, 1],
    [
      'with two artifacts: two',
      { ...rebuild, subjects: [...rebuild.subjects, { name: 'mac', sha256: hex('e') }] },
      'carol',
      3,
      2,
    ],
    ['of a rebuilder from its "from"', rebuild, 'dave', 5, 1],
    ['not before', rebuild, 'dave', 4, 0],
    ['not at its "until"', rebuild, 'dave', 50, 0],
    ['not of an operator that publishes, with whatever key', rebuild, 'alice-builds', 3, 0],
    ['not of a publisher', rebuild, 'alice', 3, 0],
    ['not of the authority', rebuild, 'root', 3, 0],
    ['not of a stranger', rebuild, 'mallory', 3, 0],
    ['not without a container', { ...rebuild, buildType: buildTypes.host }, 'carol', 3, 0],
  ])('%s', (_desc, statement, memberId, index, count) => {
    expect(votesOf(trust, statement, index, memberId)).toHaveLength(count)
  })
})

describe('a vote about an artifact is', () => {
  const [vote] = votesOf(trust, rebuild, 3, 'carol')
  if (vote === undefined) throw new Error('no vote')

  it.each([
    ['positive for the same bytes from the same build', vote, 'positive'],
    ['positive whichever release it names', { ...vote, release: hex('9') }, 'positive'],
    ['positive without a release', { ...vote, release: null }, 'positive'],
    ['positive under another name', { ...vote, name: 'notes-beta' }, 'positive'],
    ['negative for other bytes under this name and release', { ...vote, sha256: hex('b') }, 'negative'],
    [
      'negative for other bytes, whatever it was built from',
      { ...vote, sha256: hex('b'), recipeDigest: hex('9') },
      'negative',
    ],
    ['nothing for other bytes of another release', { ...vote, sha256: hex('b'), release: hex('9') }, 'none'],
    ['nothing for other bytes without a release', { ...vote, sha256: hex('b'), release: null }, 'none'],
    ['nothing for other bytes under another name', { ...vote, sha256: hex('b'), name: 'other' }, 'none'],
    ['nothing for another product', { ...vote, product: 'example.com/other' }, 'none'],
    ['nothing against another product', { ...vote, product: 'example.com/other', sha256: hex('b') }, 'none'],
    ['nothing from another source', { ...vote, source: hex('9') }, 'none'],
    ['nothing by another recipe', { ...vote, recipeDigest: hex('9') }, 'none'],
    ['nothing in another image', { ...vote, imageDigest: hex('9') }, 'none'],
  ])('%s', (_desc, cast, expected) => {
    expect(bearing(cast, about('notes'))).toBe(expected)
  })

  it('never positive for an artifact without a build', () => {
    expect(bearing({ ...vote, name: 'docs', sha256: hex('d') }, about('docs'))).toBe('none')
  })
})

const cast = (memberId: string, index: number, statement: RebuildStatement = rebuild): readonly Vote[] =>
  votesOf(trust, statement, index, memberId)
const standing = (...votes: readonly (readonly Vote[])[]) => {
  const { positive, negative, enough, refused } = tally(trust, about('notes'), votes.flat())
  return { positive, negative, enough, refused }
}
const open = { positive: [], negative: [], enough: false, refused: false }

describe('the votes stand', () => {
  it.each([
    ['none', () => standing(), open],
    ['one of two', () => standing(cast('carol', 3)), { ...open, positive: ['carol'] }],
    [
      'one operator with two keys',
      () => standing(cast('carol', 3), cast('carol2', 4)),
      { ...open, positive: ['carol'] },
    ],
    [
      'two of two',
      () => standing(cast('carol', 3), cast('dave', 6)),
      { ...open, positive: ['carol', 'dave'], enough: true },
    ],
    [
      'two of two, told in the order of their names',
      () => standing(cast('dave', 6), cast('carol', 7)),
      { ...open, positive: ['carol', 'dave'], enough: true },
    ],
    [
      'one for, and a later one about something else',
      () => standing(cast('carol', 3), cast('carol', 8, got(hex('e'), 'mac'))),
      { ...open, positive: ['carol'] },
    ],
    [
      'one against, and a later one about something else',
      () => standing(cast('carol', 3, got(hex('b'))), cast('carol', 8, got(hex('e'), 'mac'))),
      { ...open, negative: ['carol'], refused: true },
    ],
    [
      'one for and a later one for other bytes of that name, neither of a release',
      () => standing(cast('carol', 3, unnamed), cast('carol', 8, { ...unnamed, subjects: got(hex('b')).subjects })),
      { ...open, positive: ['carol'] },
    ],
    [
      'two for, one of them taken back',
      () => standing(cast('carol', 3), cast('dave', 6), cast('dave', 9, got(hex('b')))),
      { ...open, positive: ['carol'], negative: ['dave'], refused: true },
    ],
    [
      'one against, taken back by the same operator',
      () => standing(cast('carol', 3, got(hex('b'))), cast('carol', 5), cast('dave', 6)),
      { ...open, positive: ['carol', 'dave'], enough: true },
    ],
    [
      "one against, taken back under the operator's other key, without a release",
      () => standing(cast('carol', 3, got(hex('b'))), cast('carol2', 5, unnamed)),
      { ...open, positive: ['carol'] },
    ],
    [
      'an older vote for does not take back a newer one against',
      () => standing(cast('carol', 8, got(hex('b'))), cast('carol', 3)),
      { ...open, negative: ['carol'], refused: true },
    ],
    [
      'a vote for that the operator took back on the release it named, for the same bytes promoted',
      () =>
        standing(
          cast('carol', 3, { ...rebuild, release: hex('9') }),
          cast('carol', 4, { ...got(hex('b')), release: hex('9') }),
        ),
      open,
    ],
    [
      'one statement that says both: against',
      () =>
        standing(
          cast('carol', 3, {
            ...rebuild,
            subjects: [
              { name: 'other', sha256: hex('a') },
              { name: 'notes', sha256: hex('b') },
            ],
          }),
        ),
      { ...open, negative: ['carol'], refused: true },
    ],
    [
      'one statement that says both, the other way round: against',
      () =>
        standing(
          cast('carol', 3, {
            ...rebuild,
            subjects: [
              { name: 'notes', sha256: hex('b') },
              { name: 'other', sha256: hex('a') },
            ],
          }),
        ),
      { ...open, negative: ['carol'], refused: true },
    ],
  ])('%s', (_desc, actual, expected) => {
    expect(actual()).toEqual(expected)
  })

  it('whatever the order they are counted in', () => {
    const statements = [rebuild, unnamed, got(hex('b')), got(hex('a'), 'other'), { ...rebuild, release: hex('9') }]
    const votes = fc.array(
      fc.record({
        member: fc.constantFrom('carol', 'carol2', 'dave'),
        at: fc.nat(4),
        index: fc.integer({ min: 5, max: 40 }),
      }),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 5, max: 40 }), { maxLength: 12 }),
        votes,
        fc.infiniteStream(fc.nat()),
        (indices, chosen, random) => {
          const all = indices.flatMap((index, n) => {
            const one = chosen[n % Math.max(1, chosen.length)]
            return one === undefined ? [] : cast(one.member, index, statements[one.at])
          })
          const shuffled = all.map((vote) => ({ vote, key: random.next().value })).sort((a, b) => a.key - b.key)
          expect(
            tally(
              trust,
              about('notes'),
              shuffled.map(({ vote }) => vote),
            ),
          ).toEqual(tally(trust, about('notes'), all))
        },
      ),
    )
  })

  it('under "report" one against is told and stops nothing', () => {
    const report = makeTrust({ onMismatch: 'report' })
    const votes = votesOf(report, got(hex('b')), 3, 'carol')
    expect(tally(report, about('notes'), votes)).toMatchObject({ negative: ['carol'], refused: false })
  })

  it('a platform may need fewer', () => {
    expect(tally(trust, about('mac'), [])).toMatchObject({ needed: 0, enough: true })
    expect(rebuildersNeeded(trust, 'linux-x64')).toBe(2)
    expect(rebuildersNeeded(trust, 'any')).toBe(2)
  })
})

it('of votes that stand there is one for each operator, release and name', () => {
  const votes = [
    ...cast('carol', 3),
    ...cast('carol', 5, got(hex('b'))),
    ...cast('dave', 6),
    ...cast('carol', 7, unnamed),
  ]
  expect(standingVotes(votes).map(({ index }) => index)).toEqual([5, 6, 7])
})
