/**
 * Asking a freshly installed version whether it runs.
 *
 * The command runs without a shell, in a private folder, with a fixed search path and none of the caller's environment:
 * nothing that lies beside the new version, and no NODE_OPTIONS or LD_PRELOAD, can speak for it.
 */
import type { ChildProcess } from 'node:child_process'
import { isAbsolute } from 'node:path'
import { IoFailure } from './failure.ts'

/** How an application says "I run": exit status 0 in time. */
export interface HealthCheck {
  /** Program and arguments. `{file}` stands for the installed artifact; the program is `{file}`, an absolute path or a system command. */
  readonly command: readonly [string, ...string[]]
  readonly timeoutMs: number
}

export interface HealthSurroundings {
  /** The installed artifact. */
  readonly file: string
  /** A private folder to run in. */
  readonly directory: string
  readonly platform: NodeJS.Platform
  readonly signal?: AbortSignal | undefined
}

/** Runs the check. @returns null where the version is healthy, else what was seen */
export async function runHealthCheck(check: HealthCheck, around: HealthSurroundings): Promise<string | null> {
  around.signal?.throwIfAborted()
  const [program, ...args] = check.command.map((word) => word.replaceAll('{file}', around.file))
  if (program === undefined || program === '')
    throw new IoFailure('INSTALL_FAILED', 'the health check names no program')
  if (!isAbsolute(program) && /[\\/]/.test(program))
    return `the program ${program} is neither absolute nor a system command`
  // Loaded on demand: a verification needs no processes and is not to pay for them.
  const { spawn } = await import('node:child_process')
  const child = spawn(program, args, {
    cwd: around.directory,
    env: fixedEnvironment(around),
    stdio: 'ignore',
    detached: around.platform !== 'win32',
    windowsHide: true,
  })
  return await outcome(child, check.timeoutMs, around)
}

/** Fixed values only: nothing is taken over from the environment of the caller. */
function fixedEnvironment({ directory, platform }: HealthSurroundings): Record<string, string> {
  if (platform === 'win32')
    return { SystemRoot: 'C:\\Windows', PATH: 'C:\\Windows\\System32;C:\\Windows', TEMP: directory, TMP: directory }
  return { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: directory, TMPDIR: directory, LANG: 'C.UTF-8' }
}

function outcome(
  child: ChildProcess,
  timeoutMs: number,
  { platform, signal }: HealthSurroundings,
): Promise<string | null> {
  const { promise, resolve, reject } = Promise.withResolvers<string | null>()
  const end = () => killAll(child, platform)
  const timer = setTimeout(() => {
    resolve(`the health check did not end within ${timeoutMs / 1000} s`)
    end()
  }, timeoutMs)
  const abort = () => {
    reject(signal?.reason)
    end()
  }
  signal?.addEventListener('abort', abort, { once: true })
  child.once('error', (error) => resolve(`the health check did not start: ${error.message}`))
  child.once('exit', (status, killedBy) => {
    if (status === 0) resolve(null)
    else resolve(`the health check ended with ${status === null ? killedBy : `status ${status}`}`)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  })
}

/** The whole process group, so that a check that forked leaves nothing behind. */
function killAll(child: ChildProcess, platform: NodeJS.Platform): void {
  if (child.pid === undefined) return
  if (platform === 'win32') {
    child.kill('SIGKILL')
    return
  }
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}
