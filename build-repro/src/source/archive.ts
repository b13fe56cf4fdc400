/**
 * `git archive --format=tar <commit>`, the same bytes on every machine: what `source.sha256` is the SHA-256 of
 * (docs/formats.md §1).
 *
 * It is made in an empty repository that only borrows the objects, so that no configuration, attribute file, branch or tag of the
 * repository that they come from (which `export-subst` could write into files) has a say.
 */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProgramError } from '@samebits/host'
import { type Git, GitFailed } from './git.ts'

export interface CommitArchive {
  /** The tar file. */
  readonly path: string
  /** 64 hex digits. */
  readonly sha256: string
  /** Bytes. */
  readonly size: number
  readonly commit: string
  /** The committer's time, Unix seconds. */
  readonly time: number
}

/** Where a commit's objects are. */
export interface Commit {
  /** An `objects` folder, absolute. */
  readonly objects: string
  /** 40 or 64 hex digits. */
  readonly commit: string
}

/** Largest archive, unless told otherwise. */
const archiveCap = 4 * 1024 ** 3

/**
 * Writes the archive of a commit to `<folder>/source.tar`.
 *
 * @throws ProgramError SOURCE_TOO_LARGE; GitFailed where the objects are not all there
 */
export async function archiveCommit(
  git: Git,
  { objects, commit }: Commit,
  folder: string,
  cap: number = archiveCap,
): Promise<CommitArchive> {
  await mkdir(folder, { recursive: true })
  const bare = await mkdtemp(join(folder, '.archive-'))
  try {
    const format = commit.length === 64 ? 'sha256' : 'sha1'
    await git.text(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, bare])
    await mkdir(join(bare, 'objects/info'), { recursive: true })
    await writeFile(join(bare, 'objects/info/alternates'), `${objects}\n`)
    const time = committedAt(await git.text(['--git-dir', bare, 'cat-file', 'commit', commit]))
    const path = join(folder, 'source.tar')
    const written = await writeArchive(git, ['--git-dir', bare, 'archive', '--format=tar', commit], path, cap)
    return { path, ...written, commit, time }
  } finally {
    await rm(bare, { recursive: true, force: true })
  }
}

/** From a commit object. It is read as it is: what else git does with a commit wants its parents, which a shallow fetch leaves out. */
function committedAt(object: string): number {
  const header = object.split('\n\n', 1)[0] ?? ''
  const time = /^committer .* ([0-9]{1,15}) [+-][0-9]{4}$/m.exec(header)?.[1]
  if (time === undefined) throw new GitFailed('cat-file', 'the commit does not say when it was made', false)
  return Number(time)
}

async function writeArchive(git: Git, args: readonly string[], path: string, cap: number) {
  const hash = createHash('sha256')
  let size = 0
  const file = await open(path, 'w', 0o600)
  try {
    await git.stream(args, async (chunk) => {
      size += chunk.length
      if (size > cap) throw tooLarge(cap)
      hash.update(chunk)
      await file.writeFile(chunk)
    })
  } finally {
    await file.close()
  }
  return { sha256: hash.digest('hex'), size }
}

function tooLarge(cap: number): ProgramError {
  return new ProgramError({
    code: 'SOURCE_TOO_LARGE',
    detail: `the archive of the source is longer than ${cap} bytes`,
    remedy: 'Keep what is not source out of the repository, or mark it export-ignore.',
    exitCode: 10,
  })
}
