/** A `samebits-log` in a process and a folder of its own, for benchmarks and crash tests. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const main = fileURLToPath(new URL('../../log-server/src/main.ts', import.meta.url))
const node = ['--conditions=samebits-source', main]
const run = promisify(execFile)

export interface LogFolder {
  readonly path: string
  readonly origin: string
  readonly vkeys: readonly string[]
  remove(): Promise<void>
}

/** Keys and an empty log in a temporary folder. */
export async function createLogFolder(origin = 'example.com/bench', parent: string = tmpdir()): Promise<LogFolder> {
  const path = await mkdtemp(join(parent, 'samebits-log-'))
  const common = ['--origin', origin, '--keys-dir', join(path, 'keys'), '--json']
  const { stdout } = await run(process.execPath, [...node, 'keygen', ...common])
  await run(process.execPath, [...node, 'init', ...common, '--data-dir', join(path, 'data')])
  const { vkeys } = JSON.parse(stdout) as { vkeys: string[] }
  return { path, origin, vkeys, remove: () => rm(path, { recursive: true, force: true }) }
}

export interface LogProcess {
  readonly child: ChildProcess
  readonly url: string
  readonly port: number
  /** What it wrote to standard error so far. */
  stderr(): string
  kill(signal: NodeJS.Signals): Promise<number | null>
}

/**
 * Starts `serve` and waits until it listens. Fails with what it said when it ends first.
 * @param under a command line that runs it, such as `['strace', …]`
 * @param environment variables besides those of this process
 */
export async function startLog(
  folder: LogFolder,
  flags: readonly string[] = [],
  under: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<LogProcess> {
  const args = [
    'serve',
    '--json',
    '--port',
    '0',
    '--keys-dir',
    join(folder.path, 'keys'),
    '--data-dir',
    join(folder.path, 'data'),
  ]
  const [command = process.execPath, ...rest] = [...under, process.execPath, ...node, ...args, ...flags]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
  let [stdout, stderr] = ['', '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdout.setEncoding('utf8')
  const ended = once(child, 'exit')
  const listening = new Promise<string>((resolve) => {
    child.stdout.on('data', (text: string) => {
      stdout += text
      if (stdout.includes('\n')) resolve(stdout)
    })
  })
  const first = await Promise.race([listening, ended.then(() => '{}')])
  const { url } = JSON.parse(first) as { url?: string }
  if (url === undefined) {
    await ended
    throw new Error(`serve ended: ${stderr}`)
  }
  return {
    child,
    url,
    port: Number(new URL(url).port),
    stderr: () => stderr,
    async kill(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await ended
      return child.exitCode
    },
  }
}

/** Runs `fsck` on a folder's database or a URL. */
export async function runFsck(
  folder: LogFolder,
  source: string = join(folder.path, 'data'),
): Promise<{ entries: number; seconds: number }> {
  const keys = folder.vkeys.flatMap((vkey) => ['--key', vkey])
  const { stdout } = await run(process.execPath, [...node, 'fsck', source, ...keys, '--json'])
  return JSON.parse(stdout) as { entries: number; seconds: number }
}
