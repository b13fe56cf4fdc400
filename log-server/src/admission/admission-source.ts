/**
 * The admission file as it is now: read at start, read again when it or a trust file beside it changes, on a notice of the
 * file system and every few seconds without one (network file systems give none). A file that cannot be followed leaves
 * the one before it in force, and is told once.
 */
import { dirname, resolve } from 'node:path'
import { toHex } from '@samebits/core'
import {
  type AdmissionConfig,
  AdmissionFileError,
  type LoadOptions,
  loadAdmission,
  parseAdmissionFile,
} from './admission-file.ts'

/** What tells that something may have changed. Each returns how to end it. */
export interface ChangeNotices {
  /** Calls `changed` when a file in `folder` was written, replaced or removed. Missed and spurious calls do no harm. */
  readonly watch: (folder: string, changed: () => void) => () => void
  readonly every: (milliseconds: number, work: () => void) => () => void
}

export interface SourceEvents {
  /** Another file is in force. If this throws AdmissionFileError, the one before it stays. */
  changed(config: AdmissionConfig): Promise<void>
  /** A file was not followed. */
  broken(error: AdmissionFileError): void
}

export interface SourceOptions extends LoadOptions {
  readonly notices: ChangeNotices
  readonly pollMs?: number
}

export class AdmissionSource {
  readonly #options: SourceOptions
  #current: AdmissionConfig
  /** Of what was last looked at, followed or not. */
  #fingerprint: string
  #turn: Promise<void> = Promise.resolve()
  #endNotices: () => void = () => undefined

  /** Reads the file. Throws {@link AdmissionFileError}. */
  static async open(options: SourceOptions): Promise<AdmissionSource> {
    const fingerprint = await fingerprintOf(options)
    return new AdmissionSource(options, await loadAdmission(options), fingerprint)
  }

  private constructor(options: SourceOptions, config: AdmissionConfig, fingerprint: string) {
    this.#options = options
    this.#current = config
    this.#fingerprint = fingerprint
  }

  get current(): AdmissionConfig {
    return this.#current
  }

  /** Follows changes until `stop`. */
  follow(events: SourceEvents): void {
    const { notices, path, pollMs = 5_000 } = this.#options
    const look = (): void => void this.look(events)
    const ends = [notices.watch(dirname(path), look), notices.every(pollMs, look)]
    this.#endNotices = () => {
      for (const end of ends) end()
    }
  }

  stop(): void {
    this.#endNotices()
  }

  /** Looks once; what is already under way is finished before. */
  look(events: SourceEvents): Promise<void> {
    this.#turn = this.#turn.then(() => this.#look(events))
    return this.#turn
  }

  async #look(events: SourceEvents): Promise<void> {
    const fingerprint = await fingerprintOf(this.#options)
    if (fingerprint === this.#fingerprint) return
    try {
      const config = await loadAdmission(this.#options)
      if (config.mode !== this.#current.mode)
        throw new AdmissionFileError(this.#options.path, 'another mode takes a restart')
      await events.changed(config)
      this.#current = config
    } catch (error) {
      if (!(error instanceof AdmissionFileError)) {
        // not the file's fault, and it may pass: the same file is tried again at the next look
        events.broken(new AdmissionFileError(this.#options.path, 'could not be put in force', { cause: error }))
        return
      }
      events.broken(error)
    }
    this.#fingerprint = fingerprint
  }
}

/** Changes when any byte of the admission file, or of a trust file that it names, does. */
async function fingerprintOf(options: LoadOptions): Promise<string> {
  const digest = async (path: string): Promise<{ bytes: Uint8Array | null; sum: string }> => {
    try {
      const bytes = await options.readFile(path)
      return { bytes, sum: toHex(options.hasher.sha256(bytes)) }
    } catch (error) {
      return { bytes: null, sum: `unreadable: ${String(error)}` }
    }
  }
  const { bytes, sum } = await digest(options.path)
  const sums = [sum]
  for (const path of trustPaths(bytes)) sums.push((await digest(resolve(dirname(options.path), path))).sum)
  return sums.join('\n')
}

function trustPaths(bytes: Uint8Array | null): readonly string[] {
  try {
    return bytes === null ? [] : [...parseAdmissionFile(bytes).products.values()]
  } catch {
    return [] // loading says what is wrong with it
  }
}
