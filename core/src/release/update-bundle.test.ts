import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../bytes.ts'
import { FileError } from './file-error.ts'
import { bundleCaps, formatUpdateBundle, parseUpdateBundle, updateBundleFileName } from './update-bundle.ts'

interface Case {
  readonly desc: string
  readonly file: string
  readonly views?: number
  readonly entries?: number
  readonly error?: string
}
const { cases } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/update-bundle.json', import.meta.url), 'utf8'),
) as { cases: readonly Case[] }

const faultOf = (bytes: Uint8Array): string => {
  try {
    parseUpdateBundle(bytes)
    return 'accepted'
  } catch (error) {
    if (error instanceof FileError) return error.fault
    throw error
  }
}

describe('an update bundle is read', () => {
  it.each(cases.filter(({ error }) => error === undefined))('$desc', ({ file, views, entries }) => {
    const bundle = parseUpdateBundle(utf8(file))
    expect(bundle.views.length).toBe(views)
    expect(bundle.views.flatMap((view) => view.entries).length).toBe(entries)
    expect(fromUtf8(formatUpdateBundle(bundle))).toBe(file)
  })
})

describe('an update bundle is refused', () => {
  it.each(cases.filter(({ error }) => error !== undefined))('$desc', ({ file, error }) => {
    expect(faultOf(utf8(file))).toBe(error)
  })

  it('above 4 MiB, before it is read', () => {
    expect(faultOf(new Uint8Array(bundleCaps.bytes + 1))).toBe('too-large')
  })

  it('that nobody could read back', () => {
    expect(() => formatUpdateBundle({ views: [], trust: [] })).toThrow(FileError)
  })
})

it('lies beside its artifact', () => {
  expect(updateBundleFileName('notes.tar.gz')).toBe('notes.tar.gz.samebits.json')
})
