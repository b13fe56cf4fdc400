import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Head, headOf, type KnownRelease, standingOf } from './heads.ts'

const met = (id: string, sequence: number, previous: string | null, metAt: number | null = sequence): KnownRelease => ({
  id,
  sequence,
  previous,
  metAt,
})

describe('headOf', () => {
  const cases: [what: string, releases: KnownRelease[], floor: Head | null, head: Head | null][] = [
    ['nothing known', [], null, null],
    ['one met release', [met('a', 1, null)], null, { sequence: 1, id: 'a' }],
    ['an open release only', [met('a', 1, null, null)], null, null],
    ['a chain in any order', [met('b', 2, 'a'), met('a', 1, null)], null, { sequence: 2, id: 'b' }],
    ['an open proposal on the head', [met('a', 1, null), met('b', 2, 'a', null)], null, { sequence: 1, id: 'a' }],
    ['a gap', [met('a', 1, null), met('c', 3, 'b')], null, { sequence: 1, id: 'a' }],
    ['a release on an open one', [met('a', 1, null, null), met('b', 2, 'a')], null, null],
    ['a release on a rival that is not met', [met('a', 1, null), met('b', 2, 'x')], null, { sequence: 1, id: 'a' }],
    ['sequence 1 with a previous', [met('a', 1, 'z')], null, null],
    ['a first release past 1', [met('a', 2, null)], null, null],
    ['two met at one height: the first', [met('a', 1, null, 9), met('b', 1, null, 4)], null, { sequence: 1, id: 'b' }],
    [
      'the longer branch, though its root was met later',
      [met('a', 1, null, 1), met('b', 1, null, 2), met('c', 2, 'b', 3)],
      null,
      { sequence: 2, id: 'c' },
    ],
    ['a floor alone', [], { sequence: 7, id: 'f' }, { sequence: 7, id: 'f' }],
    ['a floor above the chain', [met('a', 1, null)], { sequence: 7, id: 'f' }, { sequence: 7, id: 'f' }],
    ['a chain above the floor', [met('g', 8, 'f')], { sequence: 7, id: 'f' }, { sequence: 8, id: 'g' }],
    ['a floor that its log calls open', [met('a', 1, null, null)], { sequence: 1, id: 'a' }, { sequence: 1, id: 'a' }],
    ['a floor beside a met release', [met('a', 1, null)], { sequence: 1, id: 'b' }, { sequence: 1, id: 'b' }],
    [
      'a chain that outgrew a floor beside it',
      [met('a', 1, null), met('c', 2, 'a')],
      { sequence: 1, id: 'b' },
      { sequence: 2, id: 'c' },
    ],
    [
      'a floor at the largest sequence',
      [met('a', 1, null)],
      { sequence: Number.MAX_SAFE_INTEGER, id: 'f' },
      { sequence: Number.MAX_SAFE_INTEGER, id: 'f' },
    ],
  ]
  test.each(cases)('%s', (_what, releases, floor, head) => {
    expect(headOf(releases, floor)).toEqual(head)
  })

  test('is what the definition says, searched for without cleverness', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    const release = fc.record({
      id: fc.constantFrom(...ids),
      sequence: fc.integer({ min: 1, max: 4 }),
      previous: fc.option(fc.constantFrom(...ids)),
      metAt: fc.option(fc.nat(50)),
    })
    const known = fc.uniqueArray(release, { selector: ({ id }) => id, maxLength: 6 })
    const floor = fc.option(fc.record({ sequence: fc.integer({ min: 1, max: 4 }), id: fc.constantFrom(...ids) }))
    fc.assert(
      fc.property(known, floor, (all, named) => {
        const releases = unambiguous(all, named)
        expect(headOf(releases, named)).toEqual(searched(releases, named))
      }),
      { numRuns: 2_000 },
    )
  })
})

/** An id fixes its statement, so a floor's id cannot stand at two sequences; and an index meets one statement only. */
function unambiguous(releases: readonly KnownRelease[], floor: Head | null): KnownRelease[] {
  const seen = new Set<number>()
  return releases.filter((release) => {
    if (floor !== null && release.id === floor.id && release.sequence !== floor.sequence) return false
    if (release.metAt === null) return true
    if (seen.has(release.metAt)) return false
    return seen.add(release.metAt)
  })
}

function searched(releases: readonly KnownRelease[], floor: Head | null): Head | null {
  const all = [...releases.filter((release) => release.id !== floor?.id), ...(floor ? [{ ...floor, metAt: -1 }] : [])]
  const stands = (link: (typeof all)[number]): boolean => {
    if (link.id === floor?.id) return true
    if (link.metAt === null || !('previous' in link)) return false
    if (link.sequence === 1) return link.previous === null
    return all.some((below) => below.id === link.previous && below.sequence === link.sequence - 1 && stands(below))
  }
  const standing = all.filter(stands)
  standing.sort((a, b) => b.sequence - a.sequence || (a.metAt ?? 0) - (b.metAt ?? 0))
  const top = standing[0]
  return top ? { sequence: top.sequence, id: top.id } : null
}

describe('standingOf', () => {
  const head = { sequence: 3, id: 'c' }
  test.each([
    ['the head itself', { id: 'c', sequence: 3, previous: 'b' }, head, 'head'],
    ['the next on the head', { id: 'd', sequence: 4, previous: 'c' }, head, 'next'],
    ['the first of a new channel', { id: 'a', sequence: 1, previous: null }, null, 'next'],
    ['a rival of the head', { id: 'x', sequence: 3, previous: 'b' }, head, 'elsewhere'],
    ['the next on a rival', { id: 'd', sequence: 4, previous: 'x' }, head, 'elsewhere'],
    ['a skipped sequence', { id: 'd', sequence: 5, previous: 'c' }, head, 'elsewhere'],
    ['the largest sequence', { id: 'd', sequence: Number.MAX_SAFE_INTEGER, previous: 'c' }, head, 'elsewhere'],
    ['an older release', { id: 'b', sequence: 2, previous: 'a' }, head, 'elsewhere'],
    ['a second beginning', { id: 'y', sequence: 1, previous: null }, head, 'elsewhere'],
    ['a null previous past 1', { id: 'd', sequence: 4, previous: null }, head, 'elsewhere'],
    ['a new channel that starts at 2', { id: 'd', sequence: 2, previous: null }, null, 'elsewhere'],
    ['a new channel that starts with a previous', { id: 'd', sequence: 1, previous: 'c' }, null, 'elsewhere'],
  ] as const)('%s', (_what, release, at, standing) => {
    expect(standingOf(release, at)).toBe(standing)
  })
})
