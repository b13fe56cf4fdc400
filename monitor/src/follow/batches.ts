/** Chunks of a log put together to what is worth a transaction: each of those waits for the disk. */
import type { Chunk } from './read-tree.ts'

/** Entries up to `to - 1`, none of which was handed out before. */
export interface Batch<Facts> {
  readonly to: number
  readonly facts: readonly Facts[]
}

export interface BatchSize {
  readonly entries: number
  readonly bytes: number
}

/** What is handed out is in memory until it is written. */
const worthWriting: BatchSize = { entries: 2048, bytes: 4 << 20 }

/**
 * In order, and as soon as there is enough. What came before a failure is handed out before the failure is thrown: it is
 * authentic by itself.
 * @throws what `chunks` throws
 */
export async function* batched<Facts extends { readonly index: number }>(
  chunks: AsyncIterable<Chunk<Facts>>,
  enough: BatchSize = worthWriting,
): AsyncGenerator<Batch<Facts>, void, undefined> {
  let under: Chunk<Facts>[] = []
  const taken = (): Batch<Facts>[] => {
    const to = under.at(-1)?.to
    const facts = under.flatMap((chunk) => chunk.facts.filter(({ index }) => index >= chunk.from))
    under = []
    return to === undefined ? [] : [{ to, facts }]
  }
  try {
    for await (const chunk of chunks) {
      under.push(chunk)
      const entries = chunk.to - (under[0]?.from ?? 0)
      const bytes = under.reduce((sum, one) => sum + one.bytes, 0)
      if (entries >= enough.entries || bytes >= enough.bytes) yield* taken()
    }
  } catch (error) {
    yield* taken()
    throw error
  }
  yield* taken()
}
