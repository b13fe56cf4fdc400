/**
 * Writes a log through to a {@link StaticPlace}: bundles and tiles first, the checkpoint last, and never backwards (docs/log.md
 * rule 4). What is published there counts as published: submitters are answered afterwards, and a checkpoint there
 * that the storage lacks keeps the log read-only.
 */
import { entriesPath, newTiles, TILE_WIDTH, type Tile, tilePath } from '@samebits/core'
import { type HeadSigner, openOwn } from '../signer.ts'
import type { LogReader, Publication } from '../store.ts'
import { type Place, PlaceError } from '../takeover.ts'
import { type Step, traced } from '../tracing/tracing.ts'
import type { PlacedCheckpoint, StaticPlace } from './static-place.ts'

export interface ExporterParts {
  readonly place: StaticPlace
  readonly reader: Pick<LogReader, 'tile' | 'entries'>
  readonly signer: HeadSigner
}

/** Files written at once. */
const concurrency = 8
/** Times that the checkpoint is compared again, where somebody else replaced it. */
const maxSwaps = 3

export class Exporter {
  readonly #parts: ExporterParts
  /** Files up to this size are there; null while that is not known. */
  #written: number | null = null

  constructor(parts: ExporterParts) {
    this.#parts = parts
  }

  /** As take-over asks it. "None" is an answer: a new place holds nothing yet. */
  get asPlace(): Place {
    return {
      name: this.#parts.place.name,
      read: async () => (await this.#asked(() => this.#parts.place.checkpoint()))?.text ?? null,
    }
  }

  /** @throws PlaceError */
  async publish({ size, checkpoint }: Publication, step: Step | null = null): Promise<void> {
    await this.#asked(async () => {
      const { place } = this.#parts
      const present = await place.checkpoint()
      const from = Math.max(this.#written ?? 0, this.#sizeOf(present))
      const full = from < size ? await traced(step, 'write tiles', () => this.#write(from, size)) : []
      await traced(step, 'swap checkpoint', () => this.#swap({ size, checkpoint }, present))
      for (const path of full) await place.removeUnder(`${path}.p/`)
    })
  }

  async #swap({ size, checkpoint }: Publication, before: PlacedCheckpoint | null): Promise<void> {
    const { place } = this.#parts
    let present = before
    for (let swaps = 0; ; swaps++) {
      if (this.#sizeOf(present) > size || swaps === maxSwaps)
        throw new PlaceError(`${place.name} holds a checkpoint of size ${this.#sizeOf(present)}, this one is ${size}`)
      if (await place.swapCheckpoint(checkpoint, present?.version ?? null)) return
      present = await place.checkpoint()
    }
  }

  /** Paths of the tiles and bundles that are full now. */
  async #write(from: number, size: number): Promise<string[]> {
    const full: string[] = []
    const tiles = newTiles(from, size)
    const worker = async () => {
      for (const tile of tiles) full.push(...(await this.#writeTile(tile)))
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    this.#written = size
    return full
  }

  async #writeTile(tile: Tile): Promise<string[]> {
    const { place, reader } = this.#parts
    const { level, index, width } = tile
    const paths = [tilePath(tile)]
    if (level === 0) {
      const path = entriesPath(index, width)
      await place.put(path, present(path, await reader.entries(index, width)))
      paths.push(path)
    }
    await place.put(tilePath(tile), present(tilePath(tile), await reader.tile(level, index, width)))
    return width === TILE_WIDTH ? paths : []
  }

  /** @throws PlaceError where what is there is not ours: it is never replaced */
  #sizeOf(present: PlacedCheckpoint | null): number {
    if (present === null) return 0
    const opened = openOwn(this.#parts.signer, present.text)
    if (opened !== null) return opened.checkpoint.size
    throw new PlaceError(`${this.#parts.place.name} holds a checkpoint that this log did not sign`)
  }

  async #asked<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof PlaceError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new PlaceError(`${this.#parts.place.name} cannot be written or read: ${reason}`, { cause })
    }
  }
}

function present(path: string, bytes: Uint8Array | null): Uint8Array {
  if (bytes === null) throw new RangeError(`${path} is not stored`)
  return bytes
}
