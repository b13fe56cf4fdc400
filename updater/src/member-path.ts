/**
 * Names of archive members: which may be written below a folder, on every platform alike.
 *
 * A name that one system reads as a path, a device, a stream or the same file as another is refused everywhere: an archive
 * that unpacks differently from machine to machine is not the same bits.
 */
import { IoFailure } from './failure.ts'

const maxPathBytes = 1024
const maxSegmentBytes = 255

/** Characters that separate, escape or select on some system, and those that no name should have. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const forbidden = /[\0-\x1f\x7f\\:*?"<>|\ufffd]|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}/u
/** Names that Windows opens as devices, whatever their extension; superscript digits count there as well. */
const device = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:[. ]|$)/i

/**
 * The segments of a member's path below the target; empty for the target itself (`./`).
 * @throws IoFailure PATH_REFUSED
 */
export function memberSegments(name: string): readonly string[] {
  if (Buffer.byteLength(name) > maxPathBytes) throw refusedMember(name, `a path of more than ${maxPathBytes} bytes`)
  if (name.startsWith('/')) throw refusedMember(name, 'an absolute path')
  const segments = name
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/$/, '')
    .split('/')
  if (segments.length === 1 && (segments[0] === '' || segments[0] === '.')) return []
  for (const segment of segments) checkSegment(name, segment)
  return segments
}

/**
 * The steps of a link's target, `..` among them; each other one is a name that a member might have.
 * @throws IoFailure PATH_REFUSED
 */
export function targetSegments(name: string, target: string): readonly string[] {
  if (target.startsWith('/')) throw refusedMember(name, 'a link to an absolute path')
  const segments = target.split('/')
  for (const segment of segments) if (segment !== '.' && segment !== '..') checkSegment(name, segment)
  return segments
}

function checkSegment(name: string, segment: string): void {
  if (segment === '' || segment === '.' || segment === '..')
    throw refusedMember(name, 'a path with empty, "." or ".." parts')
  if (Buffer.byteLength(segment) > maxSegmentBytes)
    throw refusedMember(name, `a name of more than ${maxSegmentBytes} bytes`)
  if (forbidden.test(segment)) throw refusedMember(name, 'a character that no file name should have')
  if (/[. ]$/.test(segment)) throw refusedMember(name, 'a name that ends in a dot or a blank')
  if (device.test(segment)) throw refusedMember(name, 'the name of a device')
}

/** What two names share that one file system or another takes for the same file: case and composition are folded. */
export function foldedPath(segments: readonly string[]): string {
  return segments.join('/').normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}

/** Says which member of an archive is refused, and why. */
export function refusedMember(name: string, why: string): IoFailure {
  return new IoFailure('PATH_REFUSED', `the archive has a member ${JSON.stringify(name.slice(0, 200))}: ${why}`)
}
