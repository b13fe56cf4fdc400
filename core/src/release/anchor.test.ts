import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../bytes.ts'
import { anchorFileName, formatAnchor, parseAnchor } from './anchor.ts'
import { FileError } from './file-error.ts'

interface Case {
  readonly desc: string
  readonly file: string
  readonly heads?: readonly string[]
  readonly error?: string
}
const { cases } = JSON.parse(readFileSync(new URL('../../../test/vectors/anchor.json', import.meta.url), 'utf8')) as {
  cases: readonly Case[]
}

const faultOf = (bytes: Uint8Array): string => {
  try {
    parseAnchor(bytes)
    return 'accepted'
  } catch (error) {
    if (error instanceof FileError) return error.fault
    throw error
  }
}

describe('an anchor is read', () => {
  it.each(cases.filter(({ error }) => error === undefined))('$desc', ({ file, heads }) => {
    const anchor = parseAnchor(utf8(file))
    expect([...anchor.heads.keys()].sort()).toEqual(heads)
    expect(fromUtf8(formatAnchor(anchor))).toBe(file)
  })
})

describe('an anchor is refused', () => {
  it.each(cases.filter(({ error }) => error !== undefined))('$desc', ({ file, error }) => {
    expect(faultOf(utf8(file))).toBe(error)
  })

  it('above 4 MiB, before it is read', () => {
    expect(faultOf(new Uint8Array(4 * 1024 * 1024 + 1))).toBe('too-large')
  })
})

it('lies beside the trust file of its product, with no slash in its name', () => {
  expect(anchorFileName('example.com/notes')).toBe('example.com_notes.anchor.json')
})
