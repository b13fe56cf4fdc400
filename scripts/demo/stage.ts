/** Programs run for real and shown as they would look in a terminal. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

/** The programs as a clone runs them: from their sources. */
const sources: Readonly<Record<string, string>> = {
  'samebits-log': join(root, 'log-server/src/main.ts'),
  'samebits-build': join(root, 'build-repro/src/main.ts'),
  'samebits-monitor': join(root, 'monitor/src/main.ts'),
}

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  /** Exit status that the story expects; anything else ends the demo. Default 0. */
  readonly expect?: number
  /** Do not show the output (it goes into a file, or into the next step). */
  readonly quiet?: boolean
  /** Show neither the command nor the output. */
  readonly silent?: boolean
  /** What to show instead of the real command line. */
  readonly shown?: string
}

/** Tells the story on standard output, one numbered step after the other, and runs its programs. */
export class Stage {
  readonly #running = new Set<ChildProcess>()
  readonly #write: (text: string) => void
  readonly #bold: (text: string) => string
  #step = 0

  constructor(write: (text: string) => void, bold: (text: string) => string) {
    this.#write = write
    this.#bold = bold
  }

  step(title: string): void {
    this.#step++
    this.#write(`\n${this.#bold(`${this.#step}. ${title}`)}\n`)
  }

  say(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#write(`   ${line}\n`)
  }

  /** Runs a program to its end and shows command, output and exit status. Throws where the status is not the expected one. */
  async run(program: string, args: readonly string[], options: RunOptions): Promise<Ran> {
    const source = sources[program]
    const child = spawn(process.execPath, source === undefined ? [program, ...args] : [source, ...args], {
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const name = source === undefined ? 'samebits' : program
    if (!options.silent) this.say(`$ ${options.shown ?? [name, ...args.map(quoted)].join(' ')}`)
    const ran = await this.#finished(child)
    if (!options.quiet && !options.silent) this.say(indented(ran.stdout + ran.stderr))
    if (ran.status !== (options.expect ?? 0)) {
      throw new Error(`${name} ended with ${ran.status}, not with ${options.expect ?? 0}: ${ran.stderr || ran.stdout}`)
    }
    if (options.expect !== undefined) this.say(`  exit status ${ran.status}`)
    return ran
  }

  /** Starts a program that serves and waits for its first line on standard output, an object; most have a `url`. */
  async serve(program: string, args: readonly string[], cwd: string): Promise<{ url: string; stop(): Promise<void> }> {
    this.say(`$ ${[program, ...args].map(quoted).join(' ')} &`)
    const child = spawn(process.execPath, [sources[program] ?? program, ...args, '--json'], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#running.add(child)
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000)
    })
    child.stdout.setEncoding('utf8')
    const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => null)])
    if (first === null) throw new Error(`${program} did not start: ${errors}`)
    const { url, error } = JSON.parse(String(first[0])) as { url: string; error?: { detail?: string } }
    if (error !== undefined) throw new Error(`${program} did not start: ${error.detail}`)
    child.stdout.resume()
    return { url, stop: () => this.#stop(child) }
  }

  /** Ends whatever still runs: the last thing a demo does, also when it was interrupted. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.#stop(child)))
  }

  async #stop(child: ChildProcess): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    this.#running.delete(child)
  }

  async #finished(child: ChildProcess): Promise<Ran> {
    this.#running.add(child)
    let [stdout, stderr] = ['', '']
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    this.#running.delete(child)
    return { status: status ?? -1, stdout, stderr: signal === null ? stderr : `${stderr}ended by ${signal}` }
  }
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`
}

function indented(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ')
}
