/** A `samebits-monitor witness` or `mirror` in a process and a folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const main = fileURLToPath(new URL('../../monitor/src/main.ts', import.meta.url))
const node = ['--conditions=samebits-source', main]

export interface WitnessProcess {
  readonly name: string
  /** The Ed25519 (0x04) and the ML-DSA-44 (0x06) line. */
  readonly vkeys: readonly string[]
  /** The submission and monitoring prefix; the same after a restart. */
  readonly url: string
  start(): Promise<void>
  /** Takes in a further log, and starts again. */
  learn(vkeys: readonly string[]): Promise<void>
  kill(signal?: NodeJS.Signals): Promise<void>
  /** SIGSTOP and SIGCONT: connections are taken, nothing is answered. */
  pause(): void
  resume(): void
  remove(): Promise<void>
}

/** Makes keys and starts a witness that knows one log. */
export function newWitness(name: string, logVkeys: readonly string[]): Promise<WitnessProcess> {
  return newCosigner('witness', name, logVkeys, [])
}

/** The same for a mirror; `flags` besides, such as `--follow`. */
export function newMirror(
  name: string,
  logVkeys: readonly string[],
  flags: readonly string[] = [],
): Promise<WitnessProcess> {
  return newCosigner('mirror', name, logVkeys, flags)
}

async function newCosigner(
  command: 'witness' | 'mirror',
  name: string,
  logVkeys: readonly string[],
  flags: readonly string[],
): Promise<WitnessProcess> {
  const folder = await mkdtemp(join(tmpdir(), `samebits-${command}-`))
  const keys = ['--keys-dir', join(folder, 'keys')]
  const { stdout } = await promisify(execFile)(process.execPath, [...node, 'keygen', '--name', name, ...keys, '--json'])
  const { vkeys } = JSON.parse(stdout) as { vkeys: string[] }
  const logs = join(folder, 'logs')
  const records = (vkeys: readonly string[]) =>
    vkeys.map((vkey) => `vkey ${vkey}\nqpd 1000000\ncontact test\n`).join('')
  await writeFile(logs, `logs/v0\n${records(logVkeys)}`)
  const rest = ['--data-dir', join(folder, 'data'), '--log-level', 'error', '--json']
  const args = [command, '--logs', logs, ...keys, ...rest, ...flags]
  let [child, url] = await spawnWitness([...args, '--port', '0'])
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  const start = async () => {
    ;[child, url] = await spawnWitness([...args, '--port', new URL(url).port])
  }
  return {
    ...{ name, vkeys, url, start },
    async learn(more) {
      await kill()
      await appendFile(logs, records(more))
      await start()
    },
    kill,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async remove() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function spawnWitness(args: readonly string[]): Promise<[ChildProcess, string]> {
  const child = spawn(process.execPath, [...node, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit').then(() => {
    throw new Error('it ended')
  })
  child.stdout.setEncoding('utf8')
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [string]
  ended.catch(() => undefined)
  return [child, (JSON.parse(line) as { url: string }).url]
}
