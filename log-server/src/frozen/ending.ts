/**
 * Whether a log is frozen, kept in two places that vouch for each other: the database, which every server of the log sees and
 * every commit obeys, and a file beside the marker, which is in no backup of the database. Where one has it, both get it: a
 * database from before the end is frozen again before anything is taken, and a machine that joins learns of it.
 */
import { readFile } from 'node:fs/promises'
import { FormatError } from '@samebits/core'
import { isCode, ProgramError, writeFileDurably } from '@samebits/host'
import type { Head, LogReader, LogStore } from '../store.ts'
import { type Frozen, parseFrozen } from './frozen.ts'

export interface EndingParts {
  readonly store: Pick<LogReader, 'frozen'> & Pick<LogStore<unknown>, 'freeze'>
  /** Of the file. */
  readonly path: string
  /** Name of this log. */
  readonly origin: string
}

export class Ending {
  readonly #parts: EndingParts
  /** Once seen it does not change. */
  #known: Frozen | null = null
  #inFile = false

  constructor(parts: EndingParts) {
    this.#parts = parts
  }

  /** As last seen, without looking. */
  get known(): Frozen | null {
    return this.#known
  }

  /** Looks at both places, and writes the file where it is missing. @throws ProgramError FROZEN_DAMAGED; StorageError */
  async look(): Promise<Frozen | null> {
    if (this.#known !== null && this.#inFile) return this.#known
    const inFile = await readFrozenFile(this.#parts)
    const text = await this.#parts.store.frozen()
    if (inFile === null && text !== null) await writeFileDurably(this.#parts.path, text, { mode: 0o600 })
    this.#known = text === null ? inFile : parsed(this.#parts, 'the database', text)
    this.#inFile = inFile !== null || text !== null
    return this.#known
  }

  /** For who holds the lease of `head`: freezes the database again where only the file has it. Returns the head as it is then. */
  async enforce(head: Head): Promise<Head> {
    const { store, path } = this.#parts
    if ((await this.look()) === null || (await store.frozen()) !== null) return head
    return store.freeze(head, await readFile(path, 'utf8'))
  }
}

/** Null where there is none. @throws ProgramError FROZEN_DAMAGED */
export async function readFrozenFile(parts: Pick<EndingParts, 'path' | 'origin'>): Promise<Frozen | null> {
  const text = await readFile(parts.path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  return text === null ? null : parsed(parts, parts.path, text)
}

/** What cannot be read is not taken for a log that goes on. */
function parsed({ origin }: Pick<EndingParts, 'origin'>, where: string, text: string): Frozen {
  const refuse = (detail: string, cause?: unknown) =>
    new ProgramError({
      code: 'FROZEN_DAMAGED',
      detail: `${where} says that a log was frozen, and ${detail}`,
      remedy: 'Bring back the file “frozen” of this log; without it nobody can tell whether the log has ended.',
      cause,
    })
  try {
    const frozen = parseFrozen(text)
    if (frozen.origin === origin) return frozen
    throw refuse(`it was ${frozen.origin}, not ${origin}`)
  } catch (cause) {
    if (cause instanceof FormatError) throw refuse(`not how: ${cause.detail}`, cause)
    throw cause
  }
}
