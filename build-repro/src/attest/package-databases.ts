/**
 * What an image has installed, by its package manager's own records: dpkg's `status` and `*.md5sums`, apk's `installed`. They are
 * read out of the image, never written by the build.
 *
 * dpkg keeps no digest of the .deb it unpacked. Where the image does not say (see {@link readDpkg}), the digest is that of the
 * package's `.md5sums`, which names every file that it installed, and the item says so in `digestOf`.
 */
import { createHash } from 'node:crypto'
import { type Dependency, packageUrl } from './dependency.ts'

/** @param id of /etc/os-release: `debian`, `ubuntu` */
export interface DpkgRecords {
  readonly id: string
  /** /var/lib/dpkg/status */
  readonly status: string
  /** /var/lib/dpkg/info/<name>[:<arch>].md5sums by that name. */
  readonly md5sums: ReadonlyMap<string, Uint8Array>
  /** SHA-256 of the .deb by `<name>_<version>_<arch>`, where the image was made from a pinned pool. */
  readonly debs?: ReadonlyMap<string, string>
}

/** RFC 822 paragraphs: `Package`, `Status: install ok installed`, `Architecture`, `Version`. */
export function readDpkg({ id, status, md5sums, debs }: DpkgRecords): readonly Dependency[] {
  return status.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(paragraph)?.[1]
    const [name, version, arch] = [field('Package'), field('Version'), field('Architecture')]
    if (name === undefined || version === undefined || arch === undefined) return []
    if (field('Status') !== 'install ok installed') return []
    const base = { name, uri: packageUrl('deb', [id, name], version, { arch }) }
    const deb = debs?.get(`${name}_${version}_${arch}`)
    if (deb !== undefined) return [{ ...base, digest: { sha256: deb } }]
    const own = [`${name}:${arch}`, name].find((key) => md5sums.has(key))
    const [bytes, digestOf] =
      own === undefined
        ? [Buffer.from(paragraph), 'paragraph of /var/lib/dpkg/status']
        : [md5sums.get(own) ?? new Uint8Array(), `/var/lib/dpkg/info/${own}.md5sums`]
    return [{ ...base, digest: { sha256: sha256(bytes) }, digestOf }]
  })
}

/** /lib/apk/db/installed: records of one-letter fields; `C:Q1<base64>` is the SHA-1 of the package's control segment. */
export function readApk(id: string, installed: string): readonly Dependency[] {
  return installed.split(/\n\n+/).flatMap((record) => {
    const field = (letter: string) => new RegExp(`^${letter}:(.+)$`, 'm').exec(record)?.[1]
    const [name, version, arch, checksum] = [field('P'), field('V'), field('A'), field('C')]
    if (name === undefined || version === undefined || !/^Q1[A-Za-z0-9+/]{27}=$/.test(checksum ?? '')) return []
    const digest = { sha1: Buffer.from(checksum?.slice(2) ?? '', 'base64').toString('hex') }
    const qualifiers = arch === undefined ? {} : { arch }
    return [{ name, uri: packageUrl('apk', [id, name], version, qualifiers), digest, digestOf: 'control segment' }]
  })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
