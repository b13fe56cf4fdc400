/** `samebits-log rotate` of one log, as a process that may be killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LogFolder } from '../support/log-process.ts'

const main = fileURLToPath(new URL('../../log-server/src/main.ts', import.meta.url))

export interface RotateAnswer {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  readonly done: readonly string[]
  readonly waits: { readonly step: string; readonly why: string; readonly todo: readonly string[] } | null
}

/** @param under a command line that runs it, such as `['strace', …]` */
export async function rotateLog(
  folder: LogFolder,
  flags: readonly string[],
  under: readonly string[] = [],
): Promise<RotateAnswer> {
  const own = ['--keys-dir', join(folder.path, 'keys'), '--data-dir', join(folder.path, 'data')]
  const args = ['--conditions=samebits-source', main, 'rotate', ...own, ...flags, '--json']
  const [command = '', ...rest] = [...under, process.execPath, ...args]
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  const answer = stdout === '' ? {} : (JSON.parse(stdout.split('\n')[0] ?? '') as Partial<Told>)
  return { status, signal, stderr, done: Object.keys(answer.done ?? {}), waits: answer.waits ?? null }
}

interface Told {
  readonly done: Readonly<Record<string, number>>
  readonly waits: RotateAnswer['waits']
}
