/**
 * What the pages of the product index say, as JSON (docs/formats.md §4, "Convenience"):
 *
 *     product    { "product", "trust": { "version", "sha256", "endsAt"? }, "channels": { "<channel>": { "head", "open": [ statement, … ] } },
 *                  "unmet": [ statement, … ] }
 *     statement  { "id", "kind", "product", "channel"?, "version"?, "sequence"?, "previous"?, "met": index | null,
 *                  "entries": [ { "index", "signer" }, … ] }
 *
 * Entries at or past the published size are not told.
 */
import type { Head } from '../admission/heads.ts'
import type { ProductRow, StatementRow } from '../admission/tables.ts'
import type { Tree } from './logged.ts'
import type { ProductReader } from './product-reader.ts'

export interface StatementPage {
  readonly id: string
  readonly kind: string
  readonly product: string
  readonly channel?: string
  readonly version?: string | number
  readonly sequence?: number
  readonly previous?: string | null
  /** Index of the entry that met it. */
  readonly met: number | null
  readonly entries: readonly { readonly index: number; readonly signer: string }[]
}

interface ChannelPage {
  readonly head: Head | null
  /** Proposals for the next sequence. */
  readonly open: readonly StatementPage[]
}

export interface ProductPage {
  readonly product: string
  readonly trust: { readonly version: number; readonly sha256: string; readonly endsAt?: number }
  readonly channels: Readonly<Record<string, ChannelPage>>
  /** Revocations, waivers and trust statements that wait for co-signatures. */
  readonly unmet: readonly StatementPage[]
}

export function statementPage(row: StatementRow, { size }: Pick<Tree, 'size'>): StatementPage {
  const { id, kind, product, channel, sequence, previous, version, metAt } = row
  const place = channel === null || sequence === null ? {} : { channel, sequence, previous }
  const said = kind === 'trust' ? sequence : version
  return {
    id,
    kind,
    product,
    ...place,
    ...(said !== null && { version: said }),
    met: metAt !== null && metAt < size ? metAt : null,
    entries: row.signed.flatMap(({ index, signer }) => (index < size ? [{ index, signer }] : [])),
  }
}

/** Rows of the index as pages; those without a published entry are left out. */
export function statementPages(rows: readonly StatementRow[], tree: Pick<Tree, 'size'>): StatementPage[] {
  return rows.map((row) => statementPage(row, tree)).filter(({ entries }) => entries.length > 0)
}

export async function productPage(
  reader: ProductReader,
  row: ProductRow,
  tree: Pick<Tree, 'size'>,
): Promise<ProductPage> {
  const { product, version, sha256, endsAt } = row
  const channels: [string, ChannelPage][] = []
  for (const { channel, head } of await reader.heads(product)) {
    const above = await reader.releasesAt(product, channel, (head?.sequence ?? 0) + 1)
    const open = above.filter(({ previous, metAt }) => metAt === null && previous === (head?.id ?? null))
    channels.push([channel, { head, open: statementPages(open, tree) }])
  }
  return {
    product,
    trust: { version, sha256, ...(endsAt !== null && { endsAt }) },
    channels: Object.fromEntries(channels),
    unmet: statementPages(await reader.unmet(product), tree),
  }
}
