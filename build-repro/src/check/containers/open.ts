/** Which format a file is in, by its first bytes. */
import { isAr, readAr } from './ar.ts'
import { isAsar, readAsar } from './asar.ts'
import { compressionOf, readCompressed } from './compressed.ts'
import { type Container, MalformedError } from './container.ts'
import { isElf, readElf } from './elf.ts'
import { isTar, readTar } from './tar.ts'
import { isZip, readZip } from './zip.ts'

const formats: readonly (readonly [(bytes: Uint8Array) => boolean, (bytes: Uint8Array) => Container])[] = [
  [isElf, readElf],
  [isAr, readAr],
  [isZip, readZip],
  [(bytes) => compressionOf(bytes) !== null, readCompressed],
  [isAsar, readAsar],
  [isTar, readTar],
]

/** The file taken apart, or null where it is none of these, or only looks like one. */
export function openContainer(bytes: Uint8Array): Container | null {
  const format = formats.find(([is]) => is(bytes))
  if (format === undefined) return null
  try {
    return format[1](bytes)
  } catch (error) {
    if (error instanceof MalformedError || error instanceof RangeError) return null
    throw error
  }
}
