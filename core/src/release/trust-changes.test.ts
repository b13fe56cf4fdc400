import { describe, expect, it } from 'vitest'
import { utf8 } from '../bytes.ts'
import { logSigner } from '../log/checkpoint.ts'
import { cosignatureSigner } from '../log/cosignature.ts'
import { formatVkey } from '../log/vkey.ts'
import { generateSigningKey, nodeCrypto } from '../node.ts'
import { formatSpkiPem } from '../spki.ts'
import { parseTrust, type Trust } from './trust.ts'
import { forkCostText, trustChanges } from './trust-changes.ts'

const key = () => formatSpkiPem(generateSigningKey('ed25519'))
const log = (name: string) => formatVkey(logSigner(nodeCrypto, name, generateSigningKey('ed25519')).key)
const witness = (name: string) =>
  `witness ${name} ${formatVkey(cosignatureSigner(nodeCrypto, `${name}.example`, generateSigningKey('ed25519')).key)}\n`
const [w1, w2, w3, w4] = [witness('w1'), witness('w2'), witness('w3'), witness('w4')]
const logLine = `log ${log('example.com/log')} https://log.example.com/\n`
const quorum = (k: number, ...names: readonly string[]) => `group all ${k} ${names.join(' ')}\nquorum all\n`

const base = {
  format: 1,
  version: 1,
  product: 'example.com/notes',
  channels: ['stable'],
  tlogPolicy: `${logLine}${w1}${w2}${w3}${quorum(2, 'w1', 'w2', 'w3')}`,
  authority: { threshold: 1, members: [{ id: 'root', publicKey: key() }] },
  publishers: {
    threshold: 1,
    members: [
      { id: 'alice', publicKey: key() },
      { id: 'bob', publicKey: key() },
    ],
  },
  rebuilders: { threshold: 1, members: [{ id: 'rob', publicKey: key() }], onMismatch: 'refuse' },
  freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' },
  history: { mode: 'complete' },
  heads: {} as object,
}
type File = typeof base

function changed(change: (file: File & Record<string, unknown>) => void): Trust {
  const file = structuredClone({ ...base, version: 2 }) as File & Record<string, unknown>
  change(file)
  return parseTrust(nodeCrypto, utf8(JSON.stringify(file)))
}

const old = parseTrust(nodeCrypto, utf8(JSON.stringify(base)))
const id = 'ab'.repeat(32)
const trustedRoot = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }

