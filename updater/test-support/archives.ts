/** Archives for tests, honest and hostile: tar through modern-tar, zip byte by byte (APPNOTE.TXT 4.3). */
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { packTar } from 'modern-tar'

export interface TestMember {
  readonly name: string
  readonly text?: string | Uint8Array
  readonly type?: 'file' | 'directory' | 'symlink' | 'link' | 'character-device' | 'block-device' | 'fifo'
  readonly to?: string
  readonly mode?: number
}

export async function tarGz(members: readonly TestMember[]): Promise<Buffer> {
  const entries = members.map(({ name, text = '', type = 'file', to, mode }) => {
    const body = type === 'file' ? Buffer.from(text) : Buffer.alloc(0)
    const header = { name, type, size: body.length, mtime: new Date(0), ...(mode === undefined ? {} : { mode }) }
    return { header: to === undefined ? header : { ...header, linkname: to }, body: new Uint8Array(body) }
  })
  return gzipSync(await packTar(entries))
}

const unixTypes = { file: 0o100_000, directory: 0o040_000, symlink: 0o120_000, fifo: 0o010_000 } as const

/** `overlap`: every member of the central directory leads to the bytes of the first. */
export function zip(members: readonly TestMember[], { overlap = false } = {}): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const { name, text = '', type = 'file', to, mode = 0o644 } of members) {
    const plain = Buffer.from(to ?? text)
    const packed = deflateRawSync(plain)
    const label = Buffer.from(name)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(0x800, 2)
    common.writeUInt16LE(8, 4)
    common.writeUInt32LE(crc32(plain), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(plain.length, 18)
    common.writeUInt16LE(label.length, 22)
    const local = Buffer.concat([Buffer.from('504b0304', 'hex'), common, label, packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE((((unixTypes[type as keyof typeof unixTypes] ?? 0o020_000) | mode) << 16) >>> 0, 6)
    rest.writeUInt32LE(overlap ? 0 : offset, 10)
    central.push(Buffer.concat([Buffer.from('504b01021403', 'hex'), common, rest, label]))
    if (!overlap || offset === 0) locals.push(local)
    offset += locals.at(-1) === local ? local.length : 0
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

/** An application as macOS has it: its frameworks are reached through links, and those through other links. */
export function macApp(greeting: string): readonly TestMember[] {
  const framework = 'Notes.app/Contents/Frameworks/Notes.framework'
  const link = (name: string, to: string): TestMember => ({ name, type: 'symlink', to })
  return [
    { name: 'Notes.app/', type: 'directory' },
    { name: 'Notes.app/Contents/Info.plist', text: '<plist version="1.0"/>' },
    { name: 'Notes.app/Contents/MacOS/Notes', text: `#!/bin/sh\necho ${greeting}\n`, mode: 0o755 },
    link(`${framework}/Notes`, 'Versions/Current/Notes'),
    link(`${framework}/Resources`, 'Versions/Current/Resources'),
    link(`${framework}/Versions/Current`, 'A'),
    { name: `${framework}/Versions/A/Notes`, text: `framework of ${greeting}`, mode: 0o755 },
    { name: `${framework}/Versions/A/Resources/Info.plist`, text: '<plist version="1.0"/>' },
    link(`${framework}/Versions/A/Libraries/libnotes.dylib`, './libnotes.1.dylib'),
    { name: `${framework}/Versions/A/Libraries/libnotes.1.dylib`, text: 'library' },
    link('Notes.app/Contents/Resources/app.asar', '../../../shared/app.asar'),
    { name: 'shared/app.asar', text: 'asar' },
  ]
}
