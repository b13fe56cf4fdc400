import { cosignatureSigner, formatVkey, satisfiesQuorum } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { describe, expect, it } from 'vitest'
import { headSigner } from '../signer.ts'
import { jointPolicy } from './joint-policy.ts'
import { readLogPolicy } from './log-policy.ts'

const { keys } = headSigner(nodeCrypto, 'example.com/log', [
  generateSigningKey('ed25519'),
  generateSigningKey('ml-dsa-44'),
])
const log = `log ${formatVkey(keys[1] ?? (keys[0] as never))}\n`
const vkeys = new Map(
  ['a', 'b', 'c', 'd'].map((name) => [
    name,
    formatVkey(cosignatureSigner(nodeCrypto, `${name}.example`, generateSigningKey('ed25519')).key),
  ]),
)
/** A policy in which the witness of key `a` may have another name: `w=a`. */
function policy(threshold: number, ...names: readonly string[]) {
  const lines = names.map((name) => {
    const [own = '', of = own] = name.split('=')
    return `witness ${own} ${vkeys.get(of)} https://${of}.example/\n`
  })
  const members = names.map((name) => name.split('=')[0]).join(' ')
  const text = `${log}${lines.join('')}group g ${threshold} ${members}\nquorum g\n`
  return readLogPolicy(nodeCrypto, { text, keys, monitoring: '' })
}

/** Whether the owners of these keys suffice, by what the joint policy calls them. */
function suffices(joint: ReturnType<typeof jointPolicy>, ...owners: readonly string[]): boolean {
  const cosigned = joint.policy.witnesses.filter(({ key }) => owners.includes(key.name.charAt(0)))
  return satisfiesQuorum(joint.policy, new Set(cosigned.map(({ name }) => name)))
}

describe('two policies at once', () => {
  it.each<[string, boolean, readonly string[]]>([
    ['the old quorum alone', false, ['a', 'b']],
    ['the new quorum alone', false, ['b', 'c', 'd']],
    ['both, one witness counting for either', true, ['a', 'b', 'c', 'd']],
    ['all but one of the new', false, ['a', 'b', 'c']],
    ['nobody', false, []],
  ])('%s', (_, expected, owners) => {
    expect(suffices(jointPolicy(policy(2, 'a', 'b'), policy(3, 'b', 'c', 'd')), ...owners)).toBe(expected)
  })

  it('asks a witness of both once, whatever each file calls it', () => {
    const joint = jointPolicy(policy(2, 'first=a', 'second=b'), policy(2, 'one=b', 'two=c'))
    expect(joint.services.map(({ submission, name }) => `${submission} ${name}`)).toEqual([
      'https://b.example one',
      'https://c.example two',
      'https://a.example first',
    ])
    expect(suffices(joint, 'a', 'b', 'c')).toBe(true)
  })

  it('tells a name that each file gives to another witness apart', () => {
    const joint = jointPolicy(policy(1, 'w=a'), policy(1, 'w=b'))
    expect(suffices(joint, 'a')).toBe(false)
    expect(suffices(joint, 'b')).toBe(false)
    expect(suffices(joint, 'a', 'b')).toBe(true)
  })

  it('with no quorum on one side asks for the other alone', () => {
    const none = readLogPolicy(nodeCrypto, { text: `${log}quorum none\n`, keys, monitoring: '' })
    expect(suffices(jointPolicy(none, policy(2, 'a', 'b')), 'a', 'b')).toBe(true)
    expect(suffices(jointPolicy(policy(2, 'a', 'b'), none))).toBe(false)
    expect(suffices(jointPolicy(policy(2, 'a', 'b'), none), 'a', 'b')).toBe(true)
  })
})
