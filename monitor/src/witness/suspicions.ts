/**
 * What a witness keeps of signed checkpoints that do not fit (docs/log.md, *Being a witness*): evidence where it convicts, a
 * question (`unproven`) otherwise. One file each, named by its content, so that the same pair is kept once.
 */
import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Crypto, type Evidence, formatEvidence, type Suspicion, toHex } from '@samebits/core'
import { createFileDurably, isCode } from '@samebits/host'

export interface SuspicionsOptions {
  readonly folder: string
  readonly crypto: Crypto
  /** Seconds that only go up. */
  readonly clock: () => number
  /**
   * Files of one log in an hour, questions and convictions each: anyone can send a genuine checkpoint with a junk proof, and a log
   * that has lost its mind, or its key, can sign any number of roots.
   */
  readonly perHour: number
  /** Files in the folder; past it nothing more is kept. */
  readonly maxFiles: number
  readonly kept: (origin: string, kind: Suspicion['kind'], path: string) => void
  /** One that was not kept because of a limit. */
  readonly dropped: (origin: string, kind: Suspicion['kind']) => void
  readonly failed: (error: unknown) => void
}

export class Suspicions {
  readonly #options: SuspicionsOptions
  /** Times of the last hour, by class and origin; origins come from the log list. */
  readonly #recent = new Map<string, readonly number[]>()
  readonly #writing = new Set<string>()
  #files: number

  private constructor(options: SuspicionsOptions, files: number) {
    this.#options = options
    this.#files = files
  }

  /** @throws the system's error where the folder cannot be read */
  static async open(options: SuspicionsOptions): Promise<Suspicions> {
    return new Suspicions(options, (await readdir(options.folder)).length)
  }

  /** Keeps one; resolves when it is on the disk, was known, or was dropped by a limit. Never rejects. */
  async keep(origin: string, suspicion: Suspicion): Promise<void> {
    const { folder, crypto, kept, dropped, failed } = this.#options
    const { kind } = suspicion
    try {
      const bytes = formatEvidence(evidenceOf(origin, suspicion))
      const path = join(folder, `${kind}-${toHex(crypto.sha256(bytes)).slice(0, 32)}.json`)
      await this.#once(path, async () => {
        if (await isThere(path)) return
        if (!this.#hasRoom(origin, kind)) return dropped(origin, kind)
        await createFileDurably(path, bytes)
        kept(origin, kind, path)
      })
    } catch (error) {
      failed(error)
    }
  }

  /** The same one may come again while it is on its way to the disk. */
  async #once(path: string, work: () => Promise<void>): Promise<void> {
    if (this.#writing.has(path)) return
    this.#writing.add(path)
    try {
      await work()
    } finally {
      this.#writing.delete(path)
    }
  }

  /** Takes one place where there is one. */
  #hasRoom(origin: string, kind: Suspicion['kind']): boolean {
    const { clock, perHour, maxFiles } = this.#options
    const now = clock()
    const key = `${kind === 'unproven' ? 'question' : 'conviction'} ${origin}`
    const recent = (this.#recent.get(key) ?? []).filter((time) => now - time < 3600)
    if (recent.length >= perHour || this.#files >= maxFiles) return false
    this.#recent.set(key, [...recent, now])
    this.#files++
    return true
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false
    throw error
  }
}

function evidenceOf(origin: string, { kind, recorded, submitted }: Suspicion): Evidence {
  if (kind === 'empty-root') return { kind, origin, a: submitted }
  return { kind, origin, a: recorded ?? '', b: submitted }
}
