/**
 * A product with everything around it as processes of their own: logs, witnesses, a web server for the feed, and the command
 * line of a client. The publisher's commands run inside the test.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Loopback, serve } from '../../updater/test-support/loopback.ts'
import type { Ended } from '../publish/kit.ts'
import { asksBuild, type BuildAnswer } from '../support/build-here.ts'
import { type LogFolder, type LogProcess, startLog } from '../support/log-process.ts'
import { newWitness, type WitnessProcess } from '../support/witness-process.ts'

const main = (room: string) => fileURLToPath(new URL(`../../${room}/src/main.ts`, import.meta.url))
const source = '--conditions=samebits-source'

export interface OwnLog {
  readonly folder: LogFolder
  /** What `samebits-log init --json` printed. */
  readonly file: string
  readonly url: string
  /** Of its ML-DSA key. */
  readonly vkey: string
  process: LogProcess | null
}

/** A port that nobody listens on now: a log must be named before it serves. */
async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

export class Estate {
  readonly home: string
  readonly web: Loopback
  readonly logs: OwnLog[] = []
  readonly witnesses: WitnessProcess[] = []

  private constructor(home: string, web: Loopback) {
    this.home = home
    this.web = web
  }

  static async open(): Promise<Estate> {
    const home = await mkdtemp(join(tmpdir(), 'samebits-estate-'))
    const web = await serve((request, response) => {
      readFile(join(home, 'feed', decodeURIComponent(request.url ?? ''))).then(
        (bytes) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes),
        () => response.writeHead(404).end(),
      )
    })
    return new Estate(home, web)
  }

  async close(): Promise<void> {
    for (const log of this.logs) {
      await log.process?.kill('SIGKILL')
      await log.folder.remove()
    }
    await Promise.all(this.witnesses.map((witness) => witness.remove()))
    await this.web.close()
    await rm(this.home, { recursive: true, force: true })
  }

  at(path: string): string {
    return join(this.home, path)
  }

  async newLog(origin: string): Promise<OwnLog> {
    const path = await mkdtemp(join(tmpdir(), 'samebits-log-'))
    const keys = ['--origin', origin, '--keys-dir', join(path, 'keys')]
    await this.#log('keygen', ...keys)
    const printed = await this.#log('init', ...keys, '--data-dir', join(path, 'data'), '--json')
    const file = join(path, 'log.json')
    await writeFile(file, printed)
    const { vkeys } = JSON.parse(printed) as { vkeys: string[] }
    const folder = { path, origin, vkeys, remove: () => rm(path, { recursive: true, force: true }) }
    const url = `http://127.0.0.1:${await freePort()}`
    const log: OwnLog = { folder, file, url, vkey: vkeys[1] ?? '', process: null }
    this.logs.push(log)
    return log
  }

  async #log(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [source, main('log-server'), ...args])
    return stdout
  }

  /** Serves, or serves again with other flags. */
  async serve(log: OwnLog, ...flags: readonly string[]): Promise<void> {
    await log.process?.kill('SIGTERM')
    const port = ['--port', new URL(log.url).port]
    const quick = ['--resign-seconds', '1', '--witness-timeout-ms', '3000', '--witness-min-interval-ms', '20']
    const admission = ['--mode', 'product', '--admission-file', this.at('admission.json')]
    log.process = await startLog(log.folder, [...port, ...quick, ...admission, '--log-level', 'warn', ...flags])
  }

  async newWitness(name: string, ...logs: readonly OwnLog[]): Promise<WitnessProcess> {
    const witness = await newWitness(
      name,
      logs.flatMap(({ folder }) => folder.vkeys),
    )
    this.witnesses.push(witness)
    return witness
  }

  /** A policy file: two of these witnesses for this log. @returns its path */
  async policy(name: string, { vkey, url }: OwnLog, witnesses: readonly WitnessProcess[]): Promise<string> {
    const names = witnesses.map((witness) => witness.name.replace(/.*\//, ''))
    const lines = witnesses.map((witness, at) => `witness ${names[at]} ${witness.vkeys[1]} ${witness.url}\n`)
    const text = `log ${vkey} ${url}\n${lines.join('')}group two 2 ${names.join(' ')}\nquorum two\n`
    await writeFile(this.at(name), text)
    return this.at(name)
  }

  build(...args: readonly string[]): Promise<BuildAnswer> {
    return asksBuild(this.home, ...args)
  }

  async publish(version: string, ...flags: readonly string[]): Promise<BuildAnswer> {
    await mkdir(this.at('dist'), { recursive: true })
    await writeFile(this.at('dist/notes'), version)
    return this.build('publish', 'dist/notes', '--version', version, ...flags)
  }

  /** Signs and publishes the proposal of this version. */
  async step(version: number, ...flags: readonly string[]): Promise<BuildAnswer> {
    const file = `trust-${version}.json`
    const { answer } = await this.build(
      'trust',
      'sign',
      file,
      '--key',
      'authority/authority.pem',
      '--digest',
      'ab'.repeat(32),
    )
    const [digest = ''] = /[0-9a-f]{64}/.exec(answer.error?.detail ?? '') ?? []
    const signed = await this.build('trust', 'sign', file, '--key', 'authority/authority.pem', '--digest', digest)
    if (signed.status !== 0) throw new Error(signed.stderr)
    return this.build('trust', 'publish', file, ...flags)
  }

  /** A folder with what an application of today ships. */
  async ship(name: string): Promise<string> {
    await mkdir(this.at(name), { recursive: true })
    for (const file of ['trust.json', 'example.com_notes.anchor.json'])
      await writeFile(join(this.at(name), file), await readFile(this.at(file)))
    return join(this.at(name), 'trust.json')
  }

  /** `samebits`, as a process. */
  async client(...args: readonly string[]): Promise<Ended> {
    const child = spawn(process.execPath, [source, main('verifier-cli'), ...args], {
      cwd: this.home,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { status, signal, stdout, stderr }
  }

  /** `samebits update` of one client; what it then has installed is in the answer's `stdout` under `--json`. */
  update(client: string, ...flags: readonly string[]): Promise<Ended> {
    return this.client('update', '--trust', `${client}/trust.json`, '--into', `${client}/app`, ...flags)
  }

  async installed(client: string): Promise<string> {
    return readFile(this.at(`${client}/app/notes`), 'utf8')
  }
}
