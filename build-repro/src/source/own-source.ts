/** The publisher's own source: which commit is released, and where others find it. */
import { execFile } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { ProgramError } from '@samebits/host'
import type { Commit } from './archive.ts'

export interface OwnSource extends Commit {
  /** Unix seconds: the committer's time. */
  readonly committedAt: number
  /** The `origin` remote as a URL that others can fetch; null where there is none. */
  readonly uri: string | null
  /** The folder that was asked about, relative to the repository's root, with `/`; empty for the root. */
  readonly prefix: string
  /** Files that differ from the commit: they are not part of what is built. */
  readonly dirty: boolean
}

/**
 * @param revision what to build: a commit, a tag, `HEAD`
 * @throws ProgramError NO_SOURCE where `folder` is in no git repository, or the revision is none of it
 */
export async function ownSource(folder: string, revision: string): Promise<OwnSource> {
  const ask = (...args: string[]) => git(folder, args)
  const root = await ask('rev-parse', '--show-toplevel')
  const commit = await ask('rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`)
  const objects = resolve(folder, await ask('rev-parse', '--git-path', 'objects'))
  const committedAt = Number(await ask('show', '--no-patch', '--format=%ct', commit))
  const remote = await ask('remote', 'get-url', 'origin').catch(() => '')
  const dirty = (await ask('status', '--porcelain', '--untracked-files=no')) !== ''
  const prefix = relative(await realpath(root), await realpath(folder))
    .split(sep)
    .join('/')
  return { objects, commit, committedAt, uri: publicUri(remote), prefix, dirty }
}

/**
 * A remote as others can use it: `git+https://host/path`, without credentials. The scp-like form `git@host:path` becomes the same
 * place over https, which is where the large hosts serve it; a path on this machine is of no use to anybody else.
 */
export function publicUri(remote: string): string | null {
  const scp = /^(?:[\w.-]+@)?([\w.-]+\.[\w.-]+):(?!\/)([\w./~+-]+)$/.exec(remote)
  if (scp !== null) return `git+https://${scp[1]}/${scp[2]}`
  if (isAbsolute(remote) || !URL.canParse(remote)) return null
  const url = new URL(remote)
  if (url.protocol === 'ssh:') return `git+https://${url.hostname}${url.pathname}`
  if (url.protocol !== 'https:') return null
  return `git+https://${url.host}${url.pathname}`
}

/** The person's own git with the person's own configuration: this is their repository. */
async function git(folder: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', folder, ...args], { maxBuffer: 16 << 20 })
    return stdout.trimEnd()
  } catch (error) {
    throw new ProgramError({
      code: 'NO_SOURCE',
      detail: `git ${args[0]} in ${folder}: ${reason(error)}`,
      remedy: 'Work in a git repository, with everything that is built committed.',
      cause: error,
    })
  }
}

function reason(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  if (stderr !== '') return stderr.split('\n').at(-1) ?? stderr
  return error instanceof Error ? error.message : String(error)
}
