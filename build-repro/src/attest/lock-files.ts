/**
 * What lock files say was fetched: package-lock.json (npm), go.sum, Cargo.lock. Each reader takes the file's text and gives its
 * packages with the digests that the lock pins, under in-toto's names for them (DigestSet v1). They describe, they decide
 * nothing: what a reader does not understand is left out, and the lock file itself is in the list by its SHA-256.
 */
import { type Dependency, packageUrl } from './dependency.ts'

/** Reads one kind of lock file. */
export type LockReader = (text: string) => readonly Dependency[]

/** By file name, in whatever folder of the source it lies. */
export const lockReaders: ReadonlyMap<string, LockReader> = new Map([
  ['package-lock.json', readNpmLock],
  ['npm-shrinkwrap.json', readNpmLock],
  ['go.sum', readGoSum],
  ['Cargo.lock', readCargoLock],
])

/** npm's lock file, version 2 or 3: `packages["node_modules/<name>"] = { version, resolved, integrity }`. */
export function readNpmLock(text: string): readonly Dependency[] {
  const packages = membersOf(membersOf(parsed(text)).get('packages'))
  return [...packages].flatMap(([path, value]) => {
    const name = path.split('node_modules/').at(-1) ?? ''
    const fields = membersOf(value)
    const [version, integrity] = [fields.get('version'), fields.get('integrity')]
    if (!path.includes('node_modules/') || typeof version !== 'string' || typeof integrity !== 'string') return []
    const digest = integrityDigest(integrity)
    return digest === null ? [] : [{ name, uri: packageUrl('npm', name.split('/'), version), digest }]
  })
}

/** W3C Subresource Integrity, the strongest of its hashes. */
function integrityDigest(integrity: string): Dependency['digest'] | null {
  const hashes = new Map(
    integrity.split(/\s+/).flatMap((each) => {
      const match = /^(sha1|sha256|sha384|sha512)-([A-Za-z0-9+/]+={0,2})$/.exec(each)
      return match === null ? [] : [[match[1] ?? '', Buffer.from(match[2] ?? '', 'base64').toString('hex')] as const]
    }),
  )
  for (const name of ['sha512', 'sha384', 'sha256', 'sha1']) {
    const value = hashes.get(name)
    if (value !== undefined) return { [name]: value }
  }
  return null
}

/** `<module> <version>[/go.mod] h1:<base64>`; the lines of go.mod files alone are left out. */
export function readGoSum(text: string): readonly Dependency[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\S+) (v[^\s/]+) h1:([A-Za-z0-9+/]{43}=)$/.exec(line)
    if (match === null) return []
    const [, module = '', version = '', hash = ''] = match
    const digest = { dirHash: Buffer.from(hash, 'base64').toString('hex') }
    return [{ name: module, uri: packageUrl('golang', module.split('/'), version), digest }]
  })
}

/** `[[package]]` tables with `name`, `version` and `checksum` (SHA-256 of the .crate file), a line each as cargo writes them. */
export function readCargoLock(text: string): readonly Dependency[] {
  return text.split(/^\[\[package\]\]$/m).flatMap((table) => {
    const field = (name: string) => new RegExp(`^${name} = "([^"\\\\]*)"$`, 'm').exec(table)?.[1]
    const [name, version, checksum] = [field('name'), field('version'), field('checksum')]
    if (name === undefined || version === undefined || checksum === undefined || !/^[0-9a-f]{64}$/.test(checksum))
      return []
    return [{ name, uri: packageUrl('cargo', [name], version), digest: { sha256: checksum } }]
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // no lock file of npm's: the list says nothing of its packages
  }
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : [])
}
