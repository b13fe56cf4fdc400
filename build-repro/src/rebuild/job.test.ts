import type { Build, ReleaseStatement } from '@samebits/core'
import { describe, expect, it } from 'vitest'
import type { ProductEntry } from '../history.ts'
import type { Logged, LoggedRelease, ProductView } from '../product-view.ts'
import { jobsOf, ownVote, verdictOn } from './job.ts'

const digest = (byte: string) => byte.repeat(32)
const build = (artifacts: readonly string[], change: Partial<Build> = {}): Build => ({
  artifacts,
  source: { uri: 'git+https://example.com/notes', gitCommit: '0a'.repeat(20), sha256: digest('01') },
  recipeDigest: digest('02'),
  imageDigest: digest('03'),
  sourceDateEpoch: 7,
  ...change,
})

function release(id: string, metAt: number | null, builds: readonly Build[]): LoggedRelease {
  const artifact = (name: string, sha256: string) => ({
    ...{ name, sha256, platform: 'any', size: 1 },
    mediaType: `application/${name}`,
  })
  const statement: ReleaseStatement = {
    ...{
      kind: 'release',
      product: 'example.com/notes',
      channel: 'stable',
      version: '1.0.0',
      sequence: 1,
      previous: null,
    },
    artifacts: [artifact('app', digest('a0')), artifact('tool', digest('b0'))],
    builds,
  }
  return { id: digest(id), statement, entries: [], signatures: [], metAt }
}

function view(releases: readonly LoggedRelease[], revoked: readonly [string, number | null][] = []): ProductView {
  const revocations = revoked.map(([id, metAt]): Logged<ProductView['revocations'][number]['statement']> => {
    const statement = { kind: 'revocation', product: 'example.com/notes', ids: [digest(id)] } as const
    return {
      id: digest('ff'),
      statement: { ...statement, reason: 'x', severity: 'high' },
      entries: [],
      signatures: [],
      metAt,
    }
  })
  return { releases, heads: new Map(), revocations, waivers: [], trustSteps: [], votes: [] }
}

describe('what there is to rebuild', () => {
  it('is every build of the met releases that stand, the newest first', () => {
    const all = [
      release('11', 1, [build(['app']), build(['tool'])]),
      release('22', null, [build(['app'])]),
      release('33', 5, [build(['app'])]),
      release('44', 7, []),
      release('55', 8, [build(['app'])]),
      release('66', 3, [build(['app'])]),
    ]
    const jobs = jobsOf(
      view(all, [
        ['55', 9],
        ['66', null],
      ]),
    )
    expect(jobs.map(({ id }) => id)).toEqual([
      `${digest('33')}-0`,
      `${digest('66')}-0`,
      `${digest('11')}-0`,
      `${digest('11')}-1`,
    ])
  })
})

describe('what outputs say', () => {
  const [job] = jobsOf(view([release('11', 1, [build(['app'])])]))
  if (job === undefined) throw new Error('no job')

  it.each([
    ['the same', [{ name: 'app', sha256: digest('a0') }], { says: 'positive', different: [], missing: [] }],
    ['other bytes', [{ name: 'app', sha256: digest('a1') }], { says: 'negative', different: ['app'], missing: [] }],
    ['nothing', [], { says: 'positive', different: [], missing: ['app'] }],
    [
      'more than was asked for, also under the name of what another build makes',
      [
        { name: 'tool', sha256: digest('b1') },
        { name: 'app', sha256: digest('a0') },
      ],
      { says: 'positive', different: [], missing: [] },
    ],
  ])('of %s', (_, outputs, verdict) => {
    expect(verdictOn(job, outputs)).toEqual(verdict)
  })

  /** An entry as far as this is concerned. */
  function rebuilt(index: number, hint: string, change: object = {}): ProductEntry {
    const { source, recipeDigest, imageDigest } = job?.build ?? build([])
    const statement = {
      ...{ kind: 'rebuild', release: digest('11'), source, recipeDigest, imageDigest },
      ...{ subjects: [{ name: 'app', sha256: digest('a0') }], ...change },
    }
    return { index, entry: { statement, signer: { kind: 'key', hint } } as unknown as ProductEntry['entry'] }
  }

  it.each<[string, readonly ProductEntry[], object | null]>([
    ['none', [], null],
    ['one of its own', [rebuilt(3, 'me')], { index: 3, says: 'positive', different: [] }],
    ["somebody else's", [rebuilt(3, 'other')], null],
    ['one on another release', [rebuilt(3, 'me', { release: digest('12') })], null],
    ['one that names no release', [rebuilt(3, 'me', { release: undefined })], null],
    ['one of another recipe', [rebuilt(3, 'me', { recipeDigest: digest('77') })], null],
    [
      'one that was taken back',
      [rebuilt(3, 'me'), rebuilt(4, 'me', { subjects: [{ name: 'app', sha256: digest('a1') }] })],
      { index: 4, says: 'negative', different: ['app'] },
    ],
  ])('has this key voted: %s', (_, entries, vote) => {
    expect(ownVote({ entries }, 'me', job)).toEqual(vote)
  })
})
