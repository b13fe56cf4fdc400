/** Programs of others, built from source by the go tool at pinned versions, into a cache outside of the repository. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const tessera = 'v1.0.4'
const witness = 'v0.0.0-20260720115447-2e1c6971d19e'
const packages = {
  fsck: `github.com/transparency-dev/tessera/cmd/fsck@${tessera}`,
  'posix-oneshot': `github.com/transparency-dev/tessera/cmd/examples/posix-oneshot@${tessera}`,
  omniwitness: `github.com/transparency-dev/witness/cmd/omniwitness@${witness}`,
  generate_keys: `github.com/transparency-dev/witness/cmd/generate_keys@${witness}`,
  litewitness: 'filippo.io/torchwood/cmd/litewitness@v0.9.0',
  versitygw: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
  cosign: 'github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3',
  posix: `github.com/transparency-dev/tessera/cmd/conformance/posix@${tessera}`,
  hammer: `github.com/transparency-dev/tessera/internal/hammer@${tessera}`,
} as const

/** Programs of ours upon libraries of theirs: folders with a module each, its versions pinned by `go.sum`. */
const modules = { 'tuned-tessera': new URL('../../bench/tuned-tessera/', import.meta.url) } as const

export type GoProgram = keyof typeof packages | keyof typeof modules

/** Why nothing of this can run here, or null. */
export async function missing(): Promise<string | null> {
  return process.env['MODE'] === 'peers' ? missingGo() : 'run by npm run test:peers'
}

/** Why these programs cannot be built, or null. */
export async function missingGo(): Promise<string | null> {
  try {
    await run('go', ['version'])
    return null
  } catch {
    return 'go is not installed'
  }
}

/** The path of the program, built now where it never was. */
export async function build(program: GoProgram): Promise<string> {
  if (program in modules) return buildModule(program as keyof typeof modules)
  const path = placeOf(program as keyof typeof packages)
  if (existsSync(path)) return path
  const bin = dirname(path)
  await mkdir(bin, { recursive: true })
  const source = packages[program as keyof typeof packages]
  await run('go', ['install', source], { env: { ...process.env, GOBIN: bin, GOFLAGS: '-p=1' } })
  return path
}

/** Whether the program was built before: some take minutes. */
export function isBuilt(program: keyof typeof packages): boolean {
  return existsSync(placeOf(program))
}

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'samebits-peers')

function placeOf(program: keyof typeof packages): string {
  const [source = '', version = ''] = packages[program].split('@')
  return join(cache, version, basename(source))
}

async function buildModule(name: keyof typeof modules): Promise<string> {
  const folder = fileURLToPath(modules[name])
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(folder, file)))
  const path = join(cache, name, hash.digest('hex').slice(0, 16), name)
  if (!existsSync(path)) await run('go', ['build', '-o', path, '.'], { cwd: folder })
  return path
}

/** Runs a program to its end; fails with what it said. */
export async function runToEnd(program: GoProgram, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(await build(program), [...args], { maxBuffer: 1 << 24 })
  return `${stdout}${stderr}`
}

export interface Server {
  readonly pid: number | undefined
  readonly url: string
  readonly output: () => string
  stop(): Promise<void>
}

/** Starts a program that listens on `port`, and waits until it does. */
export async function startServer(program: GoProgram, port: number, args: readonly string[]): Promise<Server> {
  const child = spawn(await build(program), [...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const url = `http://127.0.0.1:${port}`
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${output}`)
    await sleep(50)
  }
  return { pid: child.pid, url, output: () => output, stop: () => end(child) }
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).arrayBuffer()
    return true
  } catch {
    return false
  }
}

/** A port that was free a moment ago: these programs cannot say which one the system chose. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new TypeError('a port')
  return address.port
}

/**
 * Tessera's client of C2SP tlog-mirror is newer than its last release: it is built where TESSERA names a checkout that has it. Gives
 * the program, or null.
 */
export async function buildMirrorClient(folder: string): Promise<string | null> {
  const checkout = process.env['TESSERA']
  if (checkout === undefined) return null
  const replaced = [
    `github.com/transparency-dev/tessera => ${checkout}`,
    'github.com/transparency-dev/formats => github.com/transparency-dev/formats v0.1.2-0.20260710124811-af9e607161b6',
    'github.com/transparency-dev/merkle => github.com/transparency-dev/merkle v0.0.3-0.20260707140218-77df88e508fa',
  ]
  const requires = 'require github.com/transparency-dev/tessera v1.0.4'
  await writeFile(
    join(folder, 'go.mod'),
    `module mirror-client\n\ngo 1.25.8\n\n${requires}\n\nreplace (\n${replaced.join('\n')}\n)\n`,
  )
  await copyFile(new URL('mirror-client/main.go', import.meta.url), join(folder, 'main.go'))
  await run('go', ['build', '-mod=mod', '-o', 'mirror-client', '.'], { cwd: folder })
  return join(folder, 'mirror-client')
}

/** Runs a program that {@link buildMirrorClient} gave. */
export async function runBuilt(path: string, args: readonly string[]): Promise<string> {
  return (await run(path, [...args])).stdout
}
