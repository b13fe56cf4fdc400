/** One log, one PostgreSQL, several servers in processes of their own, each with a folder and a connection that can be broken. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatVkey } from '@samebits/core'
import { generateSigningKey, nodeCrypto, type SigningKey, signingKeyToPem } from '@samebits/core/node'
import { createLog, headSigner, joinLog } from '@samebits/log-server'
import { startPostgres, type TestPostgres } from '../../log-server/src/testing-postgres-store.ts'
import { NotStartedError, startTapped, type TappedServer } from '../support/tapped-server.ts'
import type { ServerSetup } from '../support/tapped-server-main.ts'
import { type PostgresProxy, startProxy } from './proxy.ts'

const schema = 'failover'

export interface Member {
  readonly proxy: PostgresProxy
  /** Null while it is down. */
  server: TappedServer | null
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
    try {
      await cluster.#begin(count, keys)
    } catch (error) {
      await cluster.remove()
      throw error
    }
    return cluster
  }

  async #begin(count: number, keys: readonly SigningKey[]): Promise<void> {
    const { folder, postgres } = this
    const signer = headSigner(nodeCrypto, Cluster.origin, keys)
    await mkdir(this.#keysDir, { recursive: true })
    for (const key of keys) await writeFile(join(this.#keysDir, `${key.algorithm}.pem`), signingKeyToPem(key))
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
      this.members.push(await this.#member(at, dataDir))
    }
    for (const member of this.members) await member.start()
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
      ...{ proxy, server: null, frozen: false },
      shiftClock: (seconds) => writeFileSync(clock, String(seconds)),
      start: () => startMember(member, setup),
      async kill(signal) {
        const { server } = member
        member.server = null
        member.frozen = false
        await server?.kill(signal)
      },
    }
    return member
  }

  /** A server that is up, chosen by chance. */
  anyUrl(): string {
    const up = this.members.filter(({ server, frozen }) => server !== null && !frozen)
    return up[Math.floor(Math.random() * up.length)]?.server?.url ?? ''
  }

  /** The one that leads as its own word has it. */
  async leader(): Promise<Member> {
    for (;;) {
      for (const member of this.members) {
        if (member.server === null || member.frozen) continue
        const ready = await fetch(`${member.server.url}/readyz`).then(
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
  for (;;) {
    try {
      member.server = await startTapped(setup)
      return
    } catch (error) {
      // The database may be away, as it would be for a service that is started again and again.
      if (!(error instanceof NotStartedError) || !error.message.includes('UNREACHABLE')) throw error
      await sleep(100)
    }
  }
}
