import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadVectors, outcome } from '../../../scripts/vectors/load.ts'
import { MOST_WITNESSES, randomPolicy } from '../../../scripts/vectors/random-policy.ts'
import { FormatError } from '../errors.ts'
import { nodeCrypto } from '../node.ts'
import { formatPolicy, type Policy, parsePolicy } from './policy.ts'
import { checkTrustPolicy, type TrustPolicyOptions } from './trust-policy.ts'
import { formatVkey, makeVkey } from './vkey.ts'

interface Vectors {
  parse: {
    desc: string
    policy: string
    logs?: number
    witnesses?: number
    groups?: [string, number, ...string[]][]
    quorum?: string
    urls?: string[]
    error?: string
  }[]
  trust: { desc: string; policy: string; options?: TrustPolicyOptions; forkCost?: number; error?: string }[]
}
const vectors = loadVectors<Vectors>('policy')
const parse = (text: string) => parsePolicy(nodeCrypto, text)
const accepted = vectors.parse.filter(({ error }) => error === undefined)

test('refuses more than it accepts', () => {
  expect(vectors.parse.length - accepted.length).toBeGreaterThan(accepted.length)
  expect(vectors.trust.filter(({ error }) => error !== undefined).length).toBeGreaterThan(vectors.trust.length / 2)
})

test.each(vectors.parse)('policy: $desc', ({ policy, error, logs, witnesses, groups, quorum, urls = [] }) => {
  const got = outcome(() => parse(policy))
  if ('error' in got) return expect(got).toEqual({ error })
  expect(error).toBeUndefined()
  expect(got).toMatchObject({ text: policy, quorum })
  expect([got.logs.length, got.witnesses.length]).toEqual([logs, witnesses])
  expect(got.groups.map(({ name, threshold, members }) => [name, threshold, ...members])).toEqual(groups)
  expect([...got.logs, ...got.witnesses].flatMap(({ url }) => url ?? [])).toEqual(urls)
})

test.each(accepted)('means the same after format and parse: $desc', ({ policy }) => {
  const { text: _, ...meaning } = parse(policy)
  const { text, ...again } = parse(formatPolicy(nodeCrypto, meaning))
  expect(again).toEqual(meaning)
  expect(formatPolicy(nodeCrypto, again)).toBe(text)
})

test.each(vectors.trust)('trust file: $desc', ({ policy, options, forkCost, error }) => {
  const got = outcome(() => checkTrustPolicy(parse(policy), options))
  if (error !== undefined) expect(got).toEqual({ error })
  else expect(got).toEqual({ log: parse(policy).logs[0], forkCost })
})

describe('limits', () => {
  const key = (index: number) => {
    const publicKey = new Uint8Array(32)
    new DataView(publicKey.buffer).setUint32(0, index)
    return formatVkey(makeVkey(nodeCrypto, `k${index}.example`, 4, publicKey))
  }
  const rows = (count: number, row: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => `${row(i)}\n`).join('')
  const witnesses = (count: number) => rows(count, (i) => `witness w${i} ${key(i)}`)
  const logs = (count: number) => rows(count, (i) => `log ${key(i)}`)
  const groups = (count: number) => rows(count, (i) => `group g${i} any w${i}`)

  test.each([32, 128])('%s lines of each kind are read', (count) => {
    const policy = parse(`${logs(count)}${witnesses(count)}${groups(count)}quorum g0\n`)
    expect([policy.logs.length, policy.witnesses.length, policy.groups.length]).toEqual([count, count, count])
  })

  test.each([
    ['logs', `${logs(129)}quorum none\n`],
    ['witnesses', `${witnesses(129)}quorum none\n`],
    ['groups', `${witnesses(1)}group g0 any w0\n${rows(128, (i) => `group g${i + 1} any g${i}`)}quorum none\n`],
    ['characters', `#${'x'.repeat(1 << 20)}\nquorum none\n`],
  ])('more %s are not', (_, text) => {
    expect(outcome(() => parse(text))).toEqual({ error: 'FORMAT_INVALID' })
  })

  test('a group in a group in a group, 127 deep, is read', () => {
    const deep = `${witnesses(1)}group g0 any w0\n${rows(127, (i) => `group g${i + 1} any g${i}`)}quorum g127\n`
    expect(parse(deep).groups).toHaveLength(128)
  })

  test('the longest text is read', () => {
    const end = '\nquorum none\n'
    expect(parse(`#${'x'.repeat((1 << 20) - 1 - end.length)}${end}`).quorum).toBe('none')
    expect(outcome(() => parse(`#${'x'.repeat((1 << 20) - end.length)}${end}`))).toEqual({ error: 'FORMAT_INVALID' })
  })

  test('errors that are not about the policy are not swallowed', () => {
    const sha256 = () => {
      throw new RangeError('out of memory')
    }
    expect(() => parsePolicy({ ...nodeCrypto, sha256 }, `${witnesses(1)}quorum w0\n`)).toThrow(RangeError)
  })

  test('one space separates, none trails, an absent URL leaves nothing', () => {
    const text = `log ${key(0)}\nlog ${key(1)} https://l/\nwitness w ${key(0)}\nwitness x ${key(1)} https://x/\nquorum w\n`
    const policy = parse(text.replaceAll(' ', ' \t '))
    expect(formatPolicy(nodeCrypto, policy)).toBe(text)
    expect(policy.logs.map((log) => Object.keys(log))).toEqual([['key'], ['key', 'url']])
    expect(policy.witnesses.map((witness) => Object.keys(witness).length)).toEqual([2, 3])
  })

  test('the line is named, and what is wrong with it is the cause', () => {
    const call = () => parse('# one\nquorum x\n')
    expect(call).toThrow('line 2')
    expect(call).toThrow(expect.objectContaining({ cause: expect.any(FormatError) }))
  })

  test.each(['all', 'any', '0', '1'])(
    'a group of %s without members, which nobody or everybody would satisfy, is refused',
    (k) => {
      const call = () => parse(`${witnesses(1)}group g ${k}\nquorum g\n`)
      expect(call).toThrow('not of the form: group')
    },
  )
})

