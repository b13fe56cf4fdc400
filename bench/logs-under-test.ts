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
  readonly pid: number | undefined
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

export const systems = {
  samebits: startOurs,
  'Tessera, defaults': () => startTessera('posix'),
  'Tessera, tuned': () => startTessera('tuned-tessera'),
} as const

export type System = keyof typeof systems

async function startOurs(): Promise<LogUnderTest> {
  const folder = await createLogFolder()
  const log = await startLog(folder, ['--mode', 'raw', '--log-level', 'warn'])
  const vkey = folder.vkeys.find((key) => key.length < 200) ?? ''
  return {
    ...{ url: log.url, port: log.port, pid: log.child.pid, vkey, storage: join(folder.path, 'data') },
    answersPublished: true,
    stop: async () => void (await log.kill('SIGTERM')),
    remove: () => folder.remove(),
  }
}

async function startTessera(program: GoProgram): Promise<LogUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'samebits-bench-tessera-'))
  const { privateKey, vkey } = noteKey('example.com/bench')
  await writeFile(join(folder, 'key'), privateKey)
  const storage = join(folder, 'log')
  const port = await freePort()
  const flags = [`--storage_dir=${storage}`, `--listen=127.0.0.1:${port}`, `--private_key=${join(folder, 'key')}`]
  const { url, pid, stop } = await startServer(program, port, flags)
  const remove = () => rm(folder, { recursive: true, force: true })
  return { url, port, pid, vkey, storage, answersPublished: false, stop, remove }
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
