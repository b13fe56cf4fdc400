/** The log as a reader knows it: what is published in the database now. */
import { type Crypto, FormatError, NoteError, openCheckpoint, type VerifierKey } from '@samebits/core'
import type { Issued } from '../issuer.ts'
import { type LogReader, StorageError } from '../store.ts'

interface ViewParts {
  readonly reader: Pick<LogReader, 'published'>
  readonly crypto: Crypto
  readonly origin: string
  readonly keys: readonly VerifierKey[]
}

export class PublishedView {
  readonly #parts: ViewParts
  #published: Issued | null = null

  constructor(parts: ViewParts) {
    this.#parts = parts
  }

  /** What the last {@link refresh} that succeeded found. */
  published(): Issued {
    if (this.#published === null) throw new StorageError('STORAGE_DAMAGED', 'nothing that is published is known')
    return this.#published
  }

  /**
   * Looks anew. The writer answers submitters after its commit, so who heard an index finds it here.
   * @throws StorageError where nothing is published that the log signed
   */
  async refresh(): Promise<void> {
    const published = await read(this.#parts, this.#published)
    if (published.size >= (this.#published?.size ?? 0)) this.#published = published
  }

  /** Whether a tree of this size is known to be published. Where it is not, the writer may know more. */
  async reaches(size: number): Promise<boolean> {
    if (size <= (this.#published?.size ?? -1)) return true
    try {
      await this.refresh()
    } catch (error) {
      if (error instanceof StorageError) return false
      throw error
    }
    return size <= this.published().size
  }
}

/** What is published; `known` where it is still that. */
async function read({ reader, crypto, origin, keys }: ViewParts, known: Issued | null): Promise<Issued> {
  const published = await reader.published()
  if (published === null) throw new StorageError('STORAGE_DAMAGED', 'nothing is published')
  if (published.checkpoint === known?.checkpoint) return known
  try {
    const { size, root } = openCheckpoint(crypto, published.checkpoint, keys, origin).checkpoint
    return { size, root, checkpoint: published.checkpoint }
  } catch (cause) {
    if (!(cause instanceof FormatError || cause instanceof NoteError)) throw cause
    throw new StorageError('STORAGE_DAMAGED', 'what is published is not signed by this log', { cause })
  }
}
