/** Starting `tapped-server-main.ts`: a log server whose every signature is written down. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ServerSetup } from './tapped-server-main.ts'

const main = fileURLToPath(new URL('tapped-server-main.ts', import.meta.url))

export interface TappedServer {
  readonly child: ChildProcess
  readonly url: string
  /** What it wrote to standard error so far. */
  errors(): string
  /** Resolves once the process has ended. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

/** Ended before it listened; the message is what it said. */
export class NotStartedError extends Error {
  override readonly name = 'NotStartedError'
}

/** @param under a command line that runs it, such as `['strace', …]` */
export async function startTapped(setup: ServerSetup, under: readonly string[] = []): Promise<TappedServer> {
  const args = ['--conditions=samebits-source', main, JSON.stringify(setup)]
  const [command = '', ...rest] = [...under, process.execPath, ...args]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const listening = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (stdout.includes('\n')) resolve(stdout)
    })
  })
  const ended = once(child, 'exit')
  const first = await Promise.race([listening, ended.then(() => null)])
  if (first === null) throw new NotStartedError(stderr)
  return {
    child,
    url: (JSON.parse(first) as { url: string }).url,
    errors: () => stderr,
    async kill(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      if (signal === 'SIGKILL') child.kill('SIGCONT')
      await ended
    },
  }
}
