/**
 * A tar archive that says nothing about who wrote it and when (POSIX.1-1988 ustar): 512-byte blocks, no extensions, owner 0, one time
 * for all members.
 */

export interface TarMember {
  /** At most 100 bytes of ASCII; folders end in `/`. */
  readonly name: string
  readonly size: number
  /** Default: 0644, for folders 0755. */
  readonly mode?: number
  /** A symbolic link to this. */
  readonly linkTo?: string
}

const blockBytes = 512

/** The block before a member's bytes. */
export function tarHeader({ name, size, mode, linkTo }: TarMember, mtime: number): Uint8Array {
  const folder = name.endsWith('/')
  const block = Buffer.alloc(blockBytes)
  const put = (offset: number, length: number, text: string) => {
    if (Buffer.byteLength(text) > length) throw new RangeError(`"${text}" does not fit a tar header`)
    block.write(text, offset)
  }
  const octal = (offset: number, length: number, value: number) =>
    put(offset, length, value.toString(8).padStart(length - 1, '0'))
  put(0, 100, name)
  octal(100, 8, mode ?? (folder ? 0o755 : 0o644))
  octal(108, 8, 0)
  octal(116, 8, 0)
  octal(124, 12, size)
  octal(136, 12, mtime)
  put(148, 8, ' '.repeat(8))
  put(156, 1, linkTo === undefined ? (folder ? '5' : '0') : '2')
  put(157, 100, linkTo ?? '')
  put(257, 8, 'ustar\x0000')
  octal(329, 8, 0)
  octal(337, 8, 0)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `)
  return block
}

/** The zeros after a member's bytes. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((blockBytes - (size % blockBytes)) % blockBytes)
}

/** The end of an archive. */
export const tarEnd: Uint8Array = new Uint8Array(2 * blockBytes)
