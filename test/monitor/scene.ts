/** A monitor in this process over logs that are served by HTTP, with a clock that the test moves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatVkey } from '@samebits/core'
import { type AlertRecord, parseConfig, type RunningMonitor, resolveConfig, startMonitor } from '@samebits/monitor'
import { ServedLog } from '../support/served-log.ts'
import { MemoryLog, type SignOptions, witness } from '../support/world.ts'
import { type TrustOptions, trustFile } from '../support/world-statements.ts'

export const ORIGIN = 'log.example.com/notes'
const START = 1_900_000_000
export const hour = 3600
export const day = 24 * hour

/** Two of three witnesses, at a time. */
export function cosignedAt(time: number): NonNullable<SignOptions['witnesses']> {
  return { 'w1.example': time, 'w2.example': time }
}

export interface SceneOptions {
  /** Further members of the configuration. */
  readonly config?: object
  /** Further members of the log in it. */
  readonly log?: object
  /** Further logs. */
  readonly others?: readonly object[]
  /** No trust file: a raw log. */
  readonly raw?: boolean
  readonly trust?: Partial<TrustOptions>
  /** Threads that read a backlog; one unless told. */
  readonly processors?: number
}

export class MonitorScene {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'samebits-scene-'))
  readonly served: ServedLog
  /** What the next start goes by. */
  options: SceneOptions
  now: number = START
  readonly lines: string[] = []
  readonly defects: object[] = []
  #monitor: RunningMonitor | null = null

  private constructor(served: ServedLog, options: SceneOptions) {
    this.served = served
    this.options = options
  }

  static async open(options: SceneOptions = {}): Promise<MonitorScene> {
    return new MonitorScene(await ServedLog.start(new MemoryLog(ORIGIN)), options)
  }

  get log(): MemoryLog {
    return this.served.log
  }

  get monitor(): RunningMonitor {
    if (this.#monitor === null) throw new Error('the monitor does not run')
    return this.#monitor
  }

  get trustPath(): string {
    return join(this.folder, 'trust.json')
  }

  /** A file beside the configuration. */
  write(name: string, bytes: Uint8Array): string {
    writeFileSync(join(this.folder, name), bytes)
    return join(this.folder, name)
  }

  /** Shows the whole tree, witnessed now. */
  publish(options: SignOptions = {}): string {
    return this.served.publish({ witnesses: cosignedAt(this.now), ...options })
  }

  /** Starts, and waits until all was read. */
  async start(): Promise<void> {
    await this.begin()
    await this.monitor.pollAll() // the one that began with the monitor
  }

  async begin(): Promise<void> {
    const { raw = false, trust = {}, config = {}, log = {}, others = [] } = this.options
    this.write('trust.json', trustFile({ log: this.log, ...trust }))
    const entry = {
      keys: [formatVkey(this.log.signer.key)],
      url: this.served.url,
      ...(raw ? {} : { trust: [this.trustPath] }),
      ...log,
    }
    const limits = { openAfter: '1s', rollbackAfter: '1s', ...('limits' in config ? (config.limits as object) : {}) }
    const text = JSON.stringify({ format: 1, logs: [entry, ...others], sinks: [{ kind: 'stdout' }], ...config, limits })
    const resolved = await resolveConfig(parseConfig(text, 'test'), join(this.folder, 'config.json'))
    this.#monitor = await startMonitor(resolved, join(this.folder, 'data'), {
      timing: {
        now: () => this.now,
        clock: () => performance.now() / 1000,
        defer: setImmediate,
        every: () => () => undefined,
      },
      fetch,
      stdout: { write: (line) => this.lines.push(line) },
      operator: { info() {}, warn() {}, error: (fields) => void this.defects.push(fields) },
      processors: this.options.processors ?? 1,
      onProgress() {},
    })
  }

  /** A poll, `later` seconds after the one before. */
  async poll(later = 60): Promise<void> {
    this.now += later
    await this.monitor.pollAll()
    await this.monitor.flush()
  }

  alerts(rule?: string): readonly AlertRecord[] {
    const all = this.monitor.store.alerts({ limit: 1000, after: 0 })
    return rule === undefined ? all : all.filter((alert) => alert.rule === rule)
  }

  rules(): string[] {
    return [...new Set(this.alerts().map(({ rule }) => rule))].sort()
  }

  async restart(): Promise<void> {
    await this.monitor.stop()
    await this.start()
  }

  async close(): Promise<void> {
    await this.#monitor?.stop()
    await this.served.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export function witnessKey(name: string): string {
  return formatVkey(witness(name).key)
}
