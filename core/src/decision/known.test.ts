/** What is met, where, and under which trust file. */
import { describe, expect, it } from 'vitest'
import { credentialOf, MemoryLog } from '../../../test/support/world.ts'
import { hex, member, type TrustOptions, trustFile } from '../../../test/support/world-statements.ts'
import { nodeCrypto } from '../node.ts'
import { parseTrust } from '../release/trust.ts'
import {
  findRelease,
  firstEntry,
  isReleaseMet,
  isWaived,
  MAX_UNMET_PER_KEY,
  metAt,
  metReleasesAt,
  nothingKnown,
  operatorsOf,
  type Reach,
  type Rule,
  revocationMetAt,
  STRANGER,
  signedEntries,
  standingRevocation,
} from './known.ts'
import type { KnownEntry, KnownRelease, KnownStatement } from './state.ts'

const log = new MemoryLog('log.example.com')
const trustOf = (over: Partial<TrustOptions> = {}) => parseTrust(nodeCrypto, trustFile({ log, ...over }))
const two = { threshold: 2, members: [member('alice'), member('bob'), member('ann', { operator: 'alice' })] }
const by = (...signers: readonly (readonly [string, number])[]): KnownEntry[] =>
  signers.map(([name, index]) => ({ index, member: name === STRANGER ? STRANGER : credentialOf(name) }))
const release = (sequence: number, entries: KnownEntry[], over: Partial<KnownRelease> = {}): KnownRelease => ({
  ...{ id: hex(`release ${sequence}`), channel: 'stable', sequence, version: '1.0.0', previous: null },
  ...{ artifacts: [], entries, ripeAt: null },
  ...over,
})

describe('entries meet a threshold', () => {
  const role = trustOf({ publishers: two }).publishers
  const rows: [string, KnownEntry[], Reach, number | null][] = [
    ['not: none', [], {}, null],
    ['not: one operator', by(['alice', 1]), {}, null],
    ['two', by(['alice', 1], ['bob', 5]), {}, 5],
    ['two, in any order', by(['bob', 5], ['alice', 1]), {}, 5],
    ['where each signed first', by(['alice', 9], ['bob', 8], ['bob', 5], ['alice', 7]), {}, 7],
    ['not: two keys of one operator', by(['alice', 1], ['ann', 2]), {}, null],
    ['not: a stranger beside one', by(['alice', 1], ['carol', 2], [STRANGER, 3]), {}, null],
    ['before an end', by(['alice', 1], ['bob', 5]), { before: 6 }, 5],
    ['not: at the end', by(['alice', 1], ['bob', 5]), { before: 5 }, null],
    ['not: at the end of 0', by(['alice', 0], ['bob', 0]), { before: 0 }, null],
  ]
  it.each(rows)('%s', (_, entries, reach, index) => {
    expect(metAt(role, entries, reach)).toBe(index)
  })

  it.each<[string, number, Reach, number]>([
    ['before its key is valid', 2, {}, 0],
    ['from where its key is valid', 3, {}, 1],
    ['where it ends', 6, {}, 0],
    ['before it is valid, in a log that has no such end', 2, { foreign: true }, 0],
  ])('%s', (_, index, reach, count) => {
    const { publishers } = trustOf({ publishers: { threshold: 1, members: [member('alice', { from: 3, until: 6 })] } })
    expect(operatorsOf(publishers, by(['alice', index]), reach).size).toBe(count)
  })
})

it('a release is met by publishers, within reach', () => {
  const trust = trustOf({ publishers: two })
  const one = release(1, by(['alice', 1], ['bob', 5]))
  expect([null, 6, 5].map((endsAt) => isReleaseMet({ trust, endsAt }, one))).toEqual([true, true, false])
})

