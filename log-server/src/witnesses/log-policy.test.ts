import { cosignatureSigner, FormatError, formatVkey, logSigner } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { describe, expect, it } from 'vitest'
import { headSigner } from '../signer.ts'
import { readLogPolicy } from './log-policy.ts'

const logSigningKeys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
const { keys } = headSigner(nodeCrypto, 'example.com/log', logSigningKeys)
const [ed25519 = '', mlDsa = ''] = keys.map(formatVkey)
const witnessKey = (name: string, algorithm: 'ed25519' | 'ml-dsa-44' = 'ed25519') =>
  formatVkey(cosignatureSigner(nodeCrypto, name, generateSigningKey(algorithm)).key)
const [w1, w2, w3] = ['w.example/1', 'w.example/2', 'w.example/3'].map((name) => witnessKey(name))
const w1b = witnessKey('w.example/1', 'ml-dsa-44')
const stranger = formatVkey(logSigner(nodeCrypto, 'example.com/log', generateSigningKey('ed25519')).key)

const read = (lines: readonly string[], monitoring = '') =>
  readLogPolicy(nodeCrypto, { text: lines.map((line) => `${line}\n`).join(''), keys, monitoring })
const three = [
  `log ${mlDsa}`,
  `witness a ${w1} https://w1.example/`,
  `witness b ${w2} https://w2.example/prefix/`,
  `witness c ${w3} http://127.0.0.1:8000`,
  'group two 2 a b c',
  'quorum two',
]

describe('the policy of a log', () => {
  it('says whom to ask, and what a fork costs', () => {
    const { services, forkCost } = read(three)
    expect(services.map(({ submission }) => submission)).toEqual([
      'https://w1.example',
      'https://w2.example/prefix',
      'http://127.0.0.1:8000',
    ])
    expect(services.map(({ monitoring }) => monitoring)).toEqual(services.map(({ submission }) => submission))
    expect(forkCost).toBe(1)
  })

  it('takes monitoring prefixes that are elsewhere', () => {
    const { services } = read(three, 'b=https://cdn.example/b/  c=https://cdn.example/c')
    expect(services.map(({ monitoring }) => monitoring)).toEqual([
      'https://w1.example',
      'https://cdn.example/b',
      'https://cdn.example/c',
    ])
  })

  it('asks keys behind one URL with one request', () => {
    const { services } = read([
      `log ${ed25519}`,
      `witness a ${w1} https://w1.example`,
      `witness b ${w1b} https://w1.example/`,
      'group one any a b',
      'quorum one',
    ])
    expect(services.map(({ name, witnesses }) => [name, witnesses.length])).toEqual([['a,b', 2]])
  })

  it.each<[string, readonly string[]]>([
    ['no quorum at all', [`log ${ed25519}`, `witness a ${w1} https://w1.example`, 'quorum none']],
    ['no witness', [`log ${ed25519}`, 'quorum none']],
    ['a quorum that honest witnesses can meet twice', [...three.slice(0, 4), 'group one any a b c', 'quorum one']],
    ['a witness without a URL, where the others suffice', three.map((line) => line.replace('https://w1.example/', ''))],
  ])('accepts %s', (_, lines) => {
    expect(read(lines).policy.logs).toHaveLength(1)
  })

  it.each<[string, readonly string[], string?]>([
    ['no log', three.slice(1)],
    ['two logs', [`log ${ed25519}`, ...three]],
    ['another log of this name', [`log ${stranger}`, ...three.slice(1)]],
    ['the log as its own witness', [`log ${ed25519}`, `witness a ${mlDsa} https://w1.example`, 'quorum a']],
    ['no quorum line', three.slice(0, -1)],
    ['fewer witnesses with a URL than the quorum takes', three.map((line) => line.replace(/ https:.*/, ''))],
    [
      'one operator twice in a group',
      [
        ...three.slice(0, 2),
        `witness b ${w1b} https://w1.example`,
        `witness c ${w3} https://w3.example`,
        ...three.slice(4),
      ],
    ],
    ['plain http to another machine', three.map((line) => line.replace('https://w1', 'http://w1'))],
    [
      'http to a name that looks local',
      three.map((line) => line.replace('https://w1.example', 'http://localhost.example')),
    ],
    ['another scheme', three.map((line) => line.replace('https://w1', 'ftp://w1'))],
    ['credentials', three.map((line) => line.replace('https://w1', 'https://user:word@w1'))],
    ['a query', three.map((line) => line.replace('w1.example/', 'w1.example/?x'))],
    ['an empty fragment', three.map((line) => line.replace('w1.example/', 'w1.example/#'))],
    ['a path in place of a URL', three.map((line) => line.replace('https://w1.example/', '/w1'))],
    ['monitoring of an unknown witness', three, 'd=https://cdn.example'],
    ['monitoring twice', three, 'a=https://cdn.example a=https://cdn2.example'],
    ['monitoring without a URL', three, 'a='],
    ['monitoring without a name', three, 'https://cdn.example'],
    ['monitoring over plain http', three, 'a=http://cdn.example'],
    [
      'more witnesses than a checkpoint has room for',
      [
        `log ${mlDsa}`,
        ...Array.from(
          { length: 63 },
          (_, at) => `witness w${at} ${witnessKey(`w.example/${at}`)} https://w${at}.example`,
        ),
        'quorum w0',
      ],
    ],
  ])('refuses %s', (_, lines, monitoring) => {
    expect(() => read(lines, monitoring)).toThrow(FormatError)
  })
})
