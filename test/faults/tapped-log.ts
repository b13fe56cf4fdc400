/** One log in SQLite, served by a process whose every signature is written down, with what its clients saw. */
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatVkey } from '@samebits/core'
import { generateSigningKey, nodeCrypto, type SigningKey, signingKeyToPem } from '@samebits/core/node'
import { createLog, headSigner, type LogServerOptions } from '@samebits/log-server'
import { History } from '../crash/history.ts'
import { type Storm, startStorm } from '../crash/storm.ts'
import { tellSignatures } from '../support/tap.ts'
import { startTapped, type TappedServer } from '../support/tapped-server.ts'

/** What a row of the table says, apart from its name. Whoever counts has seen that nothing was lost and nothing forked. */
export interface Outcome {
  readonly strikes: number
  readonly acknowledged: number
  readonly signatures: number
  readonly trees: number
}

const databaseFiles = ['log.db', 'log.db-wal', 'log.db-shm']

export class TappedLog {
  static readonly origin = 'example.com/faults'
  readonly folder: string
  readonly dataDir: string
  readonly keys: readonly SigningKey[]
  readonly vkeys: readonly string[]
  readonly history: History
  readonly tap: string
  server: TappedServer | null = null
  readonly #options: Partial<LogServerOptions>
  #storm: Storm | null = null

  /** @param parent where its folder is made */
  static async create(parent: string = tmpdir(), options: Partial<LogServerOptions> = {}): Promise<TappedLog> {
    const folder = mkdtempSync(join(parent, 'samebits-faults-'))
    const keys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
    const log = new TappedLog(folder, keys, options)
    await mkdir(join(folder, 'keys'))
    for (const key of keys)
      await writeFile(join(folder, 'keys', `${key.algorithm}.pem`), signingKeyToPem(key), { mode: 0o600 })
    const signer = headSigner(nodeCrypto, TappedLog.origin, keys)
    const copies = { found: [], missing: null }
    const now = () => Math.floor(Date.now() / 1000)
    await createLog({ dataDir: log.dataDir, signer, publishedUrl: '', copies, fetch, now })
    return log
  }

  private constructor(folder: string, keys: readonly SigningKey[], options: Partial<LogServerOptions>) {
    this.folder = folder
    this.dataDir = join(folder, 'data')
    this.keys = keys
    this.vkeys = headSigner(nodeCrypto, TappedLog.origin, keys).keys.map(formatVkey)
    this.history = new History(TappedLog.origin, this.vkeys)
    this.tap = join(folder, 'tap')
    this.#options = options
  }

  get url(): string {
    return this.server?.url ?? ''
  }

  async start(under: readonly string[] = []): Promise<void> {
    const options = { ...this.#options, dataDir: this.dataDir, mode: 'raw', port: 0 } as const
    const { tap } = this
    const clock = join(this.folder, 'clock')
    this.server = await startTapped({ options, keysDir: join(this.folder, 'keys'), tap, clock }, under)
    if (this.#storm !== null) this.#storm.url = this.url
  }

  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await this.server?.kill(signal)
    this.server = null
  }

  /** Sets the process's clock wrong by so many seconds. */
  shiftClock(seconds: number): void {
    writeFileSync(join(this.folder, 'clock'), String(seconds))
  }

  /** Keeps clients submitting until `calm`. */
  storm(): void {
    this.#storm = startStorm(this.history, this.url, 8)
  }

  async calm(): Promise<void> {
    await this.#storm?.stop()
    this.#storm = null
  }

  /** Waits until some more entries were acknowledged. */
  async progress(entries: number): Promise<void> {
    const until = this.history.acknowledged + entries
    while (this.history.acknowledged < until) await sleep(3)
  }

  /** Submits one entry, once; its status. */
  async add(leaf: string): Promise<number> {
    const response = await fetch(`${this.url}/add`, { method: 'POST', body: leaf })
    const text = await response.text()
    if (response.status === 200) this.history.acknowledge(leaf, Number(text))
    return response.status
  }

  /** What the log says of itself: `writing`, or why not. */
  async ready(): Promise<string> {
    return (await fetch(`${this.url}/readyz`)).text()
  }

  /** Whether this process has published since it started: then nothing is under way. */
  async hasPublished(): Promise<boolean> {
    const metrics = await (await fetch(`${this.url}/metrics`)).text()
    return /^samebits_log_published_timestamp_seconds [1-9]/m.test(metrics)
  }

  /** Copies the database, as a backup would be one; the server must not run. */
  copyDatabase(from: string, to: string): void {
    for (const name of databaseFiles) {
      rmSync(join(to, name), { force: true })
      if (existsSync(join(from, name))) cpSync(join(from, name), join(to, name))
    }
  }

  /** Holds what was signed and acknowledged against the log as it is served now. */
  async judge(strikes: number): Promise<Outcome> {
    const signatures = tellSignatures(this.history, this.tap)
    await this.history.judge(this.url)
    return { strikes, acknowledged: this.history.acknowledged, signatures, trees: this.history.trees }
  }

  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
