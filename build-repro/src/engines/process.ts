/** One child process from start to end, its output as it comes. */
import { spawn } from 'node:child_process'

export interface ProcessRequest {
  readonly file: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly umask?: number
  readonly onStdout?: (chunk: Uint8Array) => void
  readonly onStderr?: (chunk: Uint8Array) => void
  /**
   * Called once, when the signal is aborted or the time is up: ends what the child began, in its own way. Afterwards the child's
   * whole process group is killed. Without it that happens at once.
   */
  readonly onStop?: () => Promise<void>
  readonly timeoutMs?: number
}

export interface ProcessEnd {
  /** null where it was killed. */
  readonly status: number | null
  readonly timedOut: boolean
}

/**
 * Runs a program in a process group of its own, so that a terminal's Ctrl-C reaches this process alone, which then stops the child
 * in order.
 *
 * @throws the signal's reason, when the child has gone; the system's error where the program cannot be started
 */
export async function runProcess(request: ProcessRequest, signal: AbortSignal): Promise<ProcessEnd> {
  signal.throwIfAborted()
  const child = spawn(request.file, request.args, {
    env: request.environment,
    cwd: request.cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.on('data', (chunk: Uint8Array) => request.onStdout?.(chunk))
  child.stderr.on('data', (chunk: Uint8Array) => request.onStderr?.(chunk))
  let timedOut = false
  let stopping: Promise<void> | null = null
  const stop = () => {
    stopping ??= (request.onStop?.() ?? Promise.resolve()).finally(() => killGroup(child.pid))
    stopping.catch(() => undefined) // it is awaited below
  }
  const timer =
    request.timeoutMs === undefined
      ? null
      : setTimeout(() => {
          timedOut = true
          stop()
        }, request.timeoutMs)
  signal.addEventListener('abort', stop, { once: true })
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (stopping !== null) await stopping
    signal.throwIfAborted()
    return { status, timedOut }
  } finally {
    if (timer !== null) clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

export interface Captured extends ProcessEnd {
  readonly stdout: string
  readonly stderr: string
}

/** Far above what an engine's commands answer. */
const captureCap = 16 << 20

/** Runs a program and keeps what it said, up to 16 MiB a stream. */
export async function captureProcess(request: ProcessRequest, signal: AbortSignal): Promise<Captured> {
  const [stdout, stderr] = [collector(), collector()]
  const end = await runProcess({ ...request, onStdout: stdout.add, onStderr: stderr.add }, signal)
  return { ...end, stdout: stdout.text(), stderr: stderr.text() }
}

function collector(): { add(chunk: Uint8Array): void; text(): string } {
  const chunks: Uint8Array[] = []
  let size = 0
  return {
    add(chunk) {
      size += chunk.length
      if (size <= captureCap) chunks.push(chunk)
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended already
  }
}
