import { describe, expect, it } from 'vitest'
import { utf8 } from '../bytes.ts'
import { formatVkey, makeVkey } from '../log/vkey.ts'
import { generateSigningKey, nodeCrypto, type SigningKey } from '../node.ts'
import { formatSpkiPem } from '../spki.ts'
import { type Entry, entryMessage, formatEntry, keyHint, parseEntry, type Signer } from './entry.ts'
import type { IdentityVerifier } from './identity.ts'
import { validAt } from './members.ts'
import { isHead, isMet, isReleaseMet, isStatementMet, memberOf, operatorsOf, signerOf, signingRoles } from './roles.ts'
import { formatStatement } from './statement.ts'
import { parseTrust, type Trust, TrustError } from './trust.ts'

const keys = Object.fromEntries(
  ['root', 'root2', 'alice', 'alice2', 'bob', 'carol', 'stranger'].map((name) => [name, generateSigningKey('ed25519')]),
) as Readonly<Record<'root' | 'root2' | 'alice' | 'alice2' | 'bob' | 'carol' | 'stranger', SigningKey>>

const member = (id: keyof typeof keys, more: object = {}) => ({ id, publicKey: formatSpkiPem(keys[id]), ...more })
const ci = { issuer: 'https://issuer.example', san: 'https://ci.example/release' }
const headId = 'cd'.repeat(32)

