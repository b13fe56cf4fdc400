import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainConditions } from '../build/conditions.ts'
import { tarEnd, tarHeader, tarPadding } from '../image/tar-writer.ts'
import { inFolder } from '../testing.ts'
import { compareArtifacts } from './compare.ts'
import { openContainer } from './containers/open.ts'
import { describePlace } from './difference.ts'
import type { Side } from './side.ts'

const side: Side = { conditions: plainConditions, startedAt: 1_795_824_930, finishedAt: 1_795_824_933 }
const bytes = (text: string) => new TextEncoder().encode(text)

interface File {
  readonly name: string
  readonly content: Uint8Array
  readonly mtime?: number
  readonly mode?: number
}

function tar(files: readonly File[]): Uint8Array {
  const parts = files.flatMap(({ name, content, mtime = 0, mode = 0o644 }) => [
    tarHeader({ name, size: content.length, mode }, mtime),
    content,
    tarPadding(content.length),
  ])
  return Buffer.concat([...parts, tarEnd])
}

function ar(members: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const parts = members.flatMap(([name, content]) => [
    bytes(
      `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n`,
    ),
    content,
    bytes('\n'.repeat(content.length % 2)),
  ])
  return Buffer.concat([bytes('!<arch>\n'), ...parts])
}

function asar(content: string): Uint8Array {
  const json = bytes(JSON.stringify({ files: { lib: { files: { 'a.js': { size: content.length, offset: '0' } } } } }))
  const padded = Math.ceil(json.length / 4) * 4
  const header = Buffer.alloc(16 + padded)
  for (const [at, value] of [4, padded + 8, padded + 4, json.length].entries()) header.writeUInt32LE(value, at * 4)
  header.set(json, 16)
  return Buffer.concat([header, bytes(content)])
}

function told(a: Uint8Array, b: Uint8Array, name = 'app'): readonly string[] {
  return compareArtifacts(name, a, b, side, side).map((each) => `${each.kind}: ${describePlace(each)}`)
}

describe('two versions of an artifact', () => {
  it('have no difference where they are equal', () => {
    expect(told(tar([]), tar([]))).toEqual([])
  })

  it('differ in a line of a text, at its offset', () => {
    expect(told(bytes('a\nb\nyes\n'), bytes('a\nb\nno\n'))).toEqual(['content: app, at 0x4'])
  })

  it('differ deep inside', () => {
    const deb = (text: string) => ar([['data.tar.gz', gzipSync(tar([{ name: './usr/bin/x', content: bytes(text) }]))]])
    expect(told(deb('yes'), deb('no'), 'a.deb')).toEqual(['content: a.deb > data.tar.gz > ./usr/bin/x, at 0x0'])
  })

  it('say where a place is in the artifact itself, where nothing is compressed', () => {
    const [difference] = compareArtifacts('a', ar([['x', bytes('abc')]]), ar([['x', bytes('abd')]]), side, side)
    expect([difference?.offset, difference?.artifactOffset]).toEqual([0, 68])
  })

  it.each<[string, File, File]>([
    [
      'timestamp: app > f, mtime',
      { name: 'f', content: bytes('x'), mtime: 1 },
      { name: 'f', content: bytes('x'), mtime: 2 },
    ],
    [
      'mode: app > f, mode',
      { name: 'f', content: bytes('x'), mode: 0o644 },
      { name: 'f', content: bytes('x'), mode: 0o664 },
    ],
  ])('differ in %s', (expected, a, b) => {
    expect(told(tar([a]), tar([b]))).toEqual([expected])
  })

  it('differ in the order of members, and in which there are', () => {
    const [x, y, z] = ['x', 'y', 'z'].map((name) => ({ name, content: bytes(name) })) as [File, File, File]
    expect(told(tar([x, y]), tar([y, x]))).toEqual(['order: app, order'])
    expect(told(tar([x, y]), tar([x, z]))).toEqual(['missing: app > z, present', 'missing: app > y, present'])
  })

  it('differ in how they are packed, where all that is inside is equal', () => {
    const content = bytes('text '.repeat(1000))
    const told9 = told(gzipSync(content, { level: 9 }), gzipSync(content, { level: 1 }))
    expect(told9).toHaveLength(1)
    expect(told9[0]).toMatch(/^content: app, level|^encoding: app, /)
  })

  it('differ in a time that is stored as a number', () => {
    const at = (seconds: number) => {
      const data = Buffer.alloc(64)
      data.writeUInt32LE(seconds, 20)
      return data
    }
    expect(told(at(1_795_824_931), at(1_795_824_933))).toEqual(['timestamp: app, at 0x14'])
  })

  it('differ in checksums only because of something else', () => {
    const sum = (text: string) => createHash('md5').update(text).digest('hex')
    const pack = (text: string) =>
      tar([
        { name: 'f', content: bytes(text) },
        { name: 'md5sums', content: bytes(`${sum(text)}  f\n`) },
      ])
    expect(told(pack('yes'), pack('no'))).toEqual([
      'content: app > f, at 0x0 (0x200 of app)',
      'checksum: app > md5sums, at 0x0 (0x600 of app)',
    ])
  })

  it('differ in a file of an asar archive', () => {
    expect(told(asar('yes'), asar('not'))).toEqual(['content: app > lib/a.js, at 0x0 (0x4c of app)'])
  })

  it('are never looked into further than they go', () => {
    const anything = fc.uint8Array({ maxLength: 600 })
    const starts = fc.constantFrom(
      '!<arch>\n',
      'PK\u0003\u0004',
      '\u001f\u008b\b',
      '\u007fELF',
      `${'\0'.repeat(257)}ustar`,
      '\u0004\0\0\0',
    )
    fc.assert(
      fc.property(starts, anything, anything, (start, a, b) => {
        const [inA, inB] = [a, b].map((rest) => Buffer.concat([Buffer.from(start, 'latin1'), rest])) as [Buffer, Buffer]
        const equal = inA.equals(inB)
        expect(compareArtifacts('x', inA, inB, side, side).length === 0).toBe(equal)
      }),
    )
  })
})

describe('what others packed', () => {
  it.for<[string, string[], string]>([
    ['tar', ['/bin/tar', '-cf', 'out', 'folder'], 'folder/file'],
    ['gzip', ['/bin/tar', '-czf', 'out', 'folder'], 'content'],
    [
      'ar',
      ['/usr/bin/ar', 'rc', 'out', 'folder/file', 'folder/a-name-that-is-longer-than-sixteen'],
      'a-name-that-is-longer-than-sixteen',
    ],
    ['elf', ['/bin/cp', '/bin/true', 'out'], 'section .text'],
  ])('is taken apart: %s', ([format, [program = '', ...args], member], { skip }) => {
    if (!existsSync(program)) skip(`${program} is not installed`)
    return inFolder(async (folder) => {
      mkdirSync(join(folder, 'folder'))
      for (const name of ['file', 'a-name-that-is-longer-than-sixteen']) {
        writeFileSync(join(folder, 'folder', name), name)
        utimesSync(join(folder, 'folder', name), 1000, 1000)
      }
      execFileSync(program, args, { cwd: folder })
      const container = openContainer(readFileSync(join(folder, 'out')))
      expect(container?.format).toBe(format)
      expect(container?.members.map(({ name }) => name)).toContain(member)
    })
  })
})
