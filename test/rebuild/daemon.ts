/** A rebuilder that runs as a daemon, killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { JobStatus, Snapshot } from '../../build-repro/src/rebuild/board.ts'

const buildMain = fileURLToPath(new URL('../../build-repro/src/main.ts', import.meta.url))
const unboxedMain = fileURLToPath(new URL('./unboxed-daemon.ts', import.meta.url))

export interface Daemon {
  readonly child: ChildProcess
  readonly url: string
  status(): Promise<Snapshot>
  /** Waits until a release has this state, and gives it. */
  until(version: string, state: JobStatus['state']): Promise<JobStatus>
  /** Settles when it has ended, for whatever reason. */
  readonly ended: Promise<unknown>
  /** @returns the exit status, null where it was killed */
  end(signal: NodeJS.Signals): Promise<number | null>
  stderr(): string
}

/** @param boxed in a container, by the program's own command line; else without one */
export async function startDaemon(folder: string, boxed: boolean): Promise<Daemon> {
  const args = boxed ? [buildMain, 'rebuild', '--port', '0', '--json'] : [unboxedMain, 'samebits.rebuilder.json']
  const child = spawn(process.execPath, ['--conditions=samebits-source', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close')
  const first = await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), ended.then(() => null)])
  const { url } = JSON.parse(first === null ? '{}' : String(first[0])) as { url?: string }
  if (url === undefined) {
    await ended
    throw new Error(`the rebuilder ended: ${stderr}`)
  }
  const status = async () => (await (await fetch(`${url}status.json`)).json()) as Snapshot
  return {
    child,
    url,
    ended,
    status,
    async until(version, state) {
      for (;;) {
        const { jobs } = await status()
        const job = jobs.find((each) => each.version === version && each.state === state)
        if (job !== undefined) return job
        await setTimeout(50)
      }
    },
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await ended
      return child.exitCode
    },
    stderr: () => stderr,
  }
}
