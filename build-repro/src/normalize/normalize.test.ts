import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openContainer } from '../check/containers/open.ts'
import { inFolder } from '../testing.ts'
import { describeChanges } from './changes.ts'
import { normalize } from './normalize.ts'

const epoch = 1_600_000_000
const longName = `${'a-long-name-'.repeat(20)}ü`

/** The same files packed at two times, by two users, in two orders. */
async function twice(pack: (order: readonly string[], owner: number) => readonly string[]): Promise<[Buffer, Buffer]> {
  return inFolder(async (folder) => {
    mkdirSync(join(folder, 'd'))
    const names = ['d/b', 'd/a', `d/${longName}`]
    for (const name of names) writeFileSync(join(folder, name), name)
    chmodSync(join(folder, 'd/a'), 0o755)
    symlinkSync('a', join(folder, 'd/link'))
    linkSync(join(folder, 'd/b'), join(folder, 'd/again'))
    const all = [...names, 'd/link', 'd/again']
    const made = (order: readonly string[], owner: number, mtime: number) => {
      for (const name of names) utimesSync(join(folder, name), mtime, mtime)
      const [program = '', ...args] = pack(order, owner)
      execFileSync(program, args, { cwd: folder, stdio: 'ignore' })
      const bytes = readFileSync(join(folder, 'out'))
      execFileSync('rm', [join(folder, 'out')])
      return bytes
    }
    return [
      made(all, 1000, 1_700_000_000),
      made([names[2] ?? '', names[1] ?? '', names[0] ?? '', 'd/link', 'd/again'], 7, 1_710_000_000),
    ]
  })
}

const packers: Readonly<Record<string, (order: readonly string[], owner: number) => readonly string[]>> = {
  'tar, pax': (order, owner) => ['tar', '--format=pax', `--owner=me:${owner}`, '-cf', 'out', ...order],
  'tar, gnu': (order, owner) => ['tar', '--format=gnu', `--owner=me:${owner}`, '-cf', 'out', ...order],
  'tar.gz': (order, owner) => ['tar', '--format=pax', `--owner=me:${owner}`, '-czf', 'out', ...order],
}

describe('an archive, normalized', () => {
  it.each(Object.entries(packers))('%s: two of the same files are the same', async (_, pack) => {
    const [a, b] = await twice(pack)
    expect(a.equals(b)).toBe(false)
    const [first, second] = [normalize(a, epoch), normalize(b, epoch)]
    expect(Buffer.compare(first.bytes, second.bytes)).toBe(0)
    expect(describeChanges(first.changes)).toMatch(/^changed .*times, .*owners/)
    expect(Buffer.compare(normalize(first.bytes, epoch).bytes, first.bytes)).toBe(0)
    expect(describeChanges(normalize(first.bytes, epoch).changes)).toBe('nothing to change')
  })

  it('is unpacked by tar as it was before, hard links and modes too', async () => {
    const [bytes] = await twice((order) => ['tar', '--format=pax', '-cf', 'out', ...order])
    await inFolder(async (folder) => {
      writeFileSync(join(folder, 'out'), normalize(bytes, epoch).bytes)
      execFileSync('tar', ['-xf', 'out'], { cwd: folder })
      const facts = execFileSync('sh', ['-c', 'stat -c %a d/a; cat d/again d/link; ls d | wc -l; stat -c %h d/b'], {
        cwd: folder,
        encoding: 'utf8',
      })
      expect(facts).toBe('755\nd/bd/a5\n2\n')
      expect(readFileSync(join(folder, 'd', longName), 'utf8')).toBe(`d/${longName}`)
    })
  })

  it.skipIf(!existsSync('/usr/bin/ar'))('ar: times and owners go, the order stays', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'b'), 'b')
      writeFileSync(join(folder, 'a'), 'a')
      execFileSync('/usr/bin/ar', ['rcU', 'out', 'b', 'a'], { cwd: folder })
      const { bytes } = normalize(readFileSync(join(folder, 'out')), epoch)
      const members = openContainer(bytes)?.members.filter(({ name }) => !name.startsWith('/'))
      expect(members?.map(({ name, fields }) => [name, fields['mtime']])).toEqual([
        ['b', String(epoch)],
        ['a', String(epoch)],
      ])
    }),
  )

  it('zip: two of the same files are the same, and still hold them', () => {
    const a = zip(['b', 'a'], 0x5b7c, true)
    const b = zip(['a', 'b'], 0x5b9d, false)
    const [first, second] = [normalize(a, epoch), normalize(b, epoch)]
    expect(Buffer.compare(first.bytes, second.bytes)).toBe(0)
    const members = openContainer(first.bytes)?.members
    expect(members?.map(({ name, bytes, fields }) => [name, Buffer.from(bytes).toString(), fields['mtime']])).toEqual([
      ['a', 'a', '2020-09-13 12:26:40'],
      ['b', 'b', '2020-09-13 12:26:40'],
    ])
  })

  it.each(['', 'text', '!<arch>\nbroken', 'PK\u0003\u0004broken and longer than an end'])(
    'is refused as %j',
    (text) => {
      expect(() => normalize(Buffer.from(text), epoch)).toThrow(expect.objectContaining({ code: 'NOT_NORMALIZABLE' }))
    },
  )
})

/** Stored members of one byte each, with or without Info-ZIP's timestamps. */
function zip(names: readonly string[], date: number, stamped: boolean): Buffer {
  const extra = stamped ? Buffer.from('5554050001aabbccdd', 'hex') : Buffer.alloc(0)
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []]
  let offset = 0
  for (const name of names) {
    const head = Buffer.alloc(30)
    head.writeUInt32LE(0x04034b50, 0)
    head.writeUInt16LE(date, 12)
    head.writeUInt32LE(1, 18)
    head.writeUInt32LE(1, 22)
    head.writeUInt16LE(name.length, 26)
    head.writeUInt16LE(extra.length, 28)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(0x02014b50, 0)
    central.writeUInt16LE(date, 14)
    central.writeUInt32LE(1, 20)
    central.writeUInt32LE(1, 24)
    central.writeUInt16LE(name.length, 28)
    central.writeUInt16LE(extra.length, 30)
    central.writeUInt32LE(offset, 42)
    locals.push(head, Buffer.from(name), extra, Buffer.from(name))
    centrals.push(central, Buffer.from(name), extra)
    offset += 31 + name.length + extra.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(names.length, 8)
  end.writeUInt16LE(names.length, 10)
  end.writeUInt32LE(Buffer.concat(centrals).length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, ...centrals, end])
}
