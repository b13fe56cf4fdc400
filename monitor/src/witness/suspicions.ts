/**
 * What a witness keeps of signed checkpoints that do not fit (docs/log.md, *Being a witness*): evidence where it convicts, a
 * question (`unproven`) otherwise. One file each, named by its content, so that the same pair is kept once.
 */
import { join } from 'node:path'
import { type Crypto, type Evidence, formatEvidence, type Suspicion, toHex } from '@samebits/core'
import { createFileDurably, isCode } from '@samebits/host'

export interface SuspicionsOptions {
  readonly folder: string
  readonly crypto: Crypto
  /** Seconds that only go up. */
  readonly clock: () => number
  /** Questions kept of one log in an hour: anyone can send a genuine checkpoint with a junk proof. */
  readonly unprovenPerHour: number
  readonly kept: (origin: string, kind: string, path: string) => void
  readonly failed: (error: unknown) => void
}

export class Suspicions {
  readonly #options: SuspicionsOptions
  readonly #unproven = new Map<string, number[]>()

  constructor(options: SuspicionsOptions) {
    this.#options = options
  }

  /** Keeps one; resolves when it is on the disk, known, or dropped by the limit. */
  async keep(origin: string, suspicion: Suspicion): Promise<void> {
    if (suspicion.kind === 'unproven' && !this.#mayAsk(origin)) return
    const { folder, crypto, kept, failed } = this.#options
    const bytes = formatEvidence(evidenceOf(origin, suspicion))
    const path = join(folder, `${suspicion.kind}-${toHex(crypto.sha256(bytes)).slice(0, 32)}.json`)
    try {
      await createFileDurably(path, bytes)
      kept(origin, suspicion.kind, path)
    } catch (error) {
      if (!isCode(error, 'EEXIST')) failed(error)
    }
  }

  #mayAsk(origin: string): boolean {
    const { clock, unprovenPerHour } = this.#options
    const now = clock()
    const recent = (this.#unproven.get(origin) ?? []).filter((time) => now - time < 3600)
    const room = recent.length < unprovenPerHour
    this.#unproven.set(origin, room ? [...recent, now] : recent)
    return room
  }
}

function evidenceOf(origin: string, { kind, recorded, submitted }: Suspicion): Evidence {
  if (kind === 'empty-root') return { kind, origin, a: submitted }
  return { kind, origin, a: recorded ?? '', b: submitted }
}
