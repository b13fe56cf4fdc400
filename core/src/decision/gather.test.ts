/** What becomes of an entry: kept whole, kept without its lists, counted and forgotten, or not even counted. */
import { describe, expect, it } from 'vitest'
import { credentialOf, entryBy, MemoryLog } from '../../../test/support/world.ts'
import {
  artifact,
  hex,
  idOf,
  member,
  rebuild,
  release,
  revocation,
  type TrustOptions,
  trustFile,
  trustStatement,
  waiver,
} from '../../../test/support/world-statements.ts'
import { utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { formatEntry } from '../release/entry.ts'
import type { IdentityVerifier } from '../release/identity.ts'
import { buildTypes, type Statement } from '../release/predicates.ts'
import { formatStatement } from '../release/statement.ts'
import { parseTrust } from '../release/trust.ts'
import { gather } from './gather.ts'
import { MAX_UNMET_PER_KEY, nothingKnown, STRANGER } from './known.ts'
import type { Known } from './state.ts'

const log = new MemoryLog('log.example.com')
const trustOf = (over: Partial<TrustOptions> = {}) => parseTrust(nodeCrypto, trustFile({ log, ...over }))
const both = { publishers: { threshold: 2, members: [member('alice'), member('bob')] } }

/** What is known after these were logged, one after the other from this index on. */
function known(
  logged: readonly (readonly [string, Statement] | Uint8Array)[],
  {
    trust = trustOf(),
    joined = [] as ReturnType<typeof trustOf>[],
    before = nothingKnown,
    from = 0,
    identities = undefined as IdentityVerifier | undefined,
  } = {},
): Known {
  const leaves = logged.map((one, at) => ({
    index: from + at,
    leaf: one instanceof Uint8Array ? one : entryBy(one[0], one[1]),
  }))
  return gather({ crypto: nodeCrypto, identities }, { trust, endsAt: null }, joined, before, leaves)
}

describe('an entry', () => {
  it('of another product is not even counted; what is no entry is', () => {
    expect(known([['alice', { ...release(1, null), product: 'example.com/other' }]])).toEqual(nothingKnown)
    expect(known([['alice', { ...revocation(hex('x')), product: 'example.com/other' }]])).toEqual(nothingKnown)
    expect(known([utf8('padding')])).toEqual({ ...nothingKnown, ignored: 1 })
  })

  it('of another product, though it names this one, is not counted', () => {
    const reason = 'as in example.com/notes'
    const kinds = [0, 1, 2].map((at) => ({
      ...waiver(hex('x')),
      product: 'example.com/other',
      reason: reason.slice(at),
    }))
    expect(known(kinds.map((one) => ['root', one]))).toEqual(nothingKnown)
  })

  it.each<[string, string, Statement]>([
    ['a waiver by a publisher', 'alice', waiver(hex('x'))],
    ['a revocation by a rebuilder', 'rob', revocation(hex('x'))],
    ['a vote by a publisher', 'alice', rebuild(release(1, null))],
    ['a trust file by a publisher', 'alice', trustStatement(utf8('{}'), 2)],
    ['a waiver by a stranger', 'mallory', waiver(hex('x'))],
    ['a vote by a stranger', 'mallory', rebuild(release(1, null))],
  ])('is counted and forgotten: %s', (_, by, statement) => {
    expect(known([[by, statement]])).toEqual({ ...nothingKnown, ignored: 1 })
  })

  it('of a release by a stranger is counted, and where it is is kept', () => {
    const { releases, ignored } = known([['mallory', release(1, null)]])
    expect(releases).toMatchObject([{ artifacts: [], entries: [{ index: 0, member: STRANGER }] }])
    expect(ignored).toBe(1)
  })

  it('of a build on a host is counted and forgotten', () => {
    const statement = { ...rebuild(release(1, null)), buildType: buildTypes.host }
    expect(known([['rob', statement]])).toEqual({ ...nothingKnown, ignored: 1 })
  })
})

describe('the lists of a statement', () => {
  it('are kept with the entry that meets it, and from then on', () => {
    const trust = trustOf(both)
    const first = known([['alice', release(1, null)]], { trust })
    expect(first.releases).toMatchObject([{ artifacts: [] }])
    const second = known([['bob', release(1, null)]], { trust, before: first, from: 1 })
    expect(second.releases).toMatchObject([{ artifacts: [{}], entries: [{ index: 0 }, { index: 1 }] }])
    const fewer = trustOf({ publishers: { threshold: 2, members: [member('alice'), member('dora')] } })
    const third = known([['alice', release(1, null)]], { trust: fewer, before: second, from: 2 })
    expect(third.releases).toMatchObject([{ artifacts: [{}], entries: [{}, {}, { index: 2 }] }])
  })

  it('are kept likewise of a revocation', () => {
    const trust = trustOf({ ...both, authority: { threshold: 2, members: [member('root'), member('root2')] } })
    const first = known([['alice', revocation(hex('x'))]], { trust })
    expect(first.statements).toMatchObject([{ kind: 'revocation', ids: [] }])
    const second = known([['bob', revocation(hex('x'))]], { trust, before: first, from: 1 })
    expect(second.statements).toMatchObject([{ ids: [hex('x')], entries: [{}, {}] }])
    const third = known([['root', revocation(hex('x'))]], { trust: trustOf(), before: second, from: 2 })
    expect(third.statements).toMatchObject([{ ids: [hex('x')], entries: [{}, {}, {}] }])
  })

  it('what was found ripe stays so', () => {
    const first = known([['alice', release(1, null)]])
    const ripe = { ...first, releases: first.releases.map((one) => ({ ...one, ripeAt: 7 })) }
    expect(known([['bob', release(1, null)]], { before: ripe, from: 1 }).releases).toMatchObject([{ ripeAt: 7 }])
  })
})

describe('an entry that is known', () => {
  it('changes nothing', () => {
    const first = known([['alice', release(1, null)]])
    expect(known([['alice', release(1, null)]], { before: first })).toEqual(first)
  })

  it("as a stranger's is a member's once the member is listed, and not the other way", () => {
    const stranger = known([['carol', release(1, null)]])
    const trust = trustOf({ publishers: { threshold: 1, members: [member('carol')] } })
    const listed = known([['carol', release(1, null)]], { trust, before: stranger })
    expect(listed.releases).toMatchObject([{ artifacts: [{}], entries: [{ index: 0, member: credentialOf('carol') }] }])
    expect(known([['carol', release(1, null)]], { before: listed }).releases).toEqual(listed.releases)
  })
})

describe('an entry that is read again', () => {
  const alone = { threshold: 1, members: [member('carol')] }
  const lists = trustOf({ publishers: alone, authority: { threshold: 1, members: [member('root2')] } })

  it.each<[string, string, Statement, Partial<TrustOptions>]>([
    ['a release', 'alice', release(1, null), {}],
    ['a release below its threshold', 'alice', release(1, null), both],
    ['a revocation', 'alice', revocation(hex('x')), {}],
    ['a revocation below its threshold', 'alice', revocation(hex('x')), both],
    ['a waiver', 'root', waiver(hex('x')), {}],
  ])('is not counted once its signer is listed no more: %s', (_, by, statement, over) => {
    const first = known([[by, statement]], { trust: trustOf(over) })
    expect([first.releases.length + first.statements.length, first.ignored]).toEqual([1, 0])
    expect(known([[by, statement]], { trust: lists, before: first })).toEqual(first)
  })

  it('brings the lists that a lower threshold needs', () => {
    const of = (trust: ReturnType<typeof trustOf>, before = nothingKnown) =>
      known(
        [
          ['alice', release(1, null)],
          ['alice', revocation(hex('x'))],
        ],
        { trust, before },
      )
    const few = of(trustOf(both))
    expect(few).toMatchObject({ releases: [{ artifacts: [] }], statements: [{ ids: [] }] })
    expect(of(trustOf(), few)).toMatchObject({ releases: [{ artifacts: [{}] }], statements: [{ ids: [hex('x')] }] })
  })
})

describe('an entry that a certificate signed', () => {
  const ci = { issuer: 'https://issuer.example', san: 'https://ci.example/release' }
  const trust = trustOf({
    publishers: { threshold: 1, members: [{ id: 'ci', identity: ci }] },
    over: { trustedRoot: { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' } },
  })
  const leaf = formatEntry(nodeCrypto, {
    payload: formatStatement(release(1, null)),
    signer: { kind: 'certificate', certificate: Uint8Array.of(1), timestamps: [Uint8Array.of(2)] },
    signature: Uint8Array.of(3),
  })

  it('is a stranger where nobody can verify it, and a member where somebody does', () => {
    const [name] = [`${ci.issuer} ${ci.san}`]
    const signer = (found: Known) => [found.releases[0]?.entries[0]?.member, found.ignored]
    expect(signer(known([leaf], { trust }))).toEqual([STRANGER, 1])
    expect(signer(known([leaf], { trust, identities: { identify: () => ci } }))).toEqual([name, 0])
    expect(signer(known([leaf], { trust, identities: { identify: () => null } }))).toEqual([STRANGER, 1])
  })
})

describe('a trust statement', () => {
  const next = (name: string) => trustFile({ log, version: 2, authority: { threshold: 1, members: [member(name)] } })
  const [files, other] = [next('root2'), next('root3')]

  it.each<[string, string, Uint8Array[], number]>([
    ['by nobody who is listed', 'root2', [], 0],
    ['by the authority of the file that it names', 'root2', [files], 1],
    ['the same, where other files were named before', 'root2', [other, files], 1],
    ['by the authority of another file', 'root3', [other, files], 0],
    ['by neither', 'mallory', [other, files], 0],
  ])('%s', (_, by, joined, count) => {
    const found = known([[by, trustStatement(files, 2)]], {
      joined: joined.map((file) => parseTrust(nodeCrypto, file)),
    })
    expect([found.statements.length, found.ignored]).toEqual([count, 1 - count])
  })

  it('another statement by the authority of a file that was named', () => {
    const joined = [parseTrust(nodeCrypto, files)]
    expect(known([['root2', waiver(hex('x'))]], { joined })).toEqual({ ...nothingKnown, ignored: 1 })
  })
})

describe('what is not met', () => {
  const trust = trustOf({ ...both, authority: { threshold: 2, members: [member('root'), member('root2')] } })
  const from = MAX_UNMET_PER_KEY
  const entries = [{ index: 0, member: credentialOf('alice') }]
  const statement = (at: number) => revocation(hex(`r${at}`))
  const full: Known = {
    ...nothingKnown,
    statements: Array.from({ length: MAX_UNMET_PER_KEY }, (_, at) => {
      return { id: idOf(statement(at)), kind: 'revocation', ids: [], entries }
    }),
  }
  const after = (logged: Parameters<typeof known>[0], before = full) => {
    const { statements, releases, ignored } = known(logged, { trust, before, from })
    return [statements.length, releases.length, ignored]
  }

  it.each<[string, Parameters<typeof known>[0], number[]]>([
    ['one more by the same key is forgotten', [['alice', statement(from)]], [from, 0, 1]],
    ['a release, too', [['alice', release(1, null)]], [from, 0, 1]],
    ['one by another key is kept', [['bob', statement(from)]], [from + 1, 0, 0]],
    ['one that is known needs no room', [['alice', statement(0)]], [from, 0, 0]],
    [
      'what is met gives its room back',
      [
        ['bob', statement(0)],
        ['alice', statement(from)],
      ],
      [from + 1, 0, 0],
    ],
    [
      'only once',
      [
        ['bob', statement(0)],
        ['alice', statement(from)],
        ['alice', statement(from + 1)],
      ],
      [from + 1, 0, 1],
    ],
    [
      'what is met needs none',
      [
        ['bob', statement(from)],
        ['alice', statement(from)],
      ],
      [from + 1, 0, 0],
    ],
  ])('of one key has its share: %s', (_, logged, expected) => {
    expect(after(logged)).toEqual(expected)
  })

  it('releases have a part of the same share', () => {
    const { releases } = known([['alice', release(1, null)]], { trust })
    const before = { ...full, releases }
    expect(after([['alice', release(2, null)]], before)).toEqual([from, 1, 1])
    const room = { ...before, statements: full.statements.slice(1) }
    expect(after([['alice', release(2, null)]], room)).toEqual([from - 1, 1, 1])
    expect(after([['alice', release(2, null)]], { ...room, statements: full.statements.slice(2) })).toEqual([
      from - 2,
      2,
      0,
    ])
  })
})

describe('a vote', () => {
  const statement = release(1, null)
  const votes = ({ votes: found }: Known) => found.map(({ index, artifact: bytes }) => [index, bytes])
  const first = known([
    ['alice', statement],
    ['rob', rebuild(statement)],
  ])
  const bytes = artifact('1.1.0').sha256

  it('is kept for each subject', () => {
    expect(first.votes).toMatchObject([
      { index: 1, member: credentialOf('rob'), artifact: bytes, release: idOf(statement) },
    ])
  })

  it('of the same key on the same name takes the place of an older one, and not of a newer one', () => {
    const other = rebuild(statement, { subjects: [{ name: artifact('1.1.0').name, sha256: hex('other') }] })
    expect(votes(known([['rob', other]], { before: first, from: 2 }))).toEqual([[2, hex('other')]])
    expect(votes(known([['rob', other]], { before: first, from: 0 }))).toEqual([[1, bytes]])
    expect(votes(known([['rita', other]], { before: first, from: 2 }))).toEqual([
      [1, bytes],
      [2, hex('other')],
    ])
  })

  it('that names no release is about bytes from a build', () => {
    const { release: _, ...nameless } = rebuild(statement)
    const other = { ...nameless, subjects: [{ name: 'x', sha256: hex('other') }] }
    const found = known(
      [
        ['rob', nameless],
        ['rob', other],
        ['rob', nameless],
      ],
      { before: first, from: 2 },
    )
    expect(votes(found)).toEqual([
      [1, bytes],
      [4, bytes],
      [3, hex('other')],
    ])
  })

  it('for what is unknown has its share, for what is known it needs none', () => {
    const [vote = expect.fail('no vote')] = first.votes
    const unknown = { ...vote, release: hex('unknown') }
    const full = {
      ...nothingKnown,
      votes: Array.from({ length: MAX_UNMET_PER_KEY }, (_, at) => ({
        ...unknown,
        name: `${at}`,
        artifact: hex(`${at}`),
      })),
    }
    const after = (logged: Parameters<typeof known>[0], before: Known) => {
      const { votes: found, ignored } = known(logged, { before, from: 4 })
      return [found.length - MAX_UNMET_PER_KEY, ignored]
    }
    const { release: _, ...nameless } = rebuild(statement)
    const about = { ...full, releases: first.releases }
    expect(after([['rob', rebuild(release(7, null))]], full)).toEqual([0, 1])
    expect(after([['rita', rebuild(release(7, null))]], full)).toEqual([1, 0])
    expect(after([['rob', rebuild(statement)]], about)).toEqual([1, 0])
    expect(after([['rob', nameless]], about)).toEqual([1, 0])
    expect(after([['rob', nameless]], full)).toEqual([0, 1])
    expect(
      after(
        [
          ['alice', statement],
          ['rob', nameless],
        ],
        full,
      ),
    ).toEqual([1, 0])
    const others = [
      { name: 'x', sha256: hex('other') },
      { name: artifact('1.1.0').name, sha256: hex('other') },
    ]
    expect(after([['rob', rebuild(statement, { subjects: others })]], about)).toEqual([1, 1])
  })
})