describe('statements', () => {
  const statement = (over: Partial<KnownStatement>): KnownStatement => ({
    ...{ id: hex('statement'), kind: 'revocation', ids: [hex('release 1')], entries: [] },
    ...over,
  })
  const rule: Rule = { trust: trustOf({ publishers: two }), endsAt: 3 }

  it.each<[string, Partial<KnownStatement>, number | null]>([
    ['not: by too few publishers', { entries: by(['alice', 1]) }, null],
    ['by publishers, past the end too', { entries: by(['alice', 1], ['bob', 5]) }, 5],
    ['by the authority', { entries: by(['root', 4]) }, 4],
    ['by both, where the first of them did', { entries: by(['root', 4], ['alice', 1], ['bob', 2]) }, 2],
    ['in a log before this one', { kept: true }, -1],
  ])('a revocation is met: %s', (_, over, index) => {
    expect(revocationMetAt(rule, statement(over))).toBe(index)
  })

  it.each<[string, Partial<KnownStatement>, boolean]>([
    ['is', {}, true],
    ['is not by publishers', { entries: by(['alice', 1], ['bob', 2]) }, false],
    ['is not past the end', { entries: by(['root', 3]) }, false],
    ['is not by one that names another', { ids: [hex('release 2')] }, false],
    ['is not by a revocation', { kind: 'revocation' }, false],
  ])('a release %s waived', (_, over, expected) => {
    const waiver = statement({ kind: 'waiver', entries: by(['root', 2]), ...over })
    expect(isWaived(rule, { ...nothingKnown, statements: [waiver] }, hex('release 1'))).toBe(expected)
  })

  const history = { from: 2, to: 8 }
  const strangers = (count: number) =>
    Array.from({ length: count }, (_, at) => release(100 + at, by([STRANGER, 100 + at])))
  const standing: [string, boolean, Partial<KnownStatement>, typeof history | null, Partial<KnownRelease>?, number?][] =
    [
      ['after the release', true, {}, history],
      ['of another release', false, { ids: [hex('release 2')] }, history],
      ['that is a waiver', false, { kind: 'waiver' }, history],
      ['that is not met', false, { entries: by(['alice', 1]) }, history],
      ['before the release', false, {}, history, { entries: by(['alice', 5]) }],
      ['before the release, without history', true, {}, null, { entries: by(['alice', 5]) }],
      ['before the release, met before what was read', true, {}, { from: 5, to: 8 }, { entries: by(['alice', 5]) }],
      ['before the release, met where reading began', false, {}, { from: 4, to: 8 }, { entries: by(['alice', 5]) }],
      ['before the release, met past what was read', true, {}, { from: 2, to: 4 }, { entries: by(['alice', 5]) }],
      ['before the release, the last that was read', false, {}, { from: 2, to: 5 }, { entries: by(['alice', 5]) }],
      ['at one place with the release', true, {}, history, { entries: by(['alice', 4]) }],
      ['before a release that is nowhere', true, {}, history, { entries: [] }],
      ['before the release, in a log before this one', true, { kept: true }, history, { entries: by(['alice', 5]) }],
      ['before the release, as many strangers', true, {}, history, { entries: by(['alice', 5]) }, MAX_UNMET_PER_KEY],
      ['before the release, fewer', false, {}, history, { entries: by(['alice', 5]) }, MAX_UNMET_PER_KEY - 1],
    ]
  it.each(standing)('a revocation %s stands: %s', (_, stands, over, read, of = {}, count = 0) => {
    const statements = [statement({ entries: by(['root', 4]), ...over })]
    const one = release(1, by(['alice', 1]), of)
    const known = { ...nothingKnown, statements, releases: strangers(count) }
    expect(standingRevocation(rule, known, one, read)).toBe(stands ? statements[0] : null)
  })

  it('counts as strangers those of whom a stranger is one of the signers, and no others', () => {
    const statements = [statement({ entries: by(['root', 4]) })]
    const one = release(1, by(['alice', 5]))
    const stands = (entries: (at: number) => KnownEntry[]) => {
      const releases = Array.from({ length: MAX_UNMET_PER_KEY }, (_, at) => release(100 + at, entries(100 + at)))
      return standingRevocation(rule, { ...nothingKnown, statements, releases }, one, history) !== null
    }
    expect(stands((at) => by(['alice', at]))).toBe(false)
    expect(stands((at) => by(['alice', at], [STRANGER, at + 1]))).toBe(true)
  })

  it('counts from the first entry of the id that is known, whoever signed it', () => {
    const statements = [statement({ entries: by(['root', 4]) })]
    const one = release(1, by(['alice', 5]))
    const known = { ...nothingKnown, statements, releases: [release(1, by([STRANGER, 3]))] }
    expect(standingRevocation(rule, known, one, history)).toBe(statements[0])
  })
})

describe('releases', () => {
  const met = release(1, by(['alice', 1]))
  const rival = release(1, by(['bob', 2]), { id: hex('rival') })
  const beta = release(1, by(['bob', 3]), { id: hex('beta'), channel: 'beta' })
  const unmet = release(1, by([STRANGER, 4]), { id: hex('unmet') })
  const known = { ...nothingKnown, releases: [met, rival, beta, unmet, release(2, by(['alice', 9]))] }

  it('are found by id', () => {
    expect(findRelease(known, hex('rival'))).toBe(rival)
    expect(findRelease(known, hex('none'))).toBeNull()
  })

  it('of one place are those that are met, past the end too', () => {
    const place = { channel: 'stable', sequence: 1 }
    expect(metReleasesAt({ trust: trustOf(), endsAt: 0 }, known, place)).toEqual([met, rival])
    expect(metReleasesAt({ trust: trustOf(), endsAt: null }, known, { ...place, sequence: 3 })).toEqual([])
  })
})

it('entries have a first one, and signed ones', () => {
  const entries = by([STRANGER, 7], ['alice', 5], ['bob', 6])
  expect([firstEntry(entries), firstEntry([])]).toEqual([5, null])
  expect(signedEntries(entries)).toEqual(entries.slice(1))
})
