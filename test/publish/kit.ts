/** A product, its log, and `samebits-build` as people run it: real processes over real HTTP, a proxy in between. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type LogFolder, type LogProcess, startLog } from '../support/log-process.ts'

const buildMain = fileURLToPath(new URL('../../build-repro/src/main.ts', import.meta.url))
const logMain = fileURLToPath(new URL('../../log-server/src/main.ts', import.meta.url))

export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface BuildRun {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

/** Starts `samebits-build` in `cwd`. */
export function startBuild(cwd: string, args: readonly string[]): BuildRun {
  return startScript(cwd, buildMain, args)
}

export function startScript(cwd: string, script: string, args: readonly string[]): BuildRun {
  const child = spawn(process.execPath, ['--conditions=samebits-source', script, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(([status, signal]) => ({ status, signal, stdout, stderr }) as Ended)
  return { child, ended }
}

export function build(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return startBuild(cwd, args).ended
}

export type Hook = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>

/** A place on the way to the log. Hooks that return true have answered, or let the request hang. */
interface Proxy {
  readonly url: string
  /** Before the log sees a request. */
  before: Hook
  /** Once the log has answered, before the client hears of it. */
  after: Hook
  target: string
  close(): Promise<void>
}

const pass: Hook = () => false

async function startProxy(): Promise<Proxy> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: Proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    before: pass,
    after: pass,
    target: '',
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    void forward(proxy, incoming, response)
  })
  return proxy
}

async function forward(proxy: Proxy, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = []
  incoming.on('error', () => response.destroy())
  for await (const part of incoming) parts.push(part as Buffer)
  if (await proxy.before(incoming, response)) return
  const { method, url, headers } = incoming
  const outgoing = request(new URL(url ?? '/', proxy.target), { method, headers }, (answer) => {
    const body: Buffer[] = []
    answer.on('error', () => response.destroy())
    answer.on('data', (part: Buffer) => body.push(part))
    answer.on('end', async () => {
      if (await proxy.after(incoming, response)) return
      response.writeHead(answer.statusCode ?? 500, answer.headers).end(Buffer.concat(body))
    })
  })
  outgoing.on('error', () => response.destroy())
  outgoing.end(Buffer.concat(parts))
}

/** A log as its operator makes one, with the file that `samebits-build init --log` reads. */
async function newLog(database: readonly string[]): Promise<{ logFolder: LogFolder; logFile: string }> {
  const origin = 'example.com/log'
  const path = await mkdtemp(join(tmpdir(), 'samebits-log-'))
  const keys = ['--origin', origin, '--keys-dir', join(path, 'keys')]
  await runLog('keygen', ...keys)
  const printed = await runLog('init', ...keys, ...database.slice(0, 2), '--data-dir', join(path, 'data'), '--json')
  const logFile = join(path, 'log.json')
  await writeFile(logFile, printed)
  const { vkeys } = JSON.parse(printed) as { vkeys: string[] }
  return { logFolder: { path, origin, vkeys, remove: () => rm(path, { recursive: true, force: true }) }, logFile }
}

/** Runs `samebits-log` to its end. @returns its standard output */
export async function runLog(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=samebits-source', logMain, ...args])
  return stdout
}

/** A product in a folder of its own, with a log that serves it. */
export interface Product {
  readonly name: string
  readonly folder: string
  readonly logFolder: LogFolder
  readonly proxy: Proxy
  log: LogProcess
  build(...args: readonly string[]): Promise<Ended>
  /** Writes an artifact into `dist/`. @returns its path relative to the folder */
  artifact(name: string, content: string): Promise<string>
  at(path: string): string
  json(path: string): Promise<unknown>
  remove(): Promise<void>
}

export interface ProductOptions {
  readonly name?: string
  readonly initFlags?: readonly string[]
  /** `--database URL`, and what `serve` is told besides: a log in PostgreSQL. */
  readonly database?: readonly string[]
  /** Changes the workspace between `init` and the start of the log: other keys, other thresholds. */
  readonly prepare?: (folder: string) => Promise<void>
}

export async function newProduct(options: ProductOptions = {}): Promise<Product> {
  const { name = 'example.com/notes', initFlags = [], database = [], prepare } = options
  const folder = await mkdtemp(join(tmpdir(), 'samebits-publish-'))
  const { logFolder, logFile } = await newLog(database)
  const proxy = await startProxy()
  const flags = ['init', '--product', name, '--log', logFile, '--log-url', proxy.url, ...initFlags]
  const { status, stderr } = await build(folder, ...flags)
  if (status !== 0) throw new Error(`init: ${stderr}`)
  await prepare?.(folder)
  const admission = join(folder, 'admission.json')
  const serve = ['--mode', 'product', '--admission-file', admission, '--log-level', 'warn', ...database]
  const log = await startLog(logFolder, serve)
  proxy.target = log.url
  const at = (path: string) => join(folder, path)
  const product: Product = {
    name,
    folder,
    logFolder,
    proxy,
    log,
    build: (...args) => build(folder, ...args),
    at,
    json: async (path) => JSON.parse(await readFile(at(path), 'utf8')),
    async artifact(file, content) {
      await mkdir(at('dist'), { recursive: true })
      await writeFile(at(`dist/${file}`), content)
      return `dist/${file}`
    },
    async remove() {
      await product.log.kill('SIGTERM')
      await proxy.close()
      await logFolder.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return product
}

/** Adds a key to `publishers` of the trust file, made by keygen, and sets the threshold. @returns the private key's path */
export async function addPublisher(folder: string, id: string, threshold: number): Promise<string> {
  const key = join(folder, `${id}.pem`)
  const { stdout } = await build(folder, 'keygen', key, '--algorithm', 'p256')
  const path = join(folder, 'trust.json')
  const trust = JSON.parse(await readFile(path, 'utf8')) as { publishers: { threshold: number; members: object[] } }
  trust.publishers.members.push({ id, publicKey: `${stdout.trimEnd()}\n` })
  trust.publishers.threshold = threshold
  await writeFile(path, JSON.stringify(trust))
  return key
}

/** A workspace of another publisher: the public files, and a private key of their own. */
export async function otherWorkspace(product: Product, key: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'samebits-other-'))
  const recipe = (await product.json('samebits.build.json')) as { publish: Readonly<Record<string, unknown>> }
  for (const path of ['trust.json', 'sizes.json', String(recipe.publish['anchor'])])
    await cp(product.at(path), join(folder, path))
  await cp(key, join(folder, 'mine.pem'))
  const own = { ...recipe, publish: { ...recipe.publish, key: 'mine.pem' } }
  await writeFile(join(folder, 'samebits.build.json'), JSON.stringify(own))
  return folder
}
