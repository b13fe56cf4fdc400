/**
 * The grammars of docs/formats.md: ids, products, channels, artifacts, platforms, versions. All of them are subsets of
 * printable ASCII without white space, quotes, slashes (but in products), backslashes, percent signs or `$`:
 * a name that matches is safe as a file name, as a URL segment and as a word on a command line.
 */
import parseSemver from 'semver/functions/parse.js'
import { matching, type Read } from './shape.ts'

/** 64 lower-case hex digits: an id, or a file's SHA-256. */
export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text)
}

const MAX_PRODUCT_BYTES = 255
/** Not `.` nor `..`, not hidden, not ending in the dot that Windows drops. */
const productSegment = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/

/** `example.com/notes`: 1 to 255 bytes of `[a-z0-9.-]` in segments joined by `/`; none begins or ends with `.` or `-`, or holds `..`. */
export function isProduct(text: string): boolean {
  if (text.length > MAX_PRODUCT_BYTES || text.includes('..')) return false
  return text.split('/').every((segment) => productSegment.test(segment))
}

/** What Windows opens as a device, whatever the extension and case. */
const deviceName = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i

/** `notes-1.2.0-linux-x64.tar.gz`: `[A-Za-z0-9][A-Za-z0-9._+-]{0,127}`, without a final dot and not a Windows device. */
export function isArtifactName(text: string): boolean {
  return isChannel(text) && !text.endsWith('.') && !deviceName.test(text)
}

/** `stable`: `[A-Za-z0-9][A-Za-z0-9._+-]{0,127}`. */
export function isChannel(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/.test(text)
}

/** `linux-x64`: Node's process.platform and process.arch; or `any`. */
export function isPlatform(text: string): boolean {
  return /^(?:any|[a-z][a-z0-9]{1,31}-[a-z][a-z0-9]{1,31})$/.test(text)
}

const MAX_VERSION_LENGTH = 128

/**
 * A version of Semantic Versioning 2.0.0 in its one spelling: no leading `v`, no white space, no leading zeros, and no build
 * metadata, which orders nothing, so that two versions differ exactly when one is newer.
 */
export function isVersion(text: string): boolean {
  if (text.length > MAX_VERSION_LENGTH || text.includes('+')) return false
  return parseSemver(text)?.version === text
}

/** A type and subtype of RFC 6838 §4.2 in lower case, without parameters. */
export function isMediaType(text: string): boolean {
  return /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/.test(text)
}

/** An absolute URI in printable ASCII, at most 2,048 characters. */
export function isUri(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:[!-~]{1,2000}$/.test(text)
}

/** A product as one segment of a URL path. */
export function productInUrl(product: string): string {
  return encodeURIComponent(product)
}

/** A product in a file name: `/` becomes `_`. */
export function productInFileName(product: string): string {
  return product.replaceAll('/', '_')
}

export const digest: Read<string> = matching(isDigest, '64 lower-case hex digits')
export const product: Read<string> = matching(isProduct, 'a product name', 'unsafe-name')
export const artifactName: Read<string> = matching(isArtifactName, 'an artifact name', 'unsafe-name')
export const channel: Read<string> = matching(isChannel, 'a channel name')
export const platform: Read<string> = matching(isPlatform, 'a platform')
export const version: Read<string> = matching(isVersion, 'a semantic version without build metadata')
export const mediaType: Read<string> = matching(isMediaType, 'a media type')
export const uri: Read<string> = matching(isUri, 'an absolute URI')
