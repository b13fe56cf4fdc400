/**
 * A release's source, fetched at the commit that its statement names, and held against both digests that it names: the commit's
 * own, and the SHA-256 of its archive, which no weakness of SHA-1 can get around.
 */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Source } from '@samebits/core'
import { Trouble } from '../trouble.ts'
import { archiveCommit, type CommitArchive } from './archive.ts'
import { type Git, GitFailed } from './git.ts'

export interface SourceFolders {
  /** Bare repositories that are kept from one release to the next. */
  readonly cache: string
  /** Where the archive goes. */
  readonly work: string
}

/**
 * @param mirror where to fetch from in place of `source.uri`: it changes the way, never what is accepted
 * @throws Trouble SOURCE_UNAVAILABLE (ours), SOURCE_MISSING, SOURCE_DIFFERS (theirs)
 */
export async function fetchSource(
  git: Git,
  source: Source,
  folders: SourceFolders,
  mirror?: string,
): Promise<CommitArchive> {
  const url = mirror ?? gitUrl(source.uri)
  const repository = join(folders.cache, `${createHash('sha256').update(url).digest('hex')}.git`)
  await openCache(git, repository, source.gitCommit)
  if (!(await holds(git, repository, source.gitCommit))) await fetchCommit(git, repository, url, source.gitCommit)
  const objects = join(repository, 'objects')
  const archive = await archiveCommit(git, { objects, commit: source.gitCommit }, folders.work)
  if (archive.sha256 === source.sha256) return archive
  throw new Trouble(
    'theirs',
    'SOURCE_DIFFERS',
    `the archive of ${source.gitCommit} has the SHA-256 ${archive.sha256}, the release says ${source.sha256}`,
  )
}

/** `git+https://…`, as SLSA and SPDX write it, or a plain URL. */
function gitUrl(uri: string): string {
  return uri.replace(/^git\+/, '')
}

async function openCache(git: Git, repository: string, commit: string): Promise<void> {
  await mkdir(repository, { recursive: true })
  const format = commit.length === 64 ? 'sha256' : 'sha1'
  await git.text(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, repository])
}

async function holds(git: Git, repository: string, commit: string): Promise<boolean> {
  try {
    await git.text(['--git-dir', repository, 'cat-file', '-e', `${commit}^{tree}`])
    return true
  } catch (error) {
    if (error instanceof GitFailed && !error.timedOut) return false
    throw error
  }
}

/** The commit alone where the server gives it by its name, else what its branches and tags reach. */
async function fetchCommit(git: Git, repository: string, url: string, commit: string): Promise<void> {
  const fetch = [
    '--git-dir',
    repository,
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-recurse-submodules',
  ]
  try {
    await git.text([...fetch, '--depth=1', '--', url, commit])
    if (await holds(git, repository, commit)) return
  } catch (error) {
    if (!(error instanceof GitFailed) || error.timedOut) throw unavailable(url, error)
  }
  const refs = ['+refs/heads/*:refs/samebits/heads/*', '+refs/tags/*:refs/samebits/tags/*']
  await git.text([...fetch, '--', url, ...refs]).catch((error: unknown) => {
    throw unavailable(url, error)
  })
  if (await holds(git, repository, commit)) return
  throw new Trouble('theirs', 'SOURCE_MISSING', `${url} has no commit ${commit} on any branch or tag`)
}

function unavailable(url: string, error: unknown): unknown {
  if (!(error instanceof GitFailed)) return error
  return new Trouble('ours', 'SOURCE_UNAVAILABLE', `${url} cannot be fetched: ${error.message}`, { cause: error })
}