const trust = makeTrust({
  authority: { threshold: 2, members: [member('root'), member('root2')] },
  publishers: {
    threshold: 2,
    members: [
      member('alice', { operator: 'alice', until: 10 }),
      member('alice2', { operator: 'alice', from: 10 }),
      member('bob', { from: 5, until: 20 }),
      { id: 'ci', operator: 'bob', identity: ci },
    ],
  },
  trustedRoot: { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' },
})

function makeTrust(changes: object): Trust {
  const log = makeVkey(nodeCrypto, 'log.example', 1, generateSigningKey('ed25519').publicKey)
  const witness = makeVkey(nodeCrypto, 'witness.example', 4, generateSigningKey('ed25519').publicKey)
  const file = {
    format: 1,
    version: 1,
    product: 'example.com/notes',
    channels: ['stable'],
    tlogPolicy: `log ${formatVkey(log)}\nwitness w ${formatVkey(witness)}\nquorum w\n`,
    rebuilders: { threshold: 1, members: [member('carol')], onMismatch: 'refuse' },
    freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' },
    history: { mode: 'complete' },
    heads: { stable: { sequence: 7, id: headId } },
    ...changes,
  }
  return parseTrust(nodeCrypto, utf8(JSON.stringify(file)))
}

const payload = formatStatement({ kind: 'waiver', product: 'example.com/notes', id: headId, reason: 'hotfix' })

function signedBy(key: SigningKey, signature = key.sign(entryMessage(payload))): Entry {
  return entryOf({ kind: 'key', hint: keyHint(nodeCrypto, key) }, signature)
}

function entryOf(signer: Signer, signature: Uint8Array): Entry {
  return parseEntry(nodeCrypto, formatEntry(nodeCrypto, { payload, signer, signature }))
}

const ids = (entry: Entry, identities?: IdentityVerifier) =>
  signerOf(nodeCrypto, trust, entry, identities).map(({ role, member: { id } }) => `${role} ${id}`)

describe('who signed an entry', () => {
  it.each([
    ['a publisher', signedBy(keys.alice), ['publishers alice']],
    ['the authority', signedBy(keys.root2), ['authority root2']],
    ['a rebuilder', signedBy(keys.carol), ['rebuilders carol']],
    ['a stranger', signedBy(keys.stranger), []],
    ['somebody who borrows a hint', signedBy(keys.alice, keys.stranger.sign(entryMessage(payload))), []],
    ['nobody: the signature is over the payload alone', signedBy(keys.alice, keys.alice.sign(payload)), []],
  ])('%s', (_, entry, expected) => {
    expect(ids(entry)).toEqual(expected)
  })
})

describe('who signed with a certificate', () => {
  const entry = entryOf(
    { kind: 'certificate', certificate: Uint8Array.of(1), timestamps: [Uint8Array.of(2)] },
    Uint8Array.of(3),
  )
  const says = (identity: typeof ci | null): IdentityVerifier => ({ identify: () => identity })

  it.each([
    ['the identity that is listed', ci, ['publishers ci']],
    ['another subject of the same issuer', { ...ci, san: `${ci.san}2` }, []],
    ['the same subject of another issuer', { ...ci, issuer: 'https://other.example' }, []],
    ['nobody that can be verified', null, []],
  ])('%s', (_, identity, expected) => {
    expect(ids(entry, says(identity))).toEqual(expected)
  })

  it('the verifier gets the trusted root of the trust file, and the entry', () => {
    const seen: unknown[] = []
    const identify: IdentityVerifier['identify'] = (...given) => {
      seen.push(given)
      return null
    }
    ids(entry, { identify })
    expect(seen).toEqual([[entry, trust.trustedRoot]])
  })

  it('is never passed over for want of a verifier', () => {
    expect(() => ids(entry)).toThrow(expect.objectContaining({ message: expect.stringContaining('identity verifier') }))
  })

  it('any number of identities may be listed, each once', () => {
    const listing = (...sans: readonly string[]) =>
      makeTrust({
        authority: { threshold: 1, members: [member('root')] },
        publishers: {
          threshold: 1,
          members: sans.map((san, at) => ({ id: `ci${at}`, identity: { ...ci, san } })),
        },
        trustedRoot: { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' },
      })
    expect(listing('a', 'b').publishers.members).toHaveLength(2)
    expect(() => listing('a', 'a')).toThrow(TrustError)
  })

  it('is nobody where no identity is listed', () => {
    const plain = makeTrust({
      authority: { threshold: 1, members: [member('root')] },
      publishers: { threshold: 1, members: [member('alice')] },
    })
    expect(signerOf(nodeCrypto, plain, entry)).toEqual([])
  })
})

describe('a member is valid', () => {
  const bob = memberOf(trust, 'bob')?.member
  if (bob === undefined) throw new Error('no bob')

  it.each([
    [4, false],
    [5, true],
    [19, true],
    [20, false],
    [Number.MAX_SAFE_INTEGER, false],
  ])('from 5 until 20: at %i %s', (index, valid) => {
    expect(validAt(bob, index)).toBe(valid)
  })

  it('in another log only without "until", whatever "from" says', () => {
    expect(validAt(bob, null)).toBe(false)
    expect(validAt({ ...bob, until: null }, null)).toBe(true)
  })
})

describe('a threshold of 2 publishers is met by', () => {
  it.each([
    ['nobody', [], false],
    ['one', [['alice', 3]], false],
    [
      'one operator with two keys',
      [
        ['alice', 3],
        ['alice2', 12],
      ],
      false,
    ],
    [
      'one operator with a key and an identity',
      [
        ['bob', 6],
        ['ci', 6],
      ],
      false,
    ],
    [
      'one member twice',
      [
        ['bob', 6],
        ['bob', 7],
      ],
      false,
    ],
    [
      'two operators',
      [
        ['alice', 3],
        ['bob', 6],
      ],
      true,
    ],
    [
      'two operators, one by identity',
      [
        ['alice', 3],
        ['ci', 40],
      ],
      true,
    ],
    [
      'two operators, one before its "from"',
      [
        ['alice', 3],
        ['bob', 4],
      ],
      false,
    ],
    [
      'two operators, one at its "until"',
      [
        ['alice', 10],
        ['bob', 6],
      ],
      false,
    ],
    [
      'two operators, one of them late and on time',
      [
        ['alice', 10],
        ['alice', 9],
        ['bob', 6],
      ],
      true,
    ],
    [
      'a publisher and a rebuilder',
      [
        ['bob', 6],
        ['carol', 6],
      ],
      false,
    ],
    [
      'a publisher and the authority',
      [
        ['bob', 6],
        ['root', 6],
      ],
      false,
    ],
    [
      'strangers',
      [
        ['mallory', 6],
        ['constructor', 6],
      ],
      false,
    ],
    [
      'two in another log, one of them with "until"',
      [
        ['alice2', null],
        ['bob', null],
      ],
      false,
    ],
    [
      'two in another log, both without',
      [
        ['alice2', null],
        ['ci', null],
      ],
      true,
    ],
  ] as const)('%s: %s', (_, signatures, met) => {
    const counted = signatures.map(([memberId, index]) => ({ memberId, index }))
    expect(isMet(trust, 'publishers', counted)).toBe(met)
    expect(operatorsOf(trust, 'publishers', counted).size >= 2).toBe(met)
  })
})

describe('a statement counts', () => {
  const publishers = [
    { memberId: 'alice', index: 3 },
    { memberId: 'bob', index: 6 },
  ]
  const authority = [
    { memberId: 'root', index: 3 },
    { memberId: 'root2', index: 6 },
  ]
  const mixed = [
    { memberId: 'alice', index: 3 },
    { memberId: 'root', index: 6 },
  ]
  const rebuilder = [{ memberId: 'carol', index: 3 }]

  it.each([
    ['release', publishers, true],
    ['release', authority, false],
    ['release', mixed, false],
    ['revocation', publishers, true],
    ['revocation', authority, true],
    ['revocation', mixed, false],
    ['waiver', publishers, false],
    ['waiver', authority, true],
    ['trust', publishers, false],
    ['trust', authority, true],
    ['trust', authority.slice(1), false],
    ['rebuild', rebuilder, false],
    ['rebuild', publishers, false],
  ] as const)('%s, case %#', (kind, signatures, counts) => {
    expect(isStatementMet(trust, kind, signatures)).toBe(counts)
  })
})

describe('a head of the trust file', () => {
  const head = { channel: 'stable', sequence: 7, id: headId }

  it('counts as met without any signature', () => {
    expect(isReleaseMet(trust, head, [])).toBe(true)
  })

  it.each([
    ['of another channel', { ...head, channel: 'beta' }],
    ['of a channel named like what objects have', { ...head, channel: 'constructor' }],
    ['of another sequence', { ...head, sequence: 8 }],
    ['of another id', { ...head, id: 'ef'.repeat(32) }],
  ])('is not the one %s', (_, other) => {
    expect(isHead(trust, other)).toBe(false)
    expect(isReleaseMet(trust, other, [])).toBe(false)
  })
})

it('who may sign what', () => {
  expect(signingRoles).toEqual({
    release: ['publishers'],
    rebuild: ['rebuilders'],
    revocation: ['publishers', 'authority'],
    waiver: ['authority'],
    trust: ['authority'],
  })
})