describe('what could not be parsed is not formatted', () => {
  const witness = { name: 'a', key: makeVkey(nodeCrypto, 'a.example', 4, new Uint8Array(32)) }
  const policy: Omit<Policy, 'text'> = { logs: [], witnesses: [witness], groups: [], quorum: 'a' }
  test.each<[string, Partial<Policy>]>([
    ['a name with a space', { witnesses: [{ ...witness, name: 'a b' }] }],
    ['an empty name', { witnesses: [{ ...witness, name: '' }] }],
    ['a name with a newline', { witnesses: [{ ...witness, name: 'a\n' }] }],
    ['a URL with a space', { witnesses: [{ ...witness, url: 'https://a/ b' }] }],
    ['an undefined quorum', { quorum: 'b' }],
    ['a threshold of 0', { groups: [{ name: 'g', threshold: 0, members: ['a'] }], quorum: 'g' }],
    ['a fractional threshold', { groups: [{ name: 'g', threshold: 0.5, members: ['a'] }], quorum: 'g' }],
    ['no members', { groups: [{ name: 'g', threshold: 1, members: [] }], quorum: 'g' }],
  ])('%s', (_, wrong) => {
    expect(outcome(() => formatPolicy(nodeCrypto, { ...policy, ...wrong }))).toEqual({ error: 'FORMAT_INVALID' })
  })
})

describe('any policy', () => {
  const publicKeys = Array.from({ length: MOST_WITNESSES }, (_, index) => new Uint8Array(32).fill(index))
  const policies = randomPolicy(nodeCrypto, publicKeys, 'any')

  test('parse after format is the identity', () => {
    fc.assert(
      fc.property(policies, ({ text: _, ...policy }) => {
        const { text, ...again } = parse(formatPolicy(nodeCrypto, policy))
        expect(again).toEqual(policy)
        expect(formatPolicy(nodeCrypto, again)).toBe(text)
      }),
    )
  })

  test('changed anywhere is refused, or keeps its rules', () => {
    const junk = fc.constantFrom('', '\n', ' ', '\t', '#', '0', '9', 'w0', 'g0', ' w1', 'none', 'all', '\r', '\0')
    fc.assert(
      fc.property(policies, fc.nat(), fc.nat(4), junk, (policy, position, deleted, inserted) => {
        const text = formatPolicy(nodeCrypto, policy)
        const at = position % (text.length + 1)
        const got = outcome(() => parse(text.slice(0, at) + inserted + text.slice(at + deleted)))
        if ('error' in got) {
          expect(got.error).toBe('FORMAT_INVALID')
          return
        }
        const names = [...got.witnesses, ...got.groups].map(({ name }) => name)
        const used = [...got.groups.flatMap(({ members }) => members), ...(got.quorum === 'none' ? [] : [got.quorum])]
        expect(new Set(names).size).toBe(names.length)
        expect(new Set(used).size).toBe(used.length)
        expect(names).toEqual(expect.arrayContaining(used))
        for (const { threshold, members } of got.groups) {
          expect(threshold >= 1 && threshold <= members.length).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })
})