const cases: readonly (readonly [string, (file: File & Record<string, unknown>) => void, readonly RegExp[]])[] = [
  ['nothing but the version', () => undefined, []],
  ['a channel', (file) => file.channels.push('beta'), [/^ channel beta is added$/]],
  [
    'the threshold down',
    (file) => Object.assign(file.rebuilders, { threshold: 0 }),
    [/^!rebuilders: 0 must agree, not 1$/],
  ],
  [
    'the threshold up',
    (file) => Object.assign(file.publishers, { threshold: 2 }),
    [/^ publishers: 2 must agree, not 1$/],
  ],
  ['a member gone', (file) => file.publishers.members.pop(), [/^ publishers: bob is removed, and nothing/]],
  [
    'a member more',
    (file) => file.publishers.members.push({ id: 'carol', publicKey: key() }),
    [/^ publishers: carol is added, the ed25519 key/],
  ],
  [
    'an end',
    (file) => Object.assign(file.publishers.members[1] ?? {}, { until: 42 }),
    [/^ publishers: bob counts until entry 42, and not from there on$/],
  ],
  [
    'a beginning',
    (file) => Object.assign(file.publishers.members[1] ?? {}, { from: 42 }),
    [/^ publishers: bob counts from entry 42, not 0$/],
  ],
  [
    'another operator',
    (file) => Object.assign(file.publishers.members[1] ?? {}, { operator: 'alice' }),
    [/^ publishers: bob counts for alice, not bob$/],
  ],
  [
    'another key under one id',
    (file) => Object.assign(file.publishers.members[0] ?? {}, { publicKey: key() }),
    [/^ publishers: alice is the ed25519 key \w+; it was the ed25519 key \w+$/],
  ],
  [
    'an identity',
    (file) => {
      Object.assign(file, { trustedRoot })
      file.publishers.members.push({
        id: 'ci',
        identity: { issuer: 'https://i.example', san: 'https://ci.example' },
      } as never)
    },
    [
      /^ publishers: ci is added, the identity https:\/\/ci.example by https:\/\/i.example$/,
      /^ the authorities of identities/,
    ],
  ],
  [
    'negative votes only told',
    (file) => Object.assign(file.rebuilders, { onMismatch: 'report' }),
    [/^!a negative vote is told$/],
  ],
  [
    'a platform without rebuilders',
    (file) => Object.assign(file.rebuilders, { platforms: { 'darwin-arm64': 0 } }),
    [/^!rebuilders: 0 must agree on darwin-arm64, not 1$/],
  ],
  [
    'older views',
    (file) => Object.assign(file.freshness, { maxAge: '60d' }),
    [/^!the oldest view is 60d; it was 30d$/],
  ],
  [
    'offline for the first time',
    (file) => Object.assign(file.freshness, { offlineMaxAge: '90d' }),
    [/^!the oldest view offline is 90d; it was not set$/],
  ],
  [
    'younger views',
    (file) => Object.assign(file.freshness, { maxAge: '36h' }),
    [/^ the oldest view is 36h; it was 30d$/],
  ],
  [
    'history offered',
    (file) => Object.assign(file, { history: { mode: 'offered', expires: '2027-12-31' } }),
    [/^!history is offered only, until 2027-12-31; it was complete$/],
  ],
  [
    'a head',
    (file) => Object.assign(file, { heads: { stable: { sequence: 7, id } } }),
    [/^ stable has its head at sequence 7, abab/],
  ],
  [
    'mirrors',
    (file) => Object.assign(file, { mirrors: ['https://mirror.example.com/'] }),
    [/^ mirrors: none -> https:\/\/mirror.example.com\/$/],
  ],
  [
    'another witness',
    (file) => Object.assign(file, { tlogPolicy: `${logLine}${w1}${w2}${w4}${quorum(2, 'w1', 'w2', 'w4')}` }),
    [
      /^ witness w4.example\+.* is added$/,
      /^ witness w3.example\+.* is removed$/,
      /^ the quorum is all: 2 of w1, w2, w4; it was all: 2 of w1, w2, w3$/,
    ],
  ],
  [
    'a cheaper fork',
    (file) =>
      Object.assign(file, { tlogPolicy: `${logLine}${w1}${w2}${w3}${quorum(1, 'w1', 'w2', 'w3')}`, forkable: true }),
    [
      /^ the quorum is all: 1 of/,
      /^!a fork costs the log's key alone: two halves of the witnesses suffice; it cost the log's key and 1 witness that signs twice$/,
      /^!a quorum that can be split is allowed/,
    ],
  ],
  [
    'the key of the log, under the same name',
    (file) =>
      Object.assign(file, {
        tlogPolicy: base.tlogPolicy.replace(logLine, `log ${log('example.com/log')} https://log.example.com/\n`),
      }),
    [/^!the key of the log example.com\/log is another one/],
  ],
  [
    'another log',
    (file) =>
      Object.assign(file, {
        tlogPolicy: base.tlogPolicy.replace(logLine, `log ${log('example.org/log')} https://log.example.org/\n`),
        heads: { stable: { sequence: 7, id } },
        replaces: { origin: 'example.com/log', size: 9, root: `${'A'.repeat(43)}=` },
      }),
    [
      /^ the log example.org\/log takes the place of example.com\/log, continuing it at size 9$/,
      /^ the log is asked at https:\/\/log.example.org\/$/,
      /^ stable has its head/,
    ],
  ],
]

describe('what a trust file changes, in words', () => {
  it.each(cases)('%s', (_, change, expected) => {
    const told = trustChanges(old, changed(change)).map(({ text, weakens }) => `${weakens ? '!' : ' '}${text}`)
    expect(told).toEqual(expected.map((pattern) => expect.stringMatching(pattern)))
  })

  it('backwards, what was gained is lost', () => {
    const next = changed((file) =>
      Object.assign(file, { heads: { stable: { sequence: 7, id } }, channels: ['stable', 'beta'] }),
    )
    expect(trustChanges(next, old)).toEqual([
      { text: 'channel beta is removed', weakens: false },
      { text: 'stable has no head in the file any more', weakens: true },
    ])
  })

  it('says what a fork costs', () => {
    expect(forkCostText(old)).toBe("the log's key and 1 witness that signs twice")
  })
})
