/**
 * `sizes.json`: the tree sizes that clients may be at, so that every update bundle proves consistency from them
 * (docs/formats.md §3).
 *
 *     { "format": 1, "origin": "example.com/log",
 *       "anchors": [ { "size": 7, "root": "<base64>" } ],    // newest first: shipped with applications
 *       "seen":    [ { "size": 12, "root": "<base64>" } ] }  // newest first: stapled, published by the log, or added by --from
 *
 * The roots are the ones that this publisher verified. So the file also is its memory: a log that no longer extends one of
 * these trees is caught here.
 */
import { readFile } from 'node:fs/promises'
import { isCode, ProgramError, writeFileDurably } from '@samebits/host'
import { z } from 'zod'

export interface KnownTree {
  readonly size: number
  /** Base64 of the 32-byte root. */
  readonly root: string
}

export interface Sizes {
  readonly format: 1
  readonly origin: string
  readonly anchors: readonly KnownTree[]
  readonly seen: readonly KnownTree[]
}

/** The most trees that the file keeps: what an update bundle may prove from (docs/formats.md §3, caps). */
export const sizesCap = 1024

const tree = z.strictObject({ size: z.int().min(1), root: z.string().regex(/^[A-Za-z0-9+/]{43}=$/) })
const sizesSchema = z.strictObject({
  format: z.literal(1),
  origin: z.string().min(1),
  anchors: z.array(tree).max(sizesCap),
  seen: z.array(tree).max(sizesCap),
})

/** @throws ProgramError SIZES_INVALID */
export function parseSizes(text: string): Sizes {
  let parsed: Sizes
  try {
    parsed = sizesSchema.parse(JSON.parse(text))
  } catch (error) {
    throw invalid('it is not what publishing wrote there', error)
  }
  for (const list of [parsed.anchors, parsed.seen]) {
    const sorted = list.every(({ size }, at) => at === 0 || size < (list[at - 1]?.size ?? 0))
    if (!sorted) throw invalid('its sizes do not fall')
  }
  return parsed
}

export function formatSizes(sizes: Sizes): string {
  return `${JSON.stringify(sizes, null, 2)}\n`
}

/**
 * The file at `path`; an empty list where there is none, or where it still is of one of the logs `before`: their proofs are
 * in the bundle of the step that replaced them.
 */
export async function readSizes(path: string, origin: string, before: readonly string[]): Promise<Sizes> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  const none: Sizes = { format: 1, origin, anchors: [], seen: [] }
  if (text === null) return none
  const sizes = parseSizes(text)
  if (sizes.origin !== origin && before.includes(sizes.origin)) return none
  if (sizes.origin !== origin) throw invalid(`it belongs to the log ${sizes.origin}, not to ${origin}`)
  return sizes
}

export async function writeSizes(path: string, sizes: Sizes): Promise<void> {
  await writeFileDurably(path, formatSizes(sizes))
}

/**
 * Adds trees, each once, newest first. The empty tree is never kept: from size 0 no proof is needed.
 *
 * @returns the grown list, and how many of the oldest anchors the cap pushed out
 */
export function addSizes(
  sizes: Sizes,
  add: { readonly anchors?: readonly KnownTree[]; readonly seen?: readonly KnownTree[] },
): { readonly sizes: Sizes; readonly anchorsDropped: number } {
  const anchors = merge(sizes.anchors, add.anchors ?? [])
  const keptAnchors = anchors.slice(0, sizesCap)
  const isAnchor = new Set(keptAnchors.map(({ size }) => size))
  const seen = merge(sizes.seen, add.seen ?? [])
    .filter(({ size }) => !isAnchor.has(size))
    .slice(0, sizesCap - keptAnchors.length)
  return {
    sizes: { ...sizes, anchors: keptAnchors, seen },
    anchorsDropped: anchors.length - keptAnchors.length,
  }
}

function merge(known: readonly KnownTree[], added: readonly KnownTree[]): KnownTree[] {
  const bySize = new Map([...known, ...added].filter(({ size }) => size > 0).map((tree) => [tree.size, tree]))
  return [...bySize.values()].sort((a, b) => b.size - a.size)
}

function invalid(why: string, cause?: unknown): ProgramError {
  return new ProgramError({
    code: 'SIZES_INVALID',
    detail: `sizes.json cannot be used: ${why}`,
    remedy: 'Restore it from version control: clients need the proofs from the sizes that it lists.',
    exitCode: 10,
    cause,
  })
}
