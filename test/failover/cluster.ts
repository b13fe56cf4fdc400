/** One log, one PostgreSQL, several servers in processes of their own, each with a folder and a connection that can be broken. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { formatVkey } from '@samebits/core'
import { generateSigningKey, nodeCrypto, signingKeyToPem } from '@samebits/core/node'
import { createLog, headSigner, joinLog } from '@samebits/log-server'
import { startPostgres, type TestPostgres } from '../../log-server/src/testing-postgres-store.ts'
import { type PostgresProxy, startProxy } from './proxy.ts'
import type { ServerSetup } from './server-main.ts'

const main = fileURLToPath(new URL('server-main.ts', import.meta.url))
const schema = 'failover'

export interface Member {
  readonly proxy: PostgresProxy
  /** Where it listens; changes with every start. */
  url: string
  child: ChildProcess | null
  /** What it said on standard error since it was last started. */
  errors: string
  /** Its process is stopped, not ended. */
  frozen: boolean
  /** Sets its clock wrong by so many seconds. */
  shiftClock(seconds: number): void
  start(): Promise<void>
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

export class Cluster {
  static readonly origin = 'example.com/cluster'
  readonly folder: string
  readonly postgres: TestPostgres
  readonly members: Member[] = []
  readonly vkeys: readonly string[]
  readonly tap: string
  readonly #keysDir: string

  static async start(count: number): Promise<Cluster> {
    const postgres = await startPostgres()
    const folder = mkdtempSync(join(tmpdir(), 'samebits-cluster-'))
    const keys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
    const signer = headSigner(nodeCrypto, Cluster.origin, keys)
    const cluster = new Cluster(folder, postgres, signer.keys.map(formatVkey))
    await mkdir(cluster.#keysDir, { recursive: true })
    for (const key of keys) await writeFile(join(cluster.#keysDir, `${key.algorithm}.pem`), signingKeyToPem(key))
    const database = await postgres.createDatabase(schema)
    const copies = { found: [], missing: null }
    for (let at = 0; at < count; at++) {
      const dataDir = join(folder, `data${at}`)
      if (at === 0)
        await createLog({
          dataDir,
          database,
          signer,
          publishedUrl: '',
          copies,
          fetch,
          now: () => Math.floor(Date.now() / 1000),
        })
      else await joinLog({ dataDir, database, databaseTimeoutMs: 10_000, keys })
      cluster.members.push(await cluster.#member(at, dataDir))
    }
    for (const member of cluster.members) await member.start()
    return cluster
  }

  private constructor(folder: string, postgres: TestPostgres, vkeys: readonly string[]) {
    this.folder = folder
    this.postgres = postgres
    this.vkeys = vkeys
    this.tap = join(folder, 'tap')
    this.#keysDir = join(folder, 'keys')
  }

  async #member(at: number, dataDir: string): Promise<Member> {
    const proxy = await startProxy(join(this.postgres.socket, '.s.PGSQL.5432'))
    const clock = join(this.folder, `clock${at}`)
    const database = `postgres://samebits@127.0.0.1:${proxy.port}/postgres?options=${encodeURIComponent(`-c search_path=${schema}`)}`
    const options = { database, dataDir, mode: 'raw', port: 0, databaseTimeoutMs: 2000 } as const
    const setup: ServerSetup = { options, keysDir: this.#keysDir, tap: this.tap, clock }
    const member: Member = {
      ...{ proxy, url: '', child: null, errors: '', frozen: false },
      shiftClock: (seconds) => writeFileSync(clock, String(seconds)),
      start: () => startMember(member, setup),
      async kill(signal) {
        const { child } = member
        member.child = null
        if (child === null || child.exitCode !== null || child.signalCode !== null) return
        const ended = once(child, 'exit')
        child.kill(signal)
        if (member.frozen) child.kill('SIGCONT')
        member.frozen = false
        await ended
      },
    }
    return member
  }

  /** A server that is up, chosen by chance. */
  anyUrl(): string {
    const up = this.members.filter(({ child, frozen }) => child !== null && !frozen)
    return up[Math.floor(Math.random() * up.length)]?.url ?? ''
  }

  /** The one that leads as its own word has it. */
  async leader(): Promise<Member> {
    for (;;) {
      for (const member of this.members) {
        if (member.child === null || member.frozen) continue
        const ready = await fetch(`${member.url}/readyz`).then(
          (response) => response.text(),
          () => '',
        )
        if (ready === 'writing\n') return member
      }
      await sleep(20)
    }
  }

  /** Ends every connection that servers have to the database, from its side. */
  async terminateConnections(): Promise<void> {
    await this.postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'samebits-log' AND pid <> pg_backend_pid()`)
  }

  async remove(): Promise<void> {
    for (const member of this.members) {
      await member.kill('SIGKILL')
      member.proxy.close()
    }
    await this.postgres.remove()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function startMember(member: Member, setup: ServerSetup): Promise<void> {
  const args = ['--conditions=samebits-source', main, JSON.stringify(setup)]
  for (;;) {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    member.child = child
    let [stdout, stderr] = ['', '']
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      member.errors = stderr
    })
    const listening = new Promise<string>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text
        if (stdout.includes('\n')) resolve(stdout)
      })
    })
    const first = await Promise.race([listening, once(child, 'exit').then(() => null)])
    if (first !== null) {
      member.url = (JSON.parse(first) as { url: string }).url
      return
    }
    // The database may be away, as it would be for a service that is started again and again.
    if (!stderr.includes('UNREACHABLE')) throw new Error(`a server ended: ${stderr}`)
    await sleep(100)
  }
}
