/** Steps 16 to 20 and 22, each condition on its own, over what is known and what is verified. */
import { describe, expect, it } from 'vitest'
import { credentialOf, MemoryLog } from '../../../test/support/world.ts'
import { hex, member, type TrustOptions, trustFile } from '../../../test/support/world-statements.ts'
import { nodeCrypto } from '../node.ts'
import { parseTrust } from '../release/trust.ts'
import { nothingKnown, STRANGER } from './known.ts'
import { type Basis, checkRebuilds, objectionTo, objectTo } from './passes.ts'
import type { Known, KnownArtifact, KnownEntry, KnownRelease, KnownVote } from './state.ts'

const log = new MemoryLog('log.example.com')
const trustOf = (over: Partial<TrustOptions> = {}) => parseTrust(nodeCrypto, trustFile({ log, ...over }))
const by = (...signers: readonly (readonly [string, number])[]): KnownEntry[] =>
  signers.map(([name, index]) => ({ index, member: name === STRANGER ? STRANGER : credentialOf(name) }))
const built = { source: hex('source'), recipeDigest: hex('recipe'), imageDigest: hex('image') }
const file = (name: string, over: Partial<KnownArtifact> = {}): KnownArtifact => ({
  ...{ name, platform: 'linux-x64', mediaType: 'application/gzip', partOf: null, sha256: hex(name) },
  ...built,
  ...over,
})
const release = (sequence: number, entries: KnownEntry[], over: Partial<KnownRelease> = {}): KnownRelease => ({
  ...{ id: hex(`release ${sequence}`), channel: 'stable', sequence, version: '1.0.0' },
  ...{ previous: sequence === 1 ? null : hex(`release ${sequence - 1}`) },
  ...{ artifacts: [file('notes')], entries, ripeAt: null },
  ...over,
})
const knowing = (...releases: readonly KnownRelease[]): Known => ({ ...nothingKnown, releases })
const basisOf = (known: Known, over: Partial<Basis> = {}): Basis => ({
  rule: { trust: trustOf(), endsAt: null },
  permits: known,
  known,
  history: { from: 0, to: 100 },
  readFrom: 0,
  anchorHeads: null,
  anchorIds: new Set(),
  installed: null,
  ...over,
})
const one = release(1, by(['alice', 10]))
const second = release(2, by(['alice', 20]))

