import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { parseTrust, TrustError } from './trust.ts'

interface Case {
  readonly desc: string
  readonly file: string
  readonly sha256?: string
  readonly version?: number
  readonly origin?: string
  readonly forkCost?: number
  readonly error?: string
}
const { cases } = JSON.parse(readFileSync(new URL('../../../test/vectors/trust.json', import.meta.url), 'utf8')) as {
  cases: readonly Case[]
}

const faultOf = (bytes: Uint8Array): string => {
  try {
    parseTrust(nodeCrypto, bytes)
    return 'accepted'
  } catch (error) {
    if (error instanceof TrustError) return error.fault
    throw error
  }
}

describe('a trust file is read', () => {
  it.each(cases.filter(({ error }) => error === undefined))('$desc', ({ file, ...expected }) => {
    const { sha256, version, origin, forkCost, size, bytes } = parseTrust(nodeCrypto, utf8(file))
    expect({ desc: expected.desc, sha256, version, origin, forkCost }).toEqual(expected)
    expect(bytes).toEqual(utf8(file))
    expect(size).toBe(bytes.length)
  })
})

describe('a trust file is refused', () => {
  it('with the parser that refused it as the cause', () => {
    expect(() => parseTrust(nodeCrypto, utf8('{}'))).toThrow(expect.objectContaining({ cause: expect.any(Error) }))
    expect(() => parseTrust(nodeCrypto, utf8('{'))).toThrow(expect.objectContaining({ cause: expect.any(Error) }))
  })

  it.each(cases.filter(({ error }) => error !== undefined))('$desc', ({ file, error }) => {
    expect(faultOf(utf8(file))).toBe(error)
  })

  it('above 4 MiB, and not at 4 MiB', () => {
    const file = cases[0]?.file ?? ''
    const padded = (length: number) => utf8(file.padEnd(length, ' '))
    expect(faultOf(padded(4 * 1024 * 1024))).toBe('accepted')
    expect(faultOf(padded(4 * 1024 * 1024 + 1))).toBe('malformed')
  })

  it('that is not UTF-8', () => {
    expect(faultOf(Uint8Array.of(0x7b, 0xff, 0x7d))).toBe('malformed')
  })
})

const accepted = (desc: string) => {
  const found = cases.find((candidate) => candidate.desc === desc)
  if (found === undefined) throw new Error(`no vector "${desc}"`)
  return parseTrust(nodeCrypto, utf8(found.file))
}

describe('what a trust file says', () => {
  const trust = accepted('what is required')

  it('durations are seconds', () => {
    expect(trust.freshness).toEqual({
      maxAge: 30 * 86_400,
      warnAge: 7 * 86_400,
      maxLag: 7 * 86_400,
      clockSkew: 300,
      offlineMaxAge: null,
    })
  })

  it('a member without operator, from and until is its own operator, everywhere', () => {
    expect(trust.authority.members).toMatchObject([{ id: 'root', operator: 'root', from: 0, until: null }])
  })

  it('expires is the first second of that day', () => {
    const { history } = accepted('offered history until a leap day')
    expect(history).toEqual({ mode: 'offered', expires: Date.UTC(2028, 1, 29) / 1000 })
  })

  it('without a quorum there is no limit but the clock skew', () => {
    const { freshness, unwitnessed, forkCost } = accepted('unwitnessed')
    expect({ freshness, unwitnessed, forkCost }).toEqual({
      freshness: { maxAge: null, warnAge: null, maxLag: null, clockSkew: 300, offlineMaxAge: null },
      unwitnessed: true,
      forkCost: 0,
    })
  })

  it('a channel may have any name, also one that objects have', () => {
    const { heads } = accepted('a channel named constructor')
    expect(heads.get('constructor')).toMatchObject({ sequence: 7 })
    expect(heads.get('toString')).toBeUndefined()
  })

  it('what it does not say is not so', () => {
    const { unwitnessed, forkable, mirrors, trustedRoot, replaces } = trust
    expect({ unwitnessed, forkable, mirrors, trustedRoot, replaces }).toEqual({
      unwitnessed: false,
      forkable: false,
      mirrors: [],
      trustedRoot: null,
      replaces: null,
    })
    expect(accepted('a quorum that costs nothing to fork, allowed').forkable).toBe(true)
  })

  it('the log is the one of its policy, with its URL', () => {
    expect(trust.log.url).toBe('https://log.example.com/')
    expect(trust.log.key.name).toBe(trust.origin)
  })
})

it('a defect while a trust file is read is not taken for a refusal', () => {
  const bytes = utf8(cases.find(({ error }) => error === undefined)?.file ?? '')
  for (const Defect of [RangeError, TypeError]) {
    const sha256 = () => {
      throw new Defect('broken')
    }
    expect(() => parseTrust({ ...nodeCrypto, sha256 }, bytes)).toThrow(Defect)
  }
})
