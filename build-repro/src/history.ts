/**
 * Everything that a log holds about one product, read by this publisher itself, entry by entry, and kept in
 * `.samebits/history.json`:
 *
 *     { "format": 1, "origin": "example.com/log", "product": "example.com/notes", "trust": "<sha256>",
 *       "checkpoint": "<checkpoint text>", "entries": [ { "index": 12, "entry": "<base64 leaf>" }, … ] }
 *
 * Every entry below the checkpoint's size was read under a root that the log's key signed. So the head that the next release
 * continues is never what somebody answered, but what the log's entries say.
 */
import { readFile } from 'node:fs/promises'
import {
  type Entry,
  formatEvidence,
  fromBase64,
  parseEntry,
  parseSignedCheckpoint,
  StatementError,
  type Trust,
  toBase64,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { isCode, ProgramError, writeFileDurably } from '@samebits/host'
import { z } from 'zod'
import { checkExtends, type ForkFound, type Log, type Tree } from './log-access.ts'
import { signersOf } from './signers.ts'

/** An entry about the product, in the tree at `index`. */
export interface ProductEntry {
  readonly index: number
  readonly entry: Entry
}

export interface History {
  /** The newest checkpoint under which everything was read. */
  readonly checkpoint: string
  readonly entries: readonly ProductEntry[]
}

const schema = z.strictObject({
  format: z.literal(1),
  origin: z.string(),
  product: z.string(),
  trust: z.string(),
  checkpoint: z.string(),
  entries: z.array(z.strictObject({ index: z.int().min(0), entry: z.base64() })),
})

export interface HistoryOptions {
  readonly log: Log
  readonly trust: Trust
  /** `.samebits/history.json` */
  readonly path: string
  /** Called as entries are read. */
  readonly onProgress: (done: number, total: number) => void
}

/**
 * Brings the kept history up to `tree`, durably, and returns it.
 *
 * @throws ForkFound where the tree does not extend the one that was read before; Retryable where it is smaller than that one;
 * SourceError, TileError
 */
export async function readHistory(tree: Tree, options: HistoryOptions): Promise<History> {
  const kept = await readKept(options)
  const keptSize = kept === null ? 0 : await checkKept(tree, kept.checkpoint)
  const read = kept?.entries ?? null
  const start = read === null ? 0 : keptSize
  const entries = [...(read ?? [])]
  for await (const { index, entry: leaf } of tree.reader.readEntries(start, tree.size)) {
    const entry = aboutProduct(options.trust, leaf)
    if (entry !== null) entries.push({ index, entry })
    options.onProgress(index + 1 - start, tree.size - start)
  }
  const history = { checkpoint: tree.signed.text, entries }
  if (read === null || tree.size > start) await keep(history, options)
  return history
}

/** The size up to which was read, once the tree extends that one. */
async function checkKept(tree: Tree, checkpoint: string): Promise<number> {
  const { size, root } = parseSignedCheckpoint(checkpoint).checkpoint
  if (size > 0) await checkExtends(tree, [{ size, root: toBase64(root), checkpoint }])
  return size
}

/**
 * An entry that matters: about this product, by a member, or a trust statement by anybody (its new authority is not listed
 * yet). Whatever else is in the log is somebody else's.
 */
function aboutProduct(trust: Trust, leaf: Uint8Array): Entry | null {
  let entry: Entry
  try {
    entry = parseEntry(nodeCrypto, leaf)
  } catch (error) {
    if (error instanceof StatementError) return null
    throw error
  }
  if (entry.statement.product !== trust.product) return null
  return entry.statement.kind === 'trust' || signersOf(trust, entry).length > 0 ? entry : null
}

/** Entries are null where the trust file was another one then: members may have been others. The tree that was read stays. */
type Kept = Pick<History, 'checkpoint'> & { readonly entries: History['entries'] | null }

/** What was kept for this log and product; null where there is none. */
async function readKept({ log, trust, path }: HistoryOptions): Promise<Kept | null> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (text === null) return null
  try {
    const kept = schema.parse(JSON.parse(text))
    if (kept.origin !== log.origin || kept.product !== trust.product) return null
    if (kept.trust !== trust.sha256) return { checkpoint: kept.checkpoint, entries: null }
    const entries = kept.entries.map(({ index, entry }) => ({
      index,
      entry: parseEntry(nodeCrypto, fromBase64(entry)),
    }))
    return { checkpoint: kept.checkpoint, entries }
  } catch (error) {
    throw new ProgramError({
      code: 'STATE_INVALID',
      detail: `${path} is not what was written there`,
      remedy: 'Delete it: the log is read again from its first entry.',
      exitCode: 10,
      cause: error,
    })
  }
}

async function keep({ checkpoint, entries }: History, { log, trust, path }: HistoryOptions): Promise<void> {
  const kept = {
    format: 1,
    origin: log.origin,
    product: trust.product,
    trust: trust.sha256,
    checkpoint,
    entries: entries.map(({ index, entry }) => ({ index, entry: toBase64(entry.leaf) })),
  }
  await writeFileDurably(path, `${JSON.stringify(kept)}\n`)
}

/**
 * A fork that was found, as evidence that convinces anybody (docs/formats.md §5), where the checkpoint of the older tree is
 * at hand. Null where only its root is.
 */
export async function forkEvidence({ known, oldRoot }: ForkFound, tree: Tree): Promise<Uint8Array | null> {
  if (known.checkpoint === undefined) return null
  const pair = { origin: tree.signed.checkpoint.origin, a: known.checkpoint, b: tree.signed.text }
  if (known.size === tree.size) return formatEvidence({ kind: 'split', ...pair })
  return formatEvidence({ kind: 'fork', ...pair, oldRoot, proof: await tree.reader.proveConsistency(known.size) })
}
