/** ar: Debian packages (deb(5)), and static libraries with GNU's long names (ar(5)). */
import { type Container, MalformedError, type Member, slice, text, uniqueNames } from './container.ts'

const magic = '!<arch>\n'

export function isAr(bytes: Uint8Array): boolean {
  return text(bytes.subarray(0, magic.length)) === magic
}

export function readAr(bytes: Uint8Array): Container {
  const members: Member[] = []
  let longNames = ''
  for (let at = magic.length; at < bytes.length; ) {
    const header = slice(bytes, at, 60)
    const field = (offset: number, length: number) => text(header.subarray(offset, offset + length)).trimEnd()
    const size = Number(field(48, 10))
    if (text(header.subarray(58, 60)) !== '`\n' || !Number.isSafeInteger(size))
      throw new MalformedError('no header of a member')
    const content = slice(bytes, at + 60, size)
    const name = field(0, 16)
    if (name === '//') longNames = text(content)
    members.push({
      name: longName(name, longNames),
      bytes: content,
      offset: at + 60,
      fields: { mtime: field(16, 12), owner: `${field(28, 6)}:${field(34, 6)}`, mode: field(40, 8) },
    })
    at += 60 + size + (size % 2)
  }
  return { format: 'ar', members: uniqueNames(members), fields: {} }
}

function longName(name: string, longNames: string): string {
  const reference = /^\/([0-9]+)$/.exec(name)?.[1]
  if (reference === undefined)
    return name === '/' || name === '//' ? `${name} (of the archive itself)` : name.replace(/\/$/, '')
  return longNames.slice(Number(reference)).split('\n')[0]?.replace(/\/$/, '') ?? name
}