describe('a release is objected to', () => {
  const code = (of: KnownRelease, known: Known, over: Partial<Basis> = {}) =>
    objectTo(basisOf(known, over), of)?.refusal.code ?? null
  const two = { trust: trustOf({ publishers: { threshold: 2, members: [member('alice'), member('bob')] } }) }
  const installedAs = (over: object) => ({
    history: null,
    installed: { id: hex('release 1'), channel: 'stable', sequence: 1, version: '1.0.0', ...over },
  })
  const head = { rule: { trust: trustOf({ heads: { stable: { sequence: 2, id: second.id } } }), endsAt: null } }
  const lone = knowing(second)

  it.each<[string, string | null, () => string | null]>([
    ['not: the first', null, () => code(one, knowing(one))],
    ['not: the second', null, () => code(second, knowing(one, second))],
    ['nobody signed it in this run', 'SIGNATURE_INVALID', () => code(one, knowing(one), { permits: nothingKnown })],
    ['too few signed it', 'SIGNATURE_INVALID', () => code(one, knowing(one), { rule: { ...two, endsAt: null } })],
    ['past the end', 'TRUST_INVALID', () => code(one, knowing(one), { rule: { trust: trustOf(), endsAt: 10 } })],
    ['not: before the end', null, () => code(one, knowing(one), { rule: { trust: trustOf(), endsAt: 11 } })],
    ['the first names one', 'CHAIN_BROKEN', () => code({ ...one, previous: hex('x') }, knowing(one))],
    ['the second names none', 'CHAIN_BROKEN', () => code({ ...second, previous: null }, knowing(one, second))],
    ['the second alone', 'CHAIN_BROKEN', () => code(second, lone)],
    ['not: the head alone', null, () => code(second, lone, head)],
    [
      'the head of another channel alone',
      'CHAIN_BROKEN',
      () => code({ ...second, channel: 'beta' }, knowing({ ...second, channel: 'beta' }), head),
    ],
    [
      'the one before is not met',
      'CHAIN_BROKEN',
      () => code(second, knowing({ ...one, entries: by([STRANGER, 1]) }, second)),
    ],
    [
      'the one before is of another channel',
      'CHAIN_BROKEN',
      () => code(second, knowing({ ...one, channel: 'beta' }, second)),
    ],
    ['not: read from its own index on', 'CHAIN_BROKEN', () => code(second, lone, { history: { from: 20, to: 21 } })],
    ['not: it was met before what was read', null, () => code(second, lone, { history: { from: 21, to: 100 } })],
    ['not: it was met past what was read', null, () => code(second, lone, { history: { from: 0, to: 20 } })],
    ['not: nothing was read', null, () => code(second, lone, { history: null })],
    ['not: it follows what is installed', null, () => code(second, lone, installedAs({}))],
    ['another is installed', 'CHAIN_BROKEN', () => code(second, lone, installedAs({ id: hex('x') }))],
    ['not: another of another channel', null, () => code(second, lone, installedAs({ id: hex('x'), channel: 'beta' }))],
    ['not: another, two before', null, () => code(second, lone, installedAs({ id: hex('x'), sequence: 0 }))],
    ['not: one of which the id is unknown', null, () => code(second, lone, installedAs({ id: null }))],
    [
      'not: the anchor names the one before',
      null,
      () => code(second, lone, { anchorHeads: new Map([['stable', { sequence: 1, id: one.id }]]) }),
    ],
    [
      'the anchor names another before',
      'CHAIN_BROKEN',
      () => code(second, lone, { anchorHeads: new Map([['stable', { sequence: 1, id: hex('x') }]]) }),
    ],
    [
      'the anchor names it, elsewhere',
      'CHAIN_BROKEN',
      () => code(second, lone, { anchorHeads: new Map([['stable', { sequence: 3, id: one.id }]]) }),
    ],
    ['a rival is met', 'EQUIVOCATION', () => code(one, knowing(one, { ...one, id: hex('rival') }))],
    [
      'not: a rival that is not met',
      null,
      () => code(one, knowing(one, { ...one, id: hex('rival'), entries: by([STRANGER, 3]) })),
    ],
    ['not: one of another channel', null, () => code(one, knowing(one, { ...one, id: hex('rival'), channel: 'beta' }))],
    ['not: one of another sequence', null, () => code(one, knowing(one, second))],
    ['it is older than the anchor', 'DOWNGRADE', () => code(one, knowing(one), { readFrom: 11 })],
    ['not: it is where the anchor ends', null, () => code(one, knowing(one), { readFrom: 10 })],
    ['not: the anchor names it', null, () => code(one, knowing(one), { readFrom: 11, anchorIds: new Set([one.id]) })],
    ['not: the trust file names it', null, () => code(second, lone, { readFrom: 21, ...head })],
    [
      'it is older by an entry of a stranger',
      'DOWNGRADE',
      () => code(one, knowing({ ...one, entries: by([STRANGER, 3], ['alice', 10]) }), { readFrom: 5 }),
    ],
    [
      'it is older by what the offer shows',
      'DOWNGRADE',
      () => code({ ...one, entries: by(['alice', 3]) }, knowing(one), { readFrom: 5 }),
    ],
  ])('%s: %s', (_, expected, found) => {
    expect(found()).toBe(expected)
  })

  it('with what shows it', () => {
    const rival = { ...one, id: hex('rival'), entries: by([STRANGER, 3], ['bob', 12]) }
    const known = knowing({ ...one, entries: by([STRANGER, 2], ['alice', 10]) }, rival)
    expect(objectTo(basisOf(known), one)?.shownBy).toEqual({
      kind: 'equivocation',
      a: by(['alice', 10]),
      b: by(['bob', 12]),
    })
  })

  it('with its own entries, where it is verified in this run and not kept', () => {
    const rival = { ...one, id: hex('rival'), entries: by(['bob', 12]) }
    const basis = basisOf(knowing(rival), { permits: knowing(one) })
    expect(objectTo(basis, one)?.shownBy).toEqual({ kind: 'equivocation', a: by(['alice', 10]), b: by(['bob', 12]) })
  })

  it('where it is revoked', () => {
    const revocation = { id: hex('r'), kind: 'revocation' as const, ids: [one.id], entries: by(['root', 50]) }
    expect(code(one, { ...knowing(one), statements: [revocation] })).toBe('REVOKED')
  })
})

