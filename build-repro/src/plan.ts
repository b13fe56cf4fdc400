/**
 * What a run of `publish` has to do, decided from what is kept here and what the log's entries say. No I/O: this is where
 * "interrupted at any point, run again, published once" is true or not.
 */
import type { Artifact, Entry } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Kept } from './kept.ts'
import type { LoggedRelease, ProductView } from './product-view.ts'
import { isOpen } from './staple-set.ts'

/** What the person asks for. */
export interface Wanted {
  readonly product: string
  readonly channel: string
  readonly version: string
  readonly artifacts: readonly Artifact[]
}

type IsOwn = (entry: Entry) => boolean

export type Plan =
  /** Sign a new statement with this place in the chain. */
  | { readonly kind: 'sign'; readonly sequence: number; readonly previous: string | null }
  /** A statement for exactly this was signed here before: go on with its bytes. */
  | { readonly kind: 'resume'; readonly kept: Kept }
  /** This key logged exactly this, but nothing is kept here: take its bytes from the log. */
  | { readonly kind: 'adopt'; readonly release: LoggedRelease; readonly leaf: Uint8Array }
  /** Kept and not met, and another release has its place: it can never be met. */
  | { readonly kind: 'overtaken'; readonly kept: Kept; readonly head: string }

/**
 * @param isOwn whether an entry is by the one who signs
 * @throws ProgramError ARTIFACT_CHANGED, VERSION_EXISTS, UNFINISHED, COSIGN_INSTEAD
 */
export function planPublish(wanted: Wanted, kept: readonly Kept[], view: ProductView, isOwn: IsOwn): Plan {
  const mine = kept.filter(
    ({ withdrawn, request }) =>
      withdrawn === null && request.product === wanted.product && request.channel === wanted.channel,
  )
  const same = mine.find(({ request }) => request.version === wanted.version)
  if (same !== undefined) return continueKept(same, wanted, view)
  const logged = sameVersion(wanted, view)
  if (logged !== null) return continueLogged(logged, wanted, isOwn)
  const unfinished = mine.find(({ published }) => published === null)
  if (unfinished !== undefined && !isOvertaken(unfinished, view)) throw unfinishedError(unfinished)
  const head = view.heads.get(wanted.channel) ?? null
  return { kind: 'sign', sequence: (head?.sequence ?? 0) + 1, previous: head?.id ?? null }
}

/**
 * A logged release of this version that stands in the way: a met one, or an open proposal of the very same files. A proposal of
 * other files does not: else one stolen key could block a version.
 */
function sameVersion(wanted: Wanted, view: ProductView): LoggedRelease | null {
  const same = view.releases.filter(
    ({ statement }) => statement.channel === wanted.channel && statement.version === wanted.version,
  )
  const open = (release: LoggedRelease) =>
    isOpen(view, release) && sameFiles(release.statement.artifacts, wanted.artifacts)
  return same.find(({ metAt }) => metAt !== null) ?? same.find(open) ?? null
}

function continueKept(kept: Kept, wanted: Wanted, view: ProductView): Plan {
  if (!sameFiles(kept.request.artifacts, wanted.artifacts)) {
    if (kept.published !== null) throw versionExists(wanted.version, kept.id)
    throw new ProgramError({
      code: 'ARTIFACT_CHANGED',
      detail: `${wanted.version} was signed here for other files (${kept.id}), and its publication is not finished`,
      remedy: `Put those files back and run again, give these a new version, or give that one up with --abandon ${kept.id}.`,
      exitCode: 10,
    })
  }
  const head = view.heads.get(wanted.channel)
  return isOvertaken(kept, view) && head !== undefined
    ? { kind: 'overtaken', kept, head: `sequence ${head.sequence}, ${head.id}` }
    : { kind: 'resume', kept }
}

function continueLogged(release: LoggedRelease, wanted: Wanted, isOwn: IsOwn): Plan {
  if (!sameFiles(release.statement.artifacts, wanted.artifacts)) throw versionExists(wanted.version, release.id)
  const own = release.entries.find(({ entry }) => isOwn(entry))
  if (own !== undefined) return { kind: 'adopt', release, leaf: own.entry.leaf }
  throw new ProgramError({
    code: 'COSIGN_INSTEAD',
    detail: `${wanted.version} with these files is logged already, by another publisher`,
    remedy: `Co-sign it: samebits-build publish --cosign ${release.id} with the same files.`,
    exitCode: 10,
  })
}

/** Whether a statement lost its place to another release, logged or not: it can never be met any more. */
export function isOvertaken({ id, request }: Kept, view: ProductView): boolean {
  const head = view.heads.get(request.channel)
  const met = view.releases.some((release) => release.id === id && release.metAt !== null)
  return !met && head !== undefined && head.sequence >= request.sequence
}

type FileFacts = Pick<Artifact, 'name' | 'size' | 'sha256'>

/** The same names with the same bytes, in any order. */
export function sameFiles(a: readonly FileFacts[], b: readonly FileFacts[]): boolean {
  const facts = (files: readonly FileFacts[]) =>
    files
      .map(({ name, size, sha256 }) => `${name} ${size} ${sha256}`)
      .sort()
      .join('\n')
  return facts(a) === facts(b)
}

function versionExists(version: string, id: string): ProgramError {
  return new ProgramError({
    code: 'VERSION_EXISTS',
    detail: `version ${version} is published with other files (${id})`,
    remedy: 'Give these files a new version: what is logged stays.',
    exitCode: 10,
  })
}

function unfinishedError({ id, request }: Kept): ProgramError {
  return new ProgramError({
    code: 'UNFINISHED',
    detail: `the publication of ${request.version} (${id}) is not finished`,
    remedy: `Run its command again first, or give it up with --abandon ${id}.`,
    exitCode: 10,
  })
}
