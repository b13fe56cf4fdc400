/** The log list in force: read at start, read again when the file changes, kept when the new one cannot be used. */
import { readFile, stat } from 'node:fs/promises'
import { FormatError, fromUtf8, type Hasher } from '@samebits/core'
import { ProgramError, systemReason } from '@samebits/host'
import { type LogList, parseLogList } from './log-list.ts'

export interface LogListSourceOptions {
  readonly path: string
  readonly hasher: Hasher
  /** Looks at logs before they are in force for the first time; throws where this witness must not cosign them. */
  readonly admit: (added: LogList) => Promise<void>
  /** A new list is in force. */
  readonly changed: (list: LogList) => void
  /** The list before stays in force; said once for each reason. */
  readonly kept: (reason: string) => void
}

/** Lists of the witness network hold some thousand logs. */
const maxBytes = 16 << 20

export class LogListSource {
  readonly #options: LogListSourceOptions
  #list: LogList = new Map()
  /** Which file was read last: inode, length and time. */
  #seen = ''
  #keptBecause: string | null = null
  #refreshing = false

  private constructor(options: LogListSourceOptions) {
    this.#options = options
  }

  /** @throws ProgramError LOG_LIST where the first list cannot be used; what `admit` throws */
  static async open(options: LogListSourceOptions): Promise<LogListSource> {
    const source = new LogListSource(options)
    try {
      await source.#load()
    } catch (error) {
      if (error instanceof ProgramError) throw error
      const remedy = 'Write a logs/v0 list: see samebits-monitor witness --help.'
      throw new ProgramError({ code: 'LOG_LIST', detail: `${options.path}: ${reasonOf(error)}`, remedy, cause: error })
    }
    return source
  }

  get list(): LogList {
    return this.#list
  }

  /** Looks whether the file changed. Never rejects: a list that cannot be used leaves the one before in force. */
  async refresh(): Promise<void> {
    if (this.#refreshing) return
    this.#refreshing = true
    try {
      if (!(await this.#load())) return
      this.#keptBecause = null
      this.#options.changed(this.#list)
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== this.#keptBecause) this.#options.kept(reason)
      this.#keptBecause = reason
    } finally {
      this.#refreshing = false
    }
  }

  /** Whether a new list came into force. A malformed file is not read again before it changes. */
  async #load(): Promise<boolean> {
    const { path, hasher, admit } = this.#options
    const { mtimeMs, size, ino } = await stat(path)
    const seen = `${ino} ${size} ${mtimeMs}`
    if (seen === this.#seen) return false
    try {
      if (size > maxBytes) throw new FormatError('log-list', `more than ${maxBytes} bytes`)
      const list = parseLogList(hasher, fromUtf8(await readFile(path)))
      await admit(new Map([...list].filter(([origin]) => !this.#list.has(origin))))
      this.#list = list
    } catch (error) {
      if (error instanceof FormatError) this.#seen = seen
      throw error
    }
    this.#seen = seen
    return true
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof FormatError || error instanceof ProgramError) return error.detail
  return error instanceof Error ? systemReason(error) : String(error)
}
