/** The log list in force: read at start, read again when the file changes, kept when the new file is broken. */
import { readFile, stat } from 'node:fs/promises'
import { FormatError, type Hasher, toHex, utf8 } from '@samebits/core'
import { ProgramError, systemReason } from '@samebits/host'
import { type LogList, parseLogList } from './log-list.ts'

export interface LogListSourceOptions {
  readonly path: string
  readonly hasher: Hasher
  /** Told when a new list is in force, or why the old one stays. */
  readonly changed: (list: LogList) => void
  readonly kept: (reason: string) => void
}

/** Lists of the witness network hold some thousand logs. */
const maxBytes = 16 << 20

export class LogListSource {
  readonly #options: LogListSourceOptions
  #list: LogList = new Map()
  #origins: ReadonlyMap<string, string> = new Map()
  #seen = ''

  private constructor(options: LogListSourceOptions) {
    this.#options = options
  }

  /** @throws ProgramError LOG_LIST where the first list cannot be used */
  static async open(options: LogListSourceOptions): Promise<LogListSource> {
    const source = new LogListSource(options)
    try {
      await source.#load()
    } catch (error) {
      const detail = error instanceof Error ? reasonOf(error) : String(error)
      const remedy = 'Write a logs/v0 list: see samebits-monitor witness --help.'
      throw new ProgramError({ code: 'LOG_LIST', detail: `${options.path}: ${detail}`, remedy, cause: error })
    }
    return source
  }

  get list(): LogList {
    return this.#list
  }

  /** The listed origin with this hash (C2SP tlog-witness, "Monitor Retrieval Mechanism"). */
  originOf(hash: string): string | null {
    return this.#origins.get(hash) ?? null
  }

  /** Looks whether the file changed; a list that cannot be read or parsed leaves the old one in force. */
  async refresh(): Promise<void> {
    try {
      if (await this.#load()) this.#options.changed(this.#list)
    } catch (error) {
      this.#options.kept(error instanceof Error ? reasonOf(error) : String(error))
    }
  }

  async #load(): Promise<boolean> {
    const { path, hasher } = this.#options
    const { mtimeMs, size, ino } = await stat(path)
    const seen = `${ino} ${size} ${mtimeMs}`
    if (seen === this.#seen) return false
    if (size > maxBytes) throw new FormatError('log-list', `more than ${maxBytes} bytes`)
    const text = await readFile(path, 'utf8')
    this.#seen = seen
    this.#list = parseLogList(hasher, text)
    this.#origins = new Map([...this.#list.keys()].map((origin) => [toHex(hasher.sha256(utf8(origin))), origin]))
    return true
  }
}

function reasonOf(error: Error): string {
  return error instanceof FormatError ? error.detail : systemReason(error)
}
