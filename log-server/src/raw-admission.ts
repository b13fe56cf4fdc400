/**
 * Raw admission: any bytes up to the limit, for a general C2SP log. A leaf that is already among the newest entries is a
 * duplicate and gets its index again; the window is kept in memory and rebuilt at start from the stored leaf hashes.
 */
import { HASH_SIZE, TILE_WIDTH } from '@samebits/core'
import type { Admission, AdmissionBatch, NoTables, Place, Prepared, Refusal, Verdict } from './admission.ts'
import type { LogReader } from './store.ts'

export interface RawAdmissionOptions {
  readonly maxLeafBytes: number
  /** How many of the newest entries are looked through for duplicates. */
  readonly windowEntries: number
}

/** Leaf hash, as one character a byte, to index; the oldest first. */
type Window = Map<string, number>

/** Raw admission whose window holds the newest entries of `reader`. */
export async function openRawAdmission(
  reader: Pick<LogReader, 'head' | 'tile'>,
  options: RawAdmissionOptions,
): Promise<Admission<null, NoTables>> {
  const size = (await reader.head())?.size ?? 0
  const window = await readWindow(reader, Math.max(0, size - options.windowEntries), size)
  return {
    mode: 'raw',
    maxLeafBytes: options.maxLeafBytes,
    prepare: async (leaf) => prepareRaw(leaf, options.maxLeafBytes),
    begin: async () => new RawBatch(window, options.windowEntries),
  }
}

function prepareRaw(leaf: Uint8Array, maxLeafBytes: number): Prepared<null> | Refusal {
  if (leaf.length <= maxLeafBytes) return { kind: 'prepared', leaf, item: null }
  return { kind: 'refuse', status: 413, code: 'entry-too-large', detail: `an entry has at most ${maxLeafBytes} bytes` }
}

async function readWindow(reader: Pick<LogReader, 'tile'>, from: number, to: number): Promise<Window> {
  const window: Window = new Map()
  for (let tile = Math.floor(from / TILE_WIDTH); tile * TILE_WIDTH < to; tile++) {
    const width = Math.min(TILE_WIDTH, to - tile * TILE_WIDTH)
    const hashes = (await reader.tile(0, tile, width)) ?? new Uint8Array(0)
    for (let at = 0; at * HASH_SIZE < hashes.length; at++) {
      const index = tile * TILE_WIDTH + at
      if (index >= from) window.set(keyOf(hashes.subarray(at * HASH_SIZE, (at + 1) * HASH_SIZE)), index)
    }
  }
  return window
}

class RawBatch implements AdmissionBatch<null> {
  readonly #window: Window
  readonly #windowEntries: number
  readonly #added: Window = new Map()

  constructor(window: Window, windowEntries: number) {
    this.#window = window
    this.#windowEntries = windowEntries
  }

  async decide(_item: null, { index, leafHash }: Place): Promise<Verdict> {
    const key = keyOf(leafHash)
    const known = this.#added.get(key) ?? this.#window.get(key)
    if (known !== undefined) return { kind: 'duplicate', index: known }
    this.#added.set(key, index)
    return { kind: 'admit' }
  }

  async flush(): Promise<void> {}

  committed(): void {
    for (const [key, index] of this.#added) this.#window.set(key, index)
    for (const oldest of this.#window.keys()) {
      if (this.#window.size <= this.#windowEntries) break
      this.#window.delete(oldest)
    }
  }
}

function keyOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('latin1')
}
