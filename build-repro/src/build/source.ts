/** The source of a build: what git says a commit is, or for a first look a folder as it lies there. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { ProgramError, visible } from '@samebits/host'
import { captureProcess, runProcess } from '../engines/process.ts'

/** A commit's tree, as `git archive --format=tar <commit>` (docs/formats.md §1, `source.sha256`). */
export interface CommitSource {
  readonly kind: 'commit'
  /** The tar on disk. */
  readonly archive: string
  readonly sha256: string
  /** 40 or 64 hex digits. */
  readonly commit: string
  /** The committer's time, Unix seconds. */
  readonly time: number
}

/** A folder as it is, whoever changed it: never attested. */
export interface FolderSource {
  readonly kind: 'folder'
  readonly folder: string
}

export type Source = CommitSource | FolderSource

export interface GitPlace {
  /** A repository: a folder inside its work tree, or a bare one. */
  readonly repository: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Settings of the user's that would change the archive's bytes. */
const fixed = [
  '-c',
  'tar.umask=0002',
  '-c',
  'core.autocrlf=false',
  '-c',
  'core.eol=lf',
  '-c',
  'core.attributesFile=/dev/null',
]

/**
 * Writes the archive of `revision` to `target`.
 *
 * @throws ProgramError SOURCE_MISSING where the repository does not have it
 */
export async function archiveCommit(
  place: GitPlace,
  revision: string,
  target: string,
  signal: AbortSignal,
): Promise<CommitSource> {
  const commit = await git(
    place,
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
    signal,
  )
  const time = Number(await git(place, ['show', '--no-patch', '--format=%ct', commit], signal))
  const hash = createHash('sha256')
  const file = createWriteStream(target, { flags: 'wx' })
  const end = await runProcess(
    {
      file: 'git',
      args: [...fixed, 'archive', '--format=tar', commit],
      cwd: place.repository,
      environment: place.environment,
      onStdout: (chunk) => {
        hash.update(chunk)
        file.write(chunk)
      },
    },
    signal,
  )
  file.end()
  await once(file, 'close')
  if (end.status !== 0) throw missing(place, revision, 'git archive failed')
  return { kind: 'commit', archive: target, sha256: hash.digest('hex'), commit, time }
}

/** An archive that is there already, held against what its statement says of it. */
export async function openArchive(
  archive: string,
  stated: { readonly sha256: string; readonly commit: string; readonly time: number },
): Promise<CommitSource> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(archive)) hash.update(chunk)
  const sha256 = hash.digest('hex')
  if (sha256 === stated.sha256) return { kind: 'commit', archive, ...stated }
  throw new ProgramError({
    code: 'SOURCE_MISMATCH',
    detail: `the archive of commit ${stated.commit} has SHA-256 ${sha256}, stated was ${stated.sha256}`,
    remedy: 'Fetch the repository again; if it stays, the statement is about another source.',
    exitCode: 10,
  })
}

/** Whether what lies in the work tree is exactly what the commit holds: no change, no file that git does not know. */
export async function isClean(place: GitPlace, signal: AbortSignal): Promise<boolean> {
  return (await git(place, ['status', '--porcelain', '--untracked-files=normal'], signal)) === ''
}

/** The folder's place inside its repository, '' at the root, else with a final `/`. */
export async function prefixOf(place: GitPlace, signal: AbortSignal): Promise<string> {
  return git(place, ['rev-parse', '--show-prefix'], signal)
}

/** A file as the commit holds it, its exact bytes. */
export async function fileOfCommit(
  place: GitPlace,
  commit: string,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const { repository: cwd, environment } = place
  const args = ['cat-file', 'blob', `${commit}:${path}`]
  const end = await runProcess(
    { file: 'git', args, cwd, environment, onStdout: (chunk) => void chunks.push(chunk) },
    signal,
  )
  if (end.status !== 0) throw missing(place, `${commit}:${path}`, '')
  return Buffer.concat(chunks)
}

async function git(
  { repository, environment }: GitPlace,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const answer = await captureProcess({ file: 'git', args, cwd: repository, environment }, signal)
  if (answer.status === 0) return answer.stdout.trim()
  throw missing({ repository, environment }, args.at(-1) ?? '', visible(answer.stderr.trim()))
}

function missing({ repository }: GitPlace, revision: string, words: string): ProgramError {
  return new ProgramError({
    code: 'SOURCE_MISSING',
    detail: `${repository} does not give the source ${visible(revision)}${words === '' ? '' : `: ${words}`}`,
    remedy: 'Work in a git repository that has the commit; --folder builds a folder as it is, for a first look.',
    exitCode: 10,
  })
}
