/** From the files and options of one `publish` to the artifacts of its statement. */
import type { Artifact } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Measured } from './artifacts.ts'
import { checkArtifactName, checkMediaType, checkPlatform } from './names.ts'

export interface ArtifactOptions {
  /** None: `any` for all. One: for all. Otherwise one for each file, in their order. */
  readonly platforms: readonly string[]
  /** The same; none: by the file's name. */
  readonly mediaTypes: readonly string[]
  /** `<name>=<installer>`: the artifact `installer` runs the file `name` (docs/formats.md §1, `partOf`). */
  readonly parts: readonly string[]
}

/** @throws ProgramError USAGE */
export function artifactsOf(files: readonly Measured[], options: ArtifactOptions): readonly Artifact[] {
  const platforms = spread('--platform', options.platforms, files.length).map((each) => checkPlatform(each ?? 'any'))
  const types = spread('--media-type', options.mediaTypes, files.length)
  const partOf = partsOf(files, options.parts)
  const artifacts = files.map(({ name, size, sha256 }, at): Artifact => {
    const installer = partOf.get(name)
    return {
      name: checkArtifactName(name),
      platform: platforms[at] ?? 'any',
      size,
      mediaType: checkMediaType(types[at] ?? mediaTypeOf(name)),
      ...(installer === undefined ? {} : { partOf: installer }),
      sha256,
    }
  })
  refuseTwins(artifacts)
  return artifacts
}

function spread(option: string, values: readonly string[], count: number): readonly (string | undefined)[] {
  if (values.length !== 0 && values.length !== 1 && values.length !== count)
    throw usage(`${values.length} times ${option} for ${count} files`, `Give ${option} once, or once for each file.`)
  return Array.from({ length: count }, (_, at) => (values.length === 1 ? values[0] : values[at]))
}

function partsOf(files: readonly Measured[], parts: readonly string[]): ReadonlyMap<string, string> {
  const names = new Set(files.map(({ name }) => name))
  const map = new Map<string, string>()
  for (const part of parts) {
    const [name, installer, ...rest] = part.split('=')
    if (name === undefined || installer === undefined || rest.length > 0 || !names.has(name) || !names.has(installer))
      throw usage(`"--part ${part}" does not name two of the files`, 'Write --part <name>=<name of its installer>.')
    map.set(name, installer)
  }
  for (const installer of map.values())
    if (map.has(installer)) throw usage(`${installer} is itself a part`, 'An installer cannot be a part of another.')
  return map
}

/** Clients pick by platform and media type: two that look alike could not be told apart (docs/formats.md §1). */
function refuseTwins(artifacts: readonly Artifact[]): void {
  const seen = new Map<string, string>()
  const names = new Set<string>()
  for (const { name, platform, mediaType, partOf } of artifacts) {
    if (names.has(name.toLowerCase())) throw usage(`two files are called ${name}`, 'Give every artifact its own name.')
    names.add(name.toLowerCase())
    if (partOf !== undefined) continue
    const look = `${platform} ${mediaType}`
    const twin = seen.get(look)
    if (twin !== undefined)
      throw usage(
        `${twin} and ${name} are both ${mediaType} for ${platform}`,
        'Tell them apart with --platform or --media-type, or name a --part.',
      )
    seen.set(look, name)
  }
}

const mediaTypesByEnding: readonly (readonly [string, string])[] = [
  ['.tar.gz', 'application/gzip'],
  ['.tgz', 'application/gzip'],
  ['.tar.xz', 'application/x-xz'],
  ['.tar.zst', 'application/zstd'],
  ['.tar', 'application/x-tar'],
  ['.zip', 'application/zip'],
  ['.deb', 'application/vnd.debian.binary-package'],
  ['.rpm', 'application/x-rpm'],
  ['.dmg', 'application/x-apple-diskimage'],
  ['.msi', 'application/x-msi'],
  ['.exe', 'application/vnd.microsoft.portable-executable'],
  ['.apk', 'application/vnd.android.package-archive'],
  ['.appimage', 'application/vnd.appimage'],
  ['.js', 'text/javascript'],
  ['.mjs', 'text/javascript'],
  ['.cjs', 'text/javascript'],
  ['.wasm', 'application/wasm'],
]

/** The media type that a file's name suggests. */
export function mediaTypeOf(name: string): string {
  const lower = name.toLowerCase()
  return mediaTypesByEnding.find(([ending]) => lower.endsWith(ending))?.[1] ?? 'application/octet-stream'
}

function usage(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy })
}
