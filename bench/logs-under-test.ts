/** The logs that are compared, each a server in a process and a folder of its own: ours, Tessera's as it comes, Tessera's tuned. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, type GoProgram, startServer } from '../test/peers/go-programs.ts'
import { createLogFolder, startLog } from '../test/support/log-process.ts'

export interface LogUnderTest {
  readonly url: string
  readonly port: number
  /** An Ed25519 key of the log, as a note verifier has it. */
  readonly vkey: string
  /** The folder that its storage is in. */
  readonly storage: string
  /** Whether an answer to `POST /add` means that the entry is published. */
  readonly answersPublished: boolean
  /** Ends the server; the storage stays. */
  stop(): Promise<void>
  remove(): Promise<void>
}

/** Ours, which can be stopped and started again on what it holds, with other flags. */
export interface OurLog extends LogUnderTest {
  restart(flags: readonly string[]): Promise<void>
}

export const systems = {
  samebits: () => startOurs([]),
  'Tessera, defaults': () => startTessera('posix'),
  'Tessera, tuned': () => startTessera('tuned-tessera'),
} as const

export type System = keyof typeof systems

export async function startOurs(flags: readonly string[]): Promise<OurLog> {
  const folder = await createLogFolder()
  const start = (more: readonly string[]) => startLog(folder, ['--mode', 'raw', '--log-level', 'warn', ...more])
  let log = await start(flags)
  const vkey = folder.vkeys.find((key) => key.length < 200) ?? ''
  return {
    ...{ url: log.url, port: log.port, vkey, storage: join(folder.path, 'data') },
    answersPublished: true,
    async restart(more) {
      await log.kill('SIGTERM')
      log = await start(['--port', String(log.port), ...more])
    },
    stop: async () => void (await log.kill('SIGTERM')),
    remove: () => folder.remove(),
  }
}

export async function startTessera(program: GoProgram): Promise<LogUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'samebits-bench-tessera-'))
  const { privateKey, vkey } = noteKey('example.com/bench')
  await writeFile(join(folder, 'key'), privateKey)
  const storage = join(folder, 'log')
  const port = await freePort()
  const flags = [`--storage_dir=${storage}`, `--listen=127.0.0.1:${port}`, `--private_key=${join(folder, 'key')}`]
  const { url, stop } = await startServer(program, port, flags)
  const remove = () => rm(folder, { recursive: true, force: true })
  return { url, port, vkey, storage, answersPublished: false, stop, remove }
}

/** A fresh Ed25519 key as C2SP signed-note writes both halves. */
function noteKey(name: string): { privateKey: string; vkey: string } {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const algorithm = Buffer.of(1)
  const publicKey = Buffer.concat([algorithm, Buffer.from(x, 'base64url')])
  const seed = Buffer.concat([algorithm, Buffer.from(d, 'base64url')])
  const id = createHash('sha256').update(`${name}\n`).update(publicKey).digest('hex').slice(0, 8)
  return {
    privateKey: `PRIVATE+KEY+${name}+${id}+${seed.toString('base64')}`,
    vkey: `${name}+${id}+${publicKey.toString('base64')}`,
  }
}

/** The size of the published checkpoint, 0 before the first. */
export async function publishedSize({ url }: Pick<LogUnderTest, 'url'>): Promise<number> {
  const response = await fetch(`${url}/checkpoint`)
  const text = await response.text()
  return response.ok ? Number(text.split('\n')[1]) : 0
}
