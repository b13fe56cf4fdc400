import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../bytes.ts'
import { parseVkey } from '../log/vkey.ts'
import { nodeCrypto } from '../node.ts'
import { checkEvidence } from './check-evidence.ts'
import { evidenceKinds, formatEvidence, parseEvidence } from './evidence.ts'
import { FileError } from './file-error.ts'
import { parseTrust } from './trust.ts'

interface Case {
  readonly desc: string
  readonly file: string
  readonly keys?: readonly string[]
  readonly verdict?: string
  readonly convicted?: string
  readonly bothSides?: readonly string[]
  readonly error?: string
}
const vectors = JSON.parse(readFileSync(new URL('../../../test/vectors/evidence.json', import.meta.url), 'utf8')) as {
  cases: readonly Case[]
  keys: Readonly<Record<string, string>>
  trust: string
}
const { cases } = vectors
const readable = cases.filter(({ error }) => error === undefined)

const check = ({ file, keys = [] }: Case) => {
  const brought = keys.flatMap((name) => {
    const vkey = vectors.keys[name]
    return vkey === undefined ? [] : [parseVkey(nodeCrypto, vkey)]
  })
  const trust = keys.includes('trust') ? { trust: parseTrust(nodeCrypto, utf8(vectors.trust)) } : {}
  return checkEvidence({ crypto: nodeCrypto, evidence: parseEvidence(utf8(file)), keys: brought, ...trust })
}

describe('evidence comes to', () => {
  it.each(readable)('$verdict: $desc', (theCase) => {
    const { verdict, convicted, bothSides } = check(theCase)
    const name = convicted === null ? undefined : `${convicted.kind} ${convicted.name}`
    expect({ verdict, convicted: name }).toEqual({ verdict: theCase.verdict, convicted: theCase.convicted })
    expect(bothSides).toEqual(theCase.bothSides ?? [])
  })

  it.each(readable)('the same file again: $desc', ({ file }) => {
    expect(fromUtf8(formatEvidence(parseEvidence(utf8(file))))).toBe(file)
  })

  it('every kind is among those that convict, but the one that never does', () => {
    const convicting = new Set(
      readable.filter(({ verdict }) => verdict === 'convicts').map(({ file }) => parseEvidence(utf8(file)).kind),
    )
    expect([...evidenceKinds].filter((kind) => !convicting.has(kind))).toEqual(['unproven'])
  })
})

describe('evidence is refused', () => {
  it.each(cases.filter(({ error }) => error !== undefined))('$desc', ({ file, error }) => {
    let fault = 'accepted'
    try {
      parseEvidence(utf8(file))
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown
      fault = thrown.fault
    }
    expect(fault).toBe(error)
  })
})

describe('what is said', () => {
  const finding = (desc: string) => {
    const found = cases.find((candidate) => candidate.desc === desc)
    if (found === undefined) throw new Error(`no vector "${desc}"`)
    return check(found).findings
  }

  it('names both sizes of a fork and who signed both', () => {
    expect(finding('a fork')).toEqual([
      'log.example.com/test signed a tree of 6 entries, and one of 11 that does not extend it.',
      'Witnesses that signed both sides: birch.example/witness.',
    ])
  })

  it('says that a question convicts nobody', () => {
    expect(finding('two trees and no proof: a question').join(' ')).toContain('convicts nobody')
  })

  it('says who got what, and that the vote may have been taken back', () => {
    const [got, standing] = finding('a vote against')
    expect(got).toMatch(/^carol rebuilt plugin\.so and got [0-9a-f]{64}; the release says [0-9a-f]{64}\.$/)
    expect(standing).toContain('index 4')
  })

  it('says why a proof proves nothing', () => {
    expect(finding('a fork with a hash flipped')).toEqual([expect.stringMatching(/^This proves nothing: .+\.$/)])
  })
})
