/** A file that holds other files, taken apart far enough to say where two of them differ. */

export interface Member {
  /** As the container writes it, or for parts without names of their own what they are: `section .text`. Unique in its container. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Where the bytes begin in the container's own; null where they are stored in another form. */
  readonly offset: number | null
  /** What the container says of it, by the field's name: `mtime`, `mode`, `owner`. */
  readonly fields: Readonly<Record<string, string>>
}

export interface Container {
  readonly format: string
  /** In stored order. */
  readonly members: readonly Member[]
  /** What it says of itself, by the field's name. */
  readonly fields: Readonly<Record<string, string>>
}

/** A file that looks like this format and is not: it is then compared as plain bytes. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
}

/** No container is taken apart into more than this, and no member is larger: bombs stay closed. */
export const containerLimits: { readonly members: number; readonly bytes: number } = {
  members: 200_000,
  bytes: 2 ** 30,
}

/** Gives the second member of one name another one, so that each can be found again. */
export function uniqueNames(members: readonly Member[]): readonly Member[] {
  const seen = new Map<string, number>()
  return members.map((member) => {
    const count = (seen.get(member.name) ?? 0) + 1
    seen.set(member.name, count)
    return count === 1 ? member : { ...member, name: `${member.name} (${count})` }
  })
}

/** A view on part of the bytes. */
export function slice(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  if (
    !Number.isSafeInteger(offset) ||
    !Number.isSafeInteger(size) ||
    offset < 0 ||
    size < 0 ||
    offset + size > bytes.length
  )
    throw new MalformedError(`${size} bytes at ${offset} are not there`)
  return bytes.subarray(offset, offset + size)
}

const latin1 = new TextDecoder('latin1')

/** Bytes as text, up to the first NUL. */
export function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return latin1.decode(end === -1 ? bytes : bytes.subarray(0, end))
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