describe('rebuilders', () => {
  const vote = (name: string, over: Partial<KnownVote> = {}): KnownVote => ({
    ...{ index: 30, member: credentialOf('rob'), name, artifact: hex(name), release: one.id },
    ...built,
    ...over,
  })
  const against = (name: string, over: Partial<KnownVote> = {}) => vote(name, { artifact: hex('other'), ...over })
  const rita = { member: credentialOf('rita') }
  const target = { artifact: file('notes'), parts: [file('part', { partOf: 'notes' })] }
  const whole = { ...one, artifacts: [target.artifact, ...target.parts] }
  const judged = (votes: KnownVote[], permitted = votes, over: Partial<Basis> = {}) => {
    const known = { ...knowing(whole), votes }
    const permits = { ...knowing(whole), votes: permitted }
    const { objection, ...rest } = checkRebuilds(basisOf(known, { permits, ...over }), whole, target)
    return { code: objection?.refusal.code ?? null, shownBy: objection?.shownBy ?? null, ...rest }
  }
  const both = [vote('notes'), vote('part')]
  const report = {
    rule: {
      trust: trustOf({ rebuilders: { threshold: 1, members: [member('rob'), member('rita')], onMismatch: 'report' } }),
      endsAt: null,
    },
  }

  it.each<[string, ReturnType<typeof judged>, Partial<ReturnType<typeof judged>>]>([
    ['one of one, every file', judged(both), { code: null, operators: ['rob'], required: 1, waived: false, told: [] }],
    ['none', judged([]), { code: 'REBUILD_QUORUM', operators: [] }],
    ['a part is left', judged([vote('notes')]), { code: 'REBUILD_QUORUM', operators: [] }],
    ['the whole is left', judged([vote('part')]), { code: 'REBUILD_QUORUM', operators: [] }],
    ['each file by another', judged([vote('notes'), vote('part', rita)]), { code: null, operators: [] }],
    ['not verified in this run', judged(both, []), { code: 'REBUILD_QUORUM' }],
    [
      'one verified that does not stand any more',
      judged([...both, against('notes', { index: 40, release: hex('x') })], both),
      { code: null },
    ],
    ['taken back', judged([...both, against('part', { index: 40 })], both), { code: 'REBUILD_MISMATCH' }],
    [
      'one against',
      judged([...both, against('part', rita)]),
      { code: 'REBUILD_MISMATCH', operators: ['rob'], waived: false, told: [] },
    ],
    [
      'one against, told',
      judged([...both, against('part', rita)], both, report),
      { code: null, told: ['rita rebuilt part and got other bytes'] },
    ],
    [
      'too few, and one against, told',
      judged([vote('notes'), against('part', rita)], undefined, report),
      { code: 'REBUILD_QUORUM', told: ['rita rebuilt part and got other bytes'] },
    ],
  ])('%s', (_, found, expected) => {
    expect(found).toMatchObject(expected)
  })

  it('the largest number that a file takes is told', () => {
    const platforms = { 'linux-x64': 1, 'win32-x64': 0 }
    const some = { threshold: 1, members: [member('rob'), member('rita')], onMismatch: 'refuse', platforms }
    const rule = { trust: trustOf({ rebuilders: some }), endsAt: null }
    const parts = [file('part', { partOf: 'notes', platform: 'win32-x64' })]
    const known = { ...knowing(whole), votes: both }
    expect(checkRebuilds(basisOf(known, { rule }), whole, { ...target, parts })).toMatchObject({ required: 1 })
  })

  it('the votes against are shown, and no others', () => {
    const shown = against('part', rita)
    const others = [
      against('part', { ...rita, release: hex('x') }),
      against('notes', { member: STRANGER }),
      vote('part'),
    ]
    expect(judged([...both, shown, ...others]).shownBy).toEqual({ kind: 'mismatch', a: by(['alice', 10]), b: [shown] })
  })

  it('a waiver stands in for those that are missing, and not against those that are', () => {
    const waiver = { id: hex('w'), kind: 'waiver' as const, ids: [one.id], entries: by(['root', 5]) }
    const permits = { ...knowing(whole), statements: [waiver] }
    expect(judged([], [], { permits })).toMatchObject({ code: null, waived: true })
    expect(judged([against('notes')], [], { permits })).toMatchObject({ code: 'REBUILD_MISMATCH', waived: false })
    expect(judged(both, both, { permits: { ...permits, votes: both } })).toMatchObject({ code: null, waived: false })
  })

  it('all steps in one: the first refusal', () => {
    const want = { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null }
    const known = { ...knowing(whole), votes: both }
    const code = (given: Known, over: object = {}) =>
      objectionTo(basisOf(given), whole, { ...want, ...over })?.code ?? null
    expect([
      code(known),
      code(known, { channel: 'beta' }),
      code({ ...known, releases: [] }),
      code({ ...known, votes: [] }),
    ]).toEqual([null, 'WRONG_CHANNEL', 'SIGNATURE_INVALID', 'REBUILD_QUORUM'])
  })
})
