/** asar, Electron's archive (github.com/electron/asar): four sizes, a JSON directory, the files one after the other. */
import { z } from 'zod'
import { type Container, containerLimits, MalformedError, type Member, slice, view } from './container.ts'

interface Entry {
  readonly files?: Readonly<Record<string, Entry>> | undefined
  readonly offset?: string | undefined
  readonly size?: number | undefined
  readonly link?: string | undefined
  readonly executable?: boolean | undefined
}
const entrySchema: z.ZodType<Entry> = z.looseObject({
  get files() {
    return z.record(z.string(), entrySchema).optional()
  },
  offset: z
    .string()
    .regex(/^[0-9]+$/)
    .optional(),
  size: z.int().min(0).optional(),
  link: z.string().optional(),
  executable: z.boolean().optional(),
})

export function isAsar(bytes: Uint8Array): boolean {
  if (bytes.length < 16) return false
  const data = view(bytes)
  const [pickle, header, string, length] = [0, 4, 8, 12].map((offset) => data.getUint32(offset, true))
  return pickle === 4 && header === (string ?? 0) + 4 && (length ?? 0) <= (string ?? 0) && bytes[16] === 0x7b
}

export function readAsar(bytes: Uint8Array): Container {
  const data = view(bytes)
  const base = 8 + data.getUint32(4, true)
  const members: Member[] = []
  const walk = (entry: Entry, path: string) => {
    for (const [name, child] of Object.entries(entry.files ?? {})) {
      const inner = path === '' ? name : `${path}/${name}`
      if (child.files !== undefined) walk(child, inner)
      else members.push(memberOf(bytes, base, inner, child))
      if (members.length > containerLimits.members) throw new MalformedError('more members than anybody packs')
    }
  }
  walk(directory(bytes), '')
  return { format: 'asar', members, fields: {} }
}

function directory(bytes: Uint8Array): Entry {
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(slice(bytes, 16, view(bytes).getUint32(12, true)))
    return entrySchema.parse(JSON.parse(json))
  } catch (error) {
    throw new MalformedError(error instanceof Error ? error.message : String(error))
  }
}

function memberOf(bytes: Uint8Array, base: number, name: string, { offset, size, link, executable }: Entry): Member {
  const fields = { link: link ?? '', executable: String(executable === true) }
  if (offset === undefined) return { name, bytes: new Uint8Array(0), offset: null, fields }
  const at = base + Number(offset)
  return { name, bytes: slice(bytes, at, size ?? 0), offset: at, fields }
}
