/** Fills a log's database through the store itself, with durable commits of 256 entries, as a busy log makes them. */
import { concat } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { growEdge, readEdge } from '../log-server/src/edge.ts'
import { noExtension } from '../log-server/src/sql.ts'
import { openSqliteStore } from '../log-server/src/sqlite-store.ts'

const batchEntries = 256

/** Batches whose cost is looked at: the last ones. */
const measuredBatches = 60

/** Grows the log to `size` entries; returns the median cost of its last batches: microseconds an entry, hashing included. */
export async function fillStore(path: string, size: number, entry: () => Uint8Array): Promise<number> {
  const store = openSqliteStore({ path, extension: noExtension, mustExist: true })
  try {
    let head = await store.takeLease((await store.head())?.epoch ?? 0)
    let edge = await readEdge(nodeCrypto, store, head.size)
    const costs: number[] = []
    while (head.size < size) {
      const entries = Array.from({ length: Math.min(batchEntries, size - head.size) }, entry)
      const started = performance.now()
      const hashes = nodeCrypto.leafHashes(entries)
      const growth = growEdge(nodeCrypto, edge, hashes)
      const change = { entries, leafHashes: concat(...hashes), tiles: growth.tiles, root: growth.root }
      const committed = await store.commit(head, (tx) => tx.append(change))
      costs.push((performance.now() - started) / entries.length)
      head = committed.head
      edge = growth.edge
    }
    const last = costs.slice(-measuredBatches).sort((a, b) => a - b)
    return (last[last.length >> 1] ?? Number.NaN) * 1000
  } finally {
    await store.close()
  }
}
