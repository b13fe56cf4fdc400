/**
 * Why each vector is refused. That it is refused is tested beside each parser; here, that it is refused for the reason that its
 * description names, and not for another mistake in the same file. The reasons are in refusals.txt.
 */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { utf8 } from '../bytes.ts'
import { FormatError } from '../errors.ts'
import { parseVkey } from '../log/vkey.ts'
import { nodeCrypto } from '../node.ts'
import { parseAnchor } from './anchor.ts'
import { checkEvidence } from './check-evidence.ts'
import { parseEntry } from './entry.ts'
import { parseEvidence } from './evidence.ts'
import { parseStatement } from './statement.ts'
import { parseTrust, TrustError } from './trust.ts'
import { parseUpdateBundle } from './update-bundle.ts'

interface Case {
  readonly desc: string
  readonly error?: string
  readonly keys?: readonly string[]
}
interface Vectors {
  readonly cases: readonly (Case & Readonly<Record<'payload' | 'leaf' | 'file', string>>)[]
  readonly keys: Readonly<Record<string, string>>
  readonly trust: string
}
const load = (name: string): Vectors =>
  JSON.parse(readFileSync(new URL(`../../../test/vectors/${name}.json`, import.meta.url), 'utf8'))

function reason(read: () => unknown): string {
  try {
    read()
    return 'accepted'
  } catch (error) {
    if (error instanceof FormatError || error instanceof TrustError) return error.detail
    throw error
  }
}

const parsers: readonly (readonly [
  name: string,
  member: 'payload' | 'leaf' | 'file',
  parse: (bytes: Uint8Array) => unknown,
])[] = [
  ['statement', 'payload', parseStatement],
  ['entry', 'leaf', (bytes) => parseEntry(nodeCrypto, bytes)],
  ['trust', 'file', (bytes) => parseTrust(nodeCrypto, bytes)],
  ['update-bundle', 'file', parseUpdateBundle],
  ['anchor', 'file', parseAnchor],
  ['evidence', 'file', parseEvidence],
]

function refusals(): readonly string[] {
  return parsers.flatMap(([name, member, parse]) =>
    load(name)
      .cases.filter(({ error }) => error !== undefined)
      .map((of) => `${name}: ${of.desc}: ${reason(() => parse(utf8(of[member])))}`),
  )
}

function findings(): readonly string[] {
  const { cases, keys, trust } = load('evidence')
  return cases
    .filter(({ error }) => error === undefined)
    .map(({ desc, file, keys: brought = [] }) => {
      const vkeys = brought.flatMap((name) => keys[name] ?? []).map((vkey) => parseVkey(nodeCrypto, vkey))
      const given = brought.includes('trust') ? { trust: parseTrust(nodeCrypto, utf8(trust)) } : {}
      const found = checkEvidence({ crypto: nodeCrypto, evidence: parseEvidence(utf8(file)), keys: vkeys, ...given })
      return `finding: ${desc}: ${found.findings.join(' ')}`
    })
}

it('every vector is refused for its own reason', async () => {
  await expect(`${[...refusals(), ...findings()].join('\n')}\n`).toMatchFileSnapshot('refusals.txt')
})
