/**
 * git, as other people's repositories are handled with: no configuration but what stands here, no hooks, no helpers, no prompts,
 * and only the protocols that were allowed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { ProgramError } from '@samebits/host'

/** The process's environment, or as much of it as is wanted. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface GitOptions {
  readonly environment: Environment
  /** URL schemes that git may speak, as `https`. */
  readonly protocols: readonly string[]
  readonly signal: AbortSignal
  /** For one command. */
  readonly timeoutMs: number
  /** Largest file that git may write: what a repository of somebody else's may fill of this disk. Default 8 GiB. */
  readonly fileCapBytes?: number
}

export interface Git {
  /** Runs a command and gives its standard output, at most 1 MiB. @throws GitFailed */
  text(args: readonly string[]): Promise<string>
  /** Runs a command and hands its standard output on, chunk by chunk. @throws GitFailed, and whatever `take` throws */
  stream(args: readonly string[], take: (chunk: Uint8Array) => Promise<void>): Promise<void>
}

/** A git command that ended with another status than 0, or not in time. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed'
  readonly code = 'GIT_FAILED'
  readonly stderr: string
  readonly timedOut: boolean
  constructor(command: string, stderr: string, timedOut: boolean) {
    super(timedOut ? `git ${command} did not end in time` : `git ${command}: ${lastLine(stderr)}`)
    this.stderr = stderr
    this.timedOut = timedOut
  }
}

/** What passes through to git: where it is, and how this machine reaches the network. */
const passedOn = [
  'PATH',
  'https_proxy',
  'HTTPS_PROXY',
  'http_proxy',
  'no_proxy',
  'NO_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
]

/**
 * Nothing on this machine may change a byte of `git archive`, so nothing is left to defaults that a machine can have otherwise:
 * modes (`tar.umask`), line ends, attributes. These are git's own defaults.
 */
const settings = [
  'tar.umask=0002',
  'core.autocrlf=false',
  'core.eol=lf',
  'core.attributesFile=/dev/null',
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'credential.helper=',
  'transfer.fsckObjects=true',
  'gc.auto=0',
  'advice.detachedHead=false',
]

/** POSIX, "Command Search and Execution": the shell found no such command. */
const shellFoundNone = 127
const textCap = 1 << 20
const defaultFileCap = 8 * 1024 ** 3
const stderrCap = 16_384

export function sealedGit(options: GitOptions): Git {
  return {
    async text(args) {
      const parts: Uint8Array[] = []
      let length = 0
      await run(options, args, async (chunk) => {
        length += chunk.length
        if (length > textCap) throw new GitFailed(args[0] ?? '', 'answered more than 1 MiB', false)
        parts.push(chunk)
      })
      return Buffer.concat(parts).toString('utf8')
    },
    stream: (args, take) => run(options, args, take),
  }
}

async function run(
  { environment, protocols, signal, timeoutMs, fileCapBytes = defaultFileCap }: GitOptions,
  args: readonly string[],
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted()
  const timeout = AbortSignal.timeout(timeoutMs)
  const whole = [...settings.flatMap((setting) => ['-c', setting]), ...args]
  const [file, ...before] = limited(fileCapBytes)
  const child = spawn(file, [...before, ...whole], {
    env: sealedEnvironment(environment, protocols),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, timeout]),
    killSignal: 'SIGKILL',
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrCap)
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  ended.catch(() => undefined) // awaited below, once the output was taken
  try {
    for await (const chunk of child.stdout) await take(chunk as Uint8Array)
    const [status] = await ended
    if (status === shellFoundNone) throw gitMissing(undefined)
    if (status !== 0) throw new GitFailed(command(args), stderr, timeout.aborted)
  } catch (error) {
    child.kill('SIGKILL')
    signal.throwIfAborted()
    if (timeout.aborted) throw new GitFailed(command(args), stderr, true)
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw gitMissing(error)
    throw error
  }
}

/** git under a limit of its files' sizes, where there is a shell that sets one: in POSIX its unit is 512 bytes. */
function limited(fileCapBytes: number): readonly [string, ...string[]] {
  if (process.platform === 'win32') return ['git']
  return ['/bin/sh', '-c', `ulimit -f ${Math.ceil(fileCapBytes / 512)} && exec git "$@"`, 'sh']
}

function sealedEnvironment(environment: Environment, protocols: readonly string[]): Record<string, string> {
  const kept = passedOn.flatMap((name) => {
    const value = environment[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
    GIT_OPTIONAL_LOCKS: '0',
  }
}

/** The sub-command, past `-C <folder>`. */
function command(args: readonly string[]): string {
  return (args[0] === '-C' || args[0] === '--git-dir' ? args[2] : args[0]) ?? ''
}

function lastLine(stderr: string): string {
  return stderr.trim().split('\n').at(-1) || 'failed without a word'
}

function gitMissing(cause: unknown): ProgramError {
  return new ProgramError({
    code: 'GIT_MISSING',
    detail: 'git is not on this machine, or not on its PATH',
    remedy: 'Install git.',
    exitCode: 74,
    cause,
  })
}
