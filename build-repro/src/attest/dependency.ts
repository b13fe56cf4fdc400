/**
 * What went into a build: the detached list that a rebuild's one `resolvedDependencies` descriptor names
 * (docs/formats.md §1). A build image has some hundred packages; in the entry itself they would pass its 65,535 bytes. RFC 8785
 * canonical JSON on one line:
 *
 *     { "mediaType": "application/vnd.samebits.dependencies+json",
 *       "resolvedDependencies": [
 *         { "annotations": { "digestOf": "…" }, "digest": { "sha256": "…" }, "name": "gcc-12", "uri": "pkg:deb/debian/gcc-12@12.2.0-14?arch=amd64" }, … ] }
 *
 * Each item is an in-toto ResourceDescriptor v1, sorted by `uri` and `name`, so that two builders with the same inputs make the
 * same bytes, and one body in the log serves both.
 */
import { canonicalJson, type JsonValue, MAX_BODY_BYTES } from '@samebits/core'
import { ProgramError } from '@samebits/host'

export const dependenciesMediaType = 'application/vnd.samebits.dependencies+json'

/** An in-toto ResourceDescriptor v1 as it stands in the list. */
export interface Dependency {
  readonly name: string
  /** A package URL, where there is one. */
  readonly uri?: string
  /** Names of the in-toto DigestSet v1; lower-case hex. */
  readonly digest: Readonly<Record<string, string>>
  /** What the digest is of, where that is not the package's own file. */
  readonly digestOf?: string
}

/** @throws ProgramError DEPENDENCIES_TOO_LARGE */
export function formatDependencies(dependencies: readonly Dependency[]): Uint8Array {
  const body = canonicalJson({
    mediaType: dependenciesMediaType,
    resolvedDependencies: inOrder(dependencies).map(descriptor),
  })
  if (body.length <= MAX_BODY_BYTES) return body
  throw new ProgramError({
    code: 'DEPENDENCIES_TOO_LARGE',
    detail: `the list of ${dependencies.length} dependencies has ${body.length} bytes, a log takes ${MAX_BODY_BYTES}`,
    remedy: 'Build in a smaller image, or with fewer locked packages.',
    exitCode: 10,
  })
}

function descriptor({ name, uri, digest, digestOf }: Dependency): Record<string, JsonValue> {
  return {
    name,
    digest: { ...digest },
    ...(uri === undefined ? {} : { uri }),
    ...(digestOf === undefined ? {} : { annotations: { digestOf } }),
  }
}

/** Sorted by bytes, each once. */
function inOrder(dependencies: readonly Dependency[]): readonly Dependency[] {
  const byText = new Map(
    dependencies.map((each) => [`${each.uri ?? ''}\n${each.name}\n${JSON.stringify(each.digest)}`, each]),
  )
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
}

/** A package URL (github.com/package-url/purl-spec): `pkg:<type>/<namespace>/<name>@<version>?<qualifier>=<value>`. */
export function packageUrl(
  type: string,
  path: readonly string[],
  version: string,
  qualifiers: Readonly<Record<string, string>> = {},
): string {
  const query = Object.entries(qualifiers).map(([name, value]) => `${name}=${segment(value)}`)
  const at = `pkg:${type}/${path.map(segment).join('/')}@${segment(version)}`
  return query.length === 0 ? at : `${at}?${query.join('&')}`
}

/** `:` may stand as it is; everything that `encodeURIComponent` leaves and the text does not, is encoded too. */
function segment(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3A', ':')
}
